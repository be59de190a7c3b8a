"""Other ways to edit the same faces, measured beside ours: `istrc evaluate editing --peers all`.

paper_walk.py    the paper's walk as it is written, rebuilt as decode(F(z))
code_vector.py   an attribute's vector in the space of BEGAN's code
boundary.py      the normal of a linear boundary on the sphere, as InterFaceGAN's
dfi.py           deep feature interpolation in our own network's feature maps

examples.py      the labelled faces that they learn from: of `fit`, as our networks
put_back.py      how a changed code becomes a picture: as in our photo mode
calibration.py   what strength 1 means to each of them, found on `tune`

A peer is an `Editor` (istrc.evaluation.editing), made by the function of its name from a circle,
examples and the attributes to learn. Its strengths are in a measure of its own until calibrated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from istrc.errors import InputError

if TYPE_CHECKING:
    from istrc.evaluation.editing import Editor


@dataclass(frozen=True)
class Planned:
    """A peer by name, and where the search for its strength 1 begins."""

    name: str
    measure: str  # what its own strengths are counted in
    start: float  # of that measure
    slow: bool = False  # measured on fewer faces

    @property
    def make(self) -> Callable[..., Editor]:
        """(circle, examples, attributes) -> Editor."""
        return getattr(import_module(f"istrc.evaluation.peers.{self.name}"), self.name)


PEERS = {
    one.name: one
    for one in (
        Planned("paper_walk", "radians stepped", 0.4),
        Planned("code_vector", "differences of means", 1.0),
        Planned("boundary", "lengths of z", 0.5),
        Planned("dfi", "differences of means", 1.0, slow=True),
    )
}


def choose_peers(names: Sequence[str]) -> tuple[Planned, ...]:
    """The peers of these names, each once; `all` is every one. Raises InputError for another."""
    if "all" in names:
        return tuple(PEERS.values())
    for name in names:
        if name not in PEERS:
            raise InputError(
                f"--peers {name}: no such peer; give all, or some of {', '.join(PEERS)}"
            )
    return tuple(PEERS[name] for name in dict.fromkeys(names))
