"""Any recogniser in an ONNX file, run by onnxruntime; its faces are torch's tensors.

ArcFace, MobileFaceNet, FaceNet and their like differ in how their input is laid out, and the file
does not say it. It is given once and recorded beside what is trained for the recogniser:

    size      side of the input, where the file leaves it open
    layout    NCHW or NHWC; told by the shape where it can be
    colour    RGB or BGR
    mean, scale   what the network is fed is (v - mean) / scale, v = 0..255
    template  where the input lies in the face: arcface, crop, or L,T,R,B in the 178x218 frame
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.errors import InputError, IstrcError
from istrc.recognisers import placement
from istrc.recognisers.recogniser import checksum, on_sphere

KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
LAYOUTS, COLOURS = ("NCHW", "NHWC"), ("RGB", "BGR")
PROBES = 4  # faces of noise that the network is tried on when it is loaded


class Onnx:
    """A recogniser from an ONNX file with one input of pictures and one output of embeddings.

    Raises InputError where the file is missing, not ONNX, of other shapes, or its output is no
    point of a sphere; IstrcError where onnxruntime is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        size: int | None = None,
        layout: str | None = None,
        colour: str = "RGB",
        mean: float = 127.5,
        scale: float = 127.5,
        template: str = "arcface",
    ):
        self.path = Path(path)
        digest = checksum(self.path)
        self.session = _open(self.path)
        layout = layout and layout.upper()
        shape = self._input_shape(layout)
        self.layout = layout or self._told_layout(shape)
        self.batch, self.size = self._check_shape(shape, size)
        self.colour = _choice(self.path, "colour", colour.upper(), COLOURS)
        self.mean, self.scale = float(mean), float(scale)
        if not (np.isfinite(self.mean) and np.isfinite(self.scale) and self.scale > 0):
            raise InputError(f"{path}: mean {mean:g}, scale {scale:g}: scale must be above 0")
        self.placement = placement.template(template, self.size)
        self.notes: list[str] = []
        self.dim = self._try()
        self.record: dict[str, Any] = {
            "kind": "onnx",
            "sha256": digest,
            "input": {
                "layout": self.layout,
                "colour": self.colour,
                "mean": self.mean,
                "scale": self.scale,
                "placement": placement.as_json(self.placement),
            },
            "options": {
                "size": self.size,
                "layout": self.layout,
                "colour": self.colour,
                "mean": self.mean,
                "scale": self.scale,
                "template": template,
            },
            "file": self.path.name,
            "size": self.size,
            "dim": self.dim,
        }

    @torch.no_grad()
    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """THE CROPS (B, 3, S, S) in [-1, 1] -> z (B, D) of unit norm, on the CPU."""
        x = placement.place(x.cpu(), self.placement, self.size)
        return on_sphere(torch.from_numpy(self._run(x)), self.path)

    def _run(self, x: torch.Tensor) -> np.ndarray:
        """Placed faces (B, 3, size, size) in [-1, 1] -> the network's outputs (B, D)."""
        v = ((x + 1) * 127.5 - self.mean) / self.scale
        if self.colour == "BGR":
            v = v.flip(1)
        if self.layout == "NHWC":
            v = v.permute(0, 2, 3, 1)  # (B, size, size, 3)
        faces = v.contiguous().numpy().astype(self.kind)
        count = len(faces)
        step = self.batch or max(count, 1)
        parts = []
        for start in range(0, count, step):
            some = faces[start : start + step]
            missing = step - len(some) if self.batch else 0
            if missing:  # the file's batch is of fixed length
                some = np.concatenate([some, np.zeros((missing, *some.shape[1:]), some.dtype)])
            try:
                (y,) = self.session.run(None, {self.name: some})
            except Exception as error:  # onnxruntime's errors have no common class of their own
                reason = " ".join(str(error).split())[:160]
                raise InputError(
                    f"{self.path}: does not run on {some.shape} ({reason}); check the input size "
                    "and layout"
                ) from None
            y = np.asarray(y, np.float32)
            if y.ndim < 2 or len(y) != len(some) or y[0].size != max(y.shape[1:]):
                raise InputError(
                    f"{self.path}: its output is {y.shape} for {len(some)} faces, and embeddings "
                    "are (faces, D); export the network up to its embedding"
                )
            parts.append(y.reshape(len(y), -1)[: len(some) - missing])
        return np.concatenate(parts) if parts else np.zeros((0, self.dim), np.float32)

    def _input_shape(self, layout: str | None) -> list[int | None]:
        """The one input's shape, None where it is open. Sets its name and number type."""
        if layout is not None:
            _choice(self.path, "layout", layout, LAYOUTS)
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        for what, found in (("inputs", inputs), ("outputs", outputs)):
            if len(found) != 1:
                names = ", ".join(one.name for one in found)
                raise InputError(
                    f"{self.path}: has {len(found)} {what} ({names}), and a recogniser has one; "
                    f"export it with one of its {what} alone"
                )
        (one,) = inputs
        if one.type not in KINDS:
            raise InputError(
                f"{self.path}: its input is {one.type}, not float or float16; export it for "
                "floating point pictures"
            )
        self.name, self.kind = one.name, KINDS[one.type]
        shape = [value if isinstance(value, int) and value > 0 else None for value in one.shape]
        if len(shape) != 4:
            raise InputError(
                f"{self.path}: its input is {one.shape}, and faces are (batch, 3, size, size) or "
                "(batch, size, size, 3)"
            )
        return shape

    def _told_layout(self, shape: list[int | None]) -> str:
        colours = [shape[1] == 3, shape[3] == 3]
        if sum(colours) != 1:
            raise InputError(
                f"{self.path}: its input {_shown(shape)} does not say where the colours are; give "
                "the layout, NCHW or NHWC"
            )
        return LAYOUTS[colours.index(True)]

    def _check_shape(self, shape: list[int | None], size: int | None) -> tuple[int | None, int]:
        batch = shape[0]
        channel, sides = (1, shape[2:]) if self.layout == "NCHW" else (3, shape[1:3])
        if shape[channel] not in (3, None):
            raise InputError(
                f"{self.path}: its input {_shown(shape)} has {shape[channel]} channels as "
                f"{self.layout}, and a face has 3; give the other layout or another file"
            )
        known = {side for side in sides if side is not None}
        if len(known) > 1:
            raise InputError(
                f"{self.path}: its input {_shown(shape)} is not square; give a file whose input is"
            )
        if not known and size is None:
            raise InputError(
                f"{self.path}: its input {_shown(shape)} leaves the size open; give it with "
                "--input-size"
            )
        if known and size is not None and known != {size}:
            raise InputError(
                f"{self.path}: its input {_shown(shape)} is of {known.pop()} px, not --input-size "
                f"{size}; leave --input-size out"
            )
        side = known.pop() if known else int(size)
        if not 8 <= side <= 1024:
            raise InputError(f"{self.path}: an input of {side} px; give one of 8 to 1024 px")
        return batch, side

    def _try(self) -> int:
        """D, found by running the network on noise; what is odd about it goes into `notes`."""
        noise = np.random.default_rng(0).uniform(-1, 1, (PROBES, 3, self.size, self.size))
        self.dim = 0
        y = torch.from_numpy(self._run(torch.from_numpy(noise.astype(np.float32))))
        if y.shape[1] < 2:
            raise InputError(f"{self.path}: its output has {y.shape[1]} number, not an embedding")
        z = on_sphere(y, self.path)
        length = y.norm(dim=1)
        if not bool(((length - 1).abs() < 1e-3).all()):
            low, high = float(length.min()), float(length.max())
            self.notes.append(
                f"{self.path}: its output is not of unit norm ({low:.3g} to {high:.3g}): normalised"
            )
        if bool((z @ z.T > 1 - 1e-6).all()):
            self.notes.append(
                f"{self.path}: gives four different pictures of noise one embedding; check mean "
                "and scale"
            )
        return y.shape[1]


def _open(path: Path):
    try:
        import onnxruntime
    except ImportError:
        raise IstrcError(f"{path}: ONNX needs onnxruntime: pip install 'istrc[onnx]'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what goes wrong is raised; the rest is noise
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: not an ONNX file that runs here ({reason})") from None


def _choice(path: Path, what: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise InputError(f"{path}: {what} {value!r}; use {' or '.join(known)}")
    return value


def _shown(shape: list[int | None]) -> str:
    return "(" + ", ".join("?" if value is None else str(value) for value in shape) + ")"
