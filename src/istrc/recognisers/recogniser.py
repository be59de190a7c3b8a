"""What a recogniser is to the rest of the house: a face goes in, a point of the sphere comes out.

An adapter is any object with these names; nothing is inherited. Adapters are in this package, one
a file; `load_recogniser` in `load.py` makes them from what a user writes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from istrc.errors import InputError
from istrc.sphere import normalize
from istrc.whole import checksum, digest

if TYPE_CHECKING:
    import torch

# What two records must agree in, and what it is called; the rest (the file's name, what it said of
# itself) may differ
IDENTIFIED_BY = {"kind": "kind", "sha256": "weights", "input": "input layout or placement"}


@runtime_checkable
class Recogniser(Protocol):
    """A face recogniser behind one interface.

    Attributes:
        size: side of its input, pixels.
        dim: D, the dimension of its sphere.
        record: what tells it from others, as JSON has it: `kind`, `sha256` of its weights,
            `input` (layout, colours, placement), and what it takes to load it again.
        notes: what its user should know, a sentence each.
    """

    size: int
    dim: int
    notes: list[str]

    @property
    def record(self) -> dict[str, Any]: ...

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """THE CROPS (B, 3, S, S) in [-1, 1], any S -> embeddings z (B, D) float32, unit norm."""
        ...


def identifying(record: dict[str, Any]) -> dict[str, Any]:
    """What of a record tells recognisers apart."""
    return {name: record.get(name) for name in IDENTIFIED_BY}


def key(record: dict[str, Any]) -> str:
    """Sixteen hex digits that tell recognisers apart."""
    return digest(json.dumps(identifying(record), sort_keys=True))


def difference(record: dict[str, Any], other: dict[str, Any]) -> str:
    """In which of kind, weights and input two recognisers differ; empty where they are one."""
    return ", ".join(
        word for name, word in IDENTIFIED_BY.items() if record.get(name) != other.get(name)
    )


def file_checksum(*paths: Path) -> str:
    """SHA-256 of a recogniser's files. Raises InputError when one cannot be read."""
    try:
        return checksum(*paths)
    except OSError as error:
        raise InputError(
            f"{error.filename}: {str(error.strerror).lower()}; name the recogniser's file"
        ) from None


def on_sphere(y: torch.Tensor, name: object) -> torch.Tensor:
    """Outputs (B, D) of any length -> unit norm, float32.

    Raises InputError where one has no direction: not finite, or zero.
    """
    y = y.float()
    peak = y.abs().amax(dim=1, keepdim=True)
    if not bool(y.isfinite().all()):
        raise InputError(
            f"{name}: its output is not finite (NaN or infinity); check the mean and scale of its "
            "input, or export it in single precision"
        )
    if not bool((peak > 1e-9).all()):
        raise InputError(
            f"{name}: its output is the zero vector, which has no direction; check that the output "
            "is the embedding"
        )
    return normalize(y)


def checked(record: Any) -> dict[str, Any]:
    """A record read from a file. Raises KeyError or TypeError where it is none."""
    if not isinstance(record["kind"], str) or not isinstance(record["sha256"], str):
        raise TypeError("kind and sha256 must be text")
    return record
