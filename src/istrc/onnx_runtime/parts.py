"""The circle's parts over NumPy's arrays: each stands for the network of its kind in istrc.models.

They take and give what the networks do, float32 arrays in place of tensors, and run the part's
graphs (istrc.onnx_runtime.graphs). What is no network is written once, for both (istrc.arrays).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from istrc.errors import InputError
from istrc.models.kinds import KINDS, sizes
from istrc.onnx_runtime.graphs import Graphs
from istrc.resample import resized
from istrc.shape.frame import found_in
from istrc.shape.measures import COUNT

PIXELS = 16 * 64 * 64  # drawn at once: the maps of as many stay near the processor


class Part:
    """A part of the circle, opened from its folder.

    It has what istrc.models.kinds says of the network of its kind: its functions, which run the
    graphs, and the arrays among its weights (`mean`), read when they are asked for; besides, the
    arguments that made it (`dim`, `names`).
    """

    def __init__(self, graphs: Graphs):
        self.graphs = graphs
        self.config: dict[str, Any] = graphs.config["arguments"]
        self.fingerprint = graphs.config["sha256"][:16]  # tells parts of other weights apart
        kind = KINDS[graphs.config["kind"]]
        self._arrays = kind.arrays
        self._functions = {graph.function: (name, graph) for name, graph in kind.graphs.items()}

    def __call__(self, *inputs: Any) -> np.ndarray:
        return self._run("forward", *inputs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # not there yet, as when it is copied
            raise AttributeError(name)
        if name in self._arrays:
            return self._array(name)
        if name in self._functions:
            return partial(self._run, name)
        if name not in self.config:
            raise AttributeError(name)
        value = self.config[name]
        return tuple(value) if isinstance(value, list) else value

    def _run(self, function: str, *inputs: np.ndarray) -> Any:
        name, graph = self._functions[function]
        return self.graphs.run(name, *graph.outputs, **dict(zip(graph.inputs, inputs, strict=True)))

    def _array(self, name: str) -> np.ndarray:
        """Raises InputError where it is missing or of another shape."""
        array, shape = self.graphs.weights.get(name), sizes(self._arrays[name], self.config)
        if array is None or array.shape != shape:
            raise InputError(
                f"{self.graphs.folder}: its {name} is not of shape {shape}; install the "
                "package again or train this part"
            )
        return array

    def eval(self) -> Part:
        """As a network of torch has it; there is no other mode here."""
        return self


class AttributeClassifiers(Part):
    """Calibrated logits of attributes and their gradients in z: what a step of the walk asks."""

    def __call__(self, *inputs: Any) -> np.ndarray:
        """z (B, D), and columns or all -> calibrated logits (B, A), or (B, len(columns))."""
        z, *columns = inputs
        return self.at(*columns)(z)[0]

    def at(self, columns: np.ndarray | None = None) -> Callable[[np.ndarray], list[np.ndarray]]:
        """z (B, D) -> calibrated logits (B, A) and their gradients in z (B, A, D)."""
        asked = np.arange(len(self.names)) if columns is None else columns

        def gradient(z: np.ndarray) -> list[np.ndarray]:
            if not len(asked):
                return [np.zeros((len(z), 0, *end), np.float32) for end in ((), (self.dim,))]
            return self.gradients(z, asked)

        return gradient


class Landmarks(Part):
    """Faces (B, 3, S, S) -> their points (B, N, 3)."""

    def __init__(self, graphs: Graphs):
        super().__init__(graphs)
        self.config = {"points": COUNT, **self.config}  # which older ones do not say
        self.size, self.rough_size = (self.config[one]["size"] for one in ("fine", "rough"))

    def find_in(self, faces: np.ndarray, rough: bool = False) -> np.ndarray:
        """The points of pictures (B, S, S, 3) uint8, or (B, R, R, 3): (B, 68, 3)."""
        size = self.rough_size if rough else self.size
        return found_in(self.guess if rough else self, faces, size)


class Own:
    """Our FaceNet as a recogniser; see istrc.recognisers."""

    ours = True

    def __init__(self, net: Part, sha256: str):
        self.net, self.size, self.dim = net, net.size, net.dim
        self.notes: list[str] = []
        self.record = {"kind": "own", "sha256": sha256, "size": self.size, "dim": self.dim}

    def embed(self, x: np.ndarray) -> np.ndarray:
        """THE CROPS (B, 3, S, S) in [-1, 1], any S -> z (B, D) of unit norm."""
        if x.shape[-1] != self.size:
            x = resized(x, self.size).clip(-1, 1)
        return self.net(x)


class Running:
    """How a circle runs its networks; `istrc.models.fused` has the same with torch.

    Single precision on the CPU: there is nothing to choose.
    """

    runtime = "onnx"
    device = "cpu"
    precision = "float32"

    def to_device(self, x: Any) -> np.ndarray:
        return np.asarray(x, np.float32)

    faces = to_device

    def fused(self, name: str, net: Any) -> Callable[..., np.ndarray]:
        return net

    def encode(self, autoencoder: Part, x: np.ndarray) -> np.ndarray:
        """Faces (B, 3, S, S) -> codes h (B, H)."""
        return autoencoder.encode(x)

    def draw(self, autoencoder: Part, h: np.ndarray) -> np.ndarray:
        """Codes h (B, H) -> faces (B, 3, S, S), not clipped."""
        h, some = self.to_device(h), max(1, PIXELS // autoencoder.size**2)
        parts = [h[start : start + some] for start in range(0, max(len(h), 1), some)]
        return np.concatenate([autoencoder.decode(part) for part in parts])

    def arithmetic(self) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext()


def load_part(folder: str | Path, device: str = "cpu") -> Part:
    """Open a part. Raises InputError where it is missing or damaged, or has no graphs."""
    if device not in ("cpu", "auto"):
        raise InputError(f"device {device!r}: the runtime without torch computes on the CPU alone")
    graphs = Graphs(folder)
    kind = graphs.config["kind"]
    if not KINDS[kind].graphs:
        raise InputError(f"{folder}: a {kind} is of no use without torch")
    own = {"AttributeClassifiers": AttributeClassifiers, "Landmarks": Landmarks}
    return own.get(kind, Part)(graphs)
