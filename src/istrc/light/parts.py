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
from istrc.models.corrections import corrected
from istrc.recognisers.placement import template
from istrc.resample import resized


class Part:
    """A part of the circle, opened from its folder."""

    runtime = "light"

    def __init__(self, graphs: Graphs):
        self.graphs = graphs
        self.config: dict[str, Any] = graphs.config["arguments"]
        self.fingerprint = graphs.config["sha256"][:16]

    def eval(self) -> Part:
        """As a network of torch has it; there is no other mode here."""
        return self


class FaceNet(Part):
    """Faces (B, 3, S, S) in [-1, 1] -> embeddings z (B, D) of unit norm."""

    def __init__(self, graphs: Graphs):
        super().__init__(graphs)
        self.size, self.dim = self.config["size"], self.config["dim"]

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

    def __init__(self, graphs: Graphs):
        super().__init__(graphs)
        self.size, self.code = self.config["size"], self.config["code"]

    def encode(self, x: np.ndarray) -> np.ndarray:
        return self.graphs.run("encode", "codes", faces=x)

    def decode(self, h: np.ndarray) -> np.ndarray:
        return self.graphs.run("decode", "faces", codes=h)

    def draw(self, h: np.ndarray) -> list[np.ndarray]:
        """Faces, and the decoder's last maps."""
        return self.graphs.run("decode", "faces", "maps", codes=h)


class Finer(Part):
    """Faces (B, 3, S, S) and the maps that they were drawn from -> faces (B, 3, 2 S, 2 S)."""

    def __init__(self, graphs: Graphs):
        super().__init__(graphs)
        self.size = self.config["size"]

    def __call__(self, x: np.ndarray, maps: np.ndarray) -> np.ndarray:
        return self.graphs.run("refine", "finer", faces=x, maps=maps)


class Mapping(Part):
    """F: embeddings z (B, D) -> codes h (B, H)."""

    def __init__(self, graphs: Graphs):
        super().__init__(graphs)
        self.dim, self.code = self.config["dim"], self.config["code"]

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return self.graphs.run("map", "codes", embeddings=z)


class Changes(Part):
    """Code h (B, H) and a walk from z to z' (B, D) -> the change of the code (B, H)."""

    def __init__(self, graphs: Graphs):
        super().__init__(graphs)
        mapping = self.config["mapping"]
        self.dim, self.code = mapping["dim"], mapping["code"]

    def __call__(self, h: np.ndarray, z: np.ndarray, z2: np.ndarray) -> np.ndarray:
        return self.graphs.run("change", "changes", codes=h, embeddings=z, ends=z2)


class AttributeClassifiers(Part):
    """Calibrated logits of attributes and their gradients in z: what a step of the walk asks."""

    def __init__(self, graphs: Graphs):
        super().__init__(graphs)
        self.names, self.dim = tuple(self.config["names"]), self.config["dim"]

    @property
    def covariance(self) -> np.ndarray:
        """(D, D) of the training embeddings, the metric of `metric="data"`."""
        return self.graphs.weights["covariance"]

    def index(self, name: str) -> int:
        """The column of an attribute; KeyError when there is none of this name."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(name) from None

    def __call__(self, z: np.ndarray, columns: np.ndarray | None = None) -> np.ndarray:
        """z (B, D) -> calibrated logits (B, A), or (B, len(columns))."""
        return self.gradient(z, columns)[0]

    def gradient(self, z: np.ndarray, columns: np.ndarray | None = None) -> list[np.ndarray]:
        """Calibrated logits (B, A) and their gradients in z (B, A, D)."""
        if columns is None:
            columns = np.arange(len(self.names))
        if not len(columns):
            return [np.zeros((len(z), 0), np.float32), np.zeros((len(z), 0, self.dim), np.float32)]
        return self.graphs.run("look", "logits", "gradients", embeddings=z, columns=columns)

    def at(self, columns: np.ndarray | None = None) -> Callable[[np.ndarray], list[np.ndarray]]:
        """`gradient` of these attributes as a function of z alone."""
        return lambda z: self.gradient(z, columns)


class Guides(Part):
    """Faces (B, 3, S, S) -> logits of every member (M, B, A)."""

    def __init__(self, graphs: Graphs):
        super().__init__(graphs)
        self.attributes = list(self.config["attributes"])

    @property
    def typical(self) -> np.ndarray:
        """(A, 2), see istrc.models.guide."""
        return self.graphs.weights["typical"]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.graphs.run("see", "logits", faces=x)


class Aligner(Part):
    """Sees a face under a guessed frame, and says how the guess is wrong."""

    def __init__(self, graphs: Graphs):
        super().__init__(graphs)
        self.size = self.config["size"]

    def correct(self, faces: np.ndarray) -> np.ndarray:
        """uint8 (B, S, S, 3) -> float64 (B, 2, 3); see istrc.models.corrections."""

        def look(x: np.ndarray) -> np.ndarray:
            return self.graphs.run("look", "corrections", faces=x)

        return corrected(look, faces, self.size)


KINDS = {
    kind.__name__: kind
    for kind in (
        FaceNet,
        AutoEncoder,
        Finer,
        Mapping,
        Changes,
        AttributeClassifiers,
        Guides,
        Aligner,
    )
}


def load_part(folder: str | Path, device: str = "cpu") -> Part:
    """Open a part. Raises InputError where it is missing or damaged, or has no graphs."""
    if device not in ("cpu", "auto"):
        raise InputError(f"device {device!r}: the runtime without torch computes on the CPU alone")
    graphs = Graphs(folder)
    kind = graphs.config["kind"]
    if kind not in KINDS:
        raise InputError(f"{folder}: a {kind} is of no use without torch")
    return KINDS[kind](graphs)
