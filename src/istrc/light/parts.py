"""The circle's parts over NumPy's arrays: each stands for the network of its name in istrc.models.

They take and give what the networks do, float32 arrays in place of tensors, and call the part's
graphs (istrc.light.graphs). What is no network is written once, for both (istrc.arrays).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from istrc.errors import InputError
from istrc.light.graphs import Graphs
from istrc.recognisers.placement import template
from istrc.resample import resized
from istrc.shape.frame import found_in


class Part:
    """A part of the circle, opened from its folder.

    It has what the network of its name has: the arguments that made it (`dim`, `names`), and the
    arrays among its weights (`mean`), read when they are asked for. istrc.models tells of both.
    """

    runtime = "light"
    # Of the weights, those that are asked for, and their shapes: a number, an argument that is one
    # or lists as many, or `name.0` for the first that it lists
    arrays: dict[str, tuple[str | int, ...]] = {}

    def __init__(self, graphs: Graphs):
        self.graphs = graphs
        self.config: dict[str, Any] = graphs.config["arguments"]
        self.fingerprint = graphs.config["sha256"][:16]

    def __getattr__(self, name: str) -> Any:
        if name in self.arrays:
            return self._array(name)
        try:
            value = vars(self)["config"][name]
        except KeyError:
            raise AttributeError(name) from None
        return tuple(value) if isinstance(value, list) else value

    def _array(self, name: str) -> np.ndarray:
        """Raises InputError where it is missing or of another shape."""
        array = self.graphs.weights.get(name)
        shape = tuple(map(self._size, self.arrays[name]))
        if array is None or array.shape != shape:
            raise InputError(
                f"{self.graphs.folder}: its {name} is not of shape {shape}; install the "
                "package again or train this part"
            )
        return array

    def _size(self, said: str | int) -> Any:
        """A number of `arrays` by what it is called there; None where the part has none."""
        if not isinstance(said, str):
            return said
        name, _, place = said.partition(".")
        value = self.config.get(name)
        if place:
            return dict(enumerate(value or ())).get(int(place))
        return len(value) if isinstance(value, list) else value

    def eval(self) -> Part:
        """As a network of torch has it; there is no other mode here."""
        return self


class FaceNet(Part):
    """Faces (B, 3, S, S) in [-1, 1] -> embeddings z (B, D) of unit norm."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.graphs.run("embed", "embeddings", faces=x)


class Own:
    """Our FaceNet as a recogniser; see istrc.recognisers."""

    ours = True

    def __init__(self, net: FaceNet, sha256: str):
        self.net, self.size, self.dim = net, net.size, net.dim
        self.placement = template("crop", net.size)
        self.notes: list[str] = []
        self.record = {"kind": "own", "sha256": sha256, "size": self.size, "dim": self.dim}

    def embed(self, x: np.ndarray) -> np.ndarray:
        """THE CROPS (B, 3, S, S) in [-1, 1], any S -> z (B, D) of unit norm."""
        if x.shape[-1] != self.size:
            x = resized(x, self.size).clip(-1, 1)
        return self.net(x)


class AutoEncoder(Part):
    """BEGAN's: faces (B, 3, S, S) <-> codes h (B, H)."""

    def encode(self, x: np.ndarray) -> np.ndarray:
        return self.graphs.run("encode", "codes", faces=x)

    def decode(self, h: np.ndarray) -> np.ndarray:
        return self.graphs.run("decode", "faces", codes=h)


class Mapping(Part):
    """F: embeddings z (B, D) -> codes h (B, H)."""

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return self.graphs.run("map", "codes", embeddings=z)


class Changes(Part):
    """Code c (B, C) and a walk from z to z' (B, D) -> the change of the code (B, C)."""

    def __call__(self, c: np.ndarray, z: np.ndarray, z2: np.ndarray) -> np.ndarray:
        return self.graphs.run("change", "changes", codes=c, embeddings=z, ends=z2)


class AttributeClassifiers(Part):
    """Calibrated logits of attributes and their gradients in z: what a step of the walk asks."""

    arrays = {"covariance": ("dim", "dim")}

    def __call__(self, z: np.ndarray, columns: np.ndarray | None = None) -> np.ndarray:
        """z (B, D) -> calibrated logits (B, A), or (B, len(columns))."""
        return self.at(columns)(z)[0]

    def at(self, columns: np.ndarray | None = None) -> Callable[[np.ndarray], list[np.ndarray]]:
        """z (B, D) -> calibrated logits (B, A) and their gradients in z (B, A, D)."""
        asked = np.arange(len(self.names)) if columns is None else columns

        def gradient(z: np.ndarray) -> list[np.ndarray]:
            if not len(asked):
                return [np.zeros((len(z), 0, *end), np.float32) for end in ((), (self.dim,))]
            return self.graphs.run("look", "logits", "gradients", embeddings=z, columns=asked)

        return gradient


class Probes(Part):
    """Codes (B, C) -> logits of attributes (B, A); see istrc.models.probes."""

    arrays = {
        "typical": ("names", 2),
        "reach": ("names", 2),
        "prototypes": ("names", "code"),
        "ranges": ("measures", 2, 3),
        "gain": ("measures", 2),
        "directions": ("measures", 68, 2),
        "turns": (2, 68, 2),
        "mean": ("code",),
        "spread": ("code",),
        "detail": ("names", "detail.0", "detail.1", "detail.1"),
        "detail_mean": ("detail.0", "detail.1", "detail.1"),
        "detail_ranges": ("names", 2, 3),
        "hair_places": (2, 2, "hair", "hair"),
        "hair_tones": ("names", 2, 4, 4),
    }

    def __call__(self, c: np.ndarray) -> np.ndarray:
        return self.graphs.run("read", "logits", codes=c)


class Search(Part):
    """Codes (B, C) -> how far found points are off, (steps, B, 136); see istrc.models.search."""

    def __call__(self, c: np.ndarray) -> np.ndarray:
        return self.graphs.run("correct", "corrections", codes=c)


class Landmarks(Part):
    """Faces (B, 3, S, S) -> their points (B, 68, 3); see istrc.models.landmarks."""

    arrays = {"mean": (68, 2), "reference": (68, 2), "triangles": ("faces", 3)}

    def __init__(self, graphs: Graphs):
        super().__init__(graphs)
        self.size, self.rough_size = (self.config[one]["size"] for one in ("fine", "rough"))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.graphs.run("find", "points", faces=x)

    def find_in(self, faces: np.ndarray, rough: bool = False) -> np.ndarray:
        """The points of pictures (B, S, S, 3) uint8, or (B, R, R, 3): (B, 68, 3)."""

        def guess(x: np.ndarray) -> np.ndarray:
            return self.graphs.run("guess", "points", faces=x)

        return found_in(guess if rough else self, faces, self.rough_size if rough else self.size)


KINDS = {kind.__name__: kind for kind in Part.__subclasses__()}


def load_part(folder: str | Path, device: str = "cpu") -> Part:
    """Open a part. Raises InputError where it is missing or damaged, or has no graphs."""
    if device not in ("cpu", "auto"):
        raise InputError(f"device {device!r}: the runtime without torch computes on the CPU alone")
    graphs = Graphs(folder)
    kind = graphs.config["kind"]
    if kind not in KINDS:
        raise InputError(f"{folder}: a {kind} is of no use without torch")
    return KINDS[kind](graphs)
