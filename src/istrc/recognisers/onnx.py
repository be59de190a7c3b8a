"""Any recogniser in an ONNX file, run by onnxruntime; its faces are torch's tensors.

ArcFace, MobileFaceNet, FaceNet and their like differ in how their input is laid out, and the file
does not say it. It is given once and recorded beside what is trained for the recogniser:

    size      side of the input, or HxW, where the file leaves it open
    layout    NCHW or NHWC; told by the shape where it can be
    colour    RGB or BGR; GREY where the shape tells one channel
    mean, scale   what the network is fed is (v - mean) / scale, v = 0..255; one number, or one
              a channel in the network's order, divided by commas
    output    the name of the embedding among several outputs
    template  where the input lies in the face: arcface, crop, or L,T,R,B in the 178x218 frame
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.errors import InputError, reason
from istrc.recognisers import placement
from istrc.recognisers.recogniser import file_checksum, on_sphere
from istrc.runtime import needed

KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
LAYOUTS, COLOURS = ("NCHW", "NHWC"), ("RGB", "BGR")
GREY = "GREY"
_LUMA = (0.299, 0.587, 0.114)  # of R, G, B: ITU-R BT.601, as OpenCV and Pillow turn faces grey
PROBES = 4  # faces of noise that the network is tried on when it is loaded


class Onnx:
    """A recogniser from an ONNX file with one input of pictures and an output of embeddings.

    Weights beside the file (ONNX's external data) are part of it, and of its checksum.

    Raises InputError where a file is missing, not ONNX, of other shapes, or its output is no point
    of a sphere; IstrcError where onnx or onnxruntime is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        size: int | str | None = None,
        layout: str | None = None,
        colour: str | None = None,
        mean: float | str = 127.5,
        scale: float | str = 127.5,
        template: str = "arcface",
        output: str | None = None,
    ):
        self.path = Path(path)
        self.data = _external_data(self.path) if self.path.is_file() else []
        digest = file_checksum(self.path, *self.data)
        self.session = _open(self.path)
        self.output = self._infer_output(output)
        channels = self._read_input(layout, size)
        self.size = max(self.sides)
        known = (GREY,) if channels == 1 else COLOURS
        if channels == 1 and colour and colour.upper() != GREY:
            raise InputError(f"{path}: colour {colour}: it takes grey pictures; leave colour out")
        self.colour = _choice(self.path, "colour", (colour or known[0]).upper(), known)
        count = len(self.colour) if self.colour != GREY else 1
        self.mean = _numbers(self.path, "mean", mean, count)
        self.scale = _numbers(self.path, "scale", scale, count)
        if not all(value > 0 for value in self.scale):
            raise InputError(f"{path}: scale {scale}: scale must be above 0")
        self.placement = placement.middle(placement.template(template, self.size), *self.sides)
        self.notes: list[str] = []
        self.dim = self._try()
        named = {} if output is None else {"output": output}
        self.record: dict[str, Any] = {
            "kind": "onnx",
            "sha256": digest,
            "input": {
                "layout": self.layout,
                "colour": self.colour,
                "mean": _short(self.mean),
                "scale": _short(self.scale),
                "placement": placement.as_json(self.placement),
                **({"sides": list(self.sides)} if len(set(self.sides)) > 1 else {}),
                **named,
            },
            "options": {
                "size": "x".join(map(str, dict.fromkeys(self.sides))),
                "layout": self.layout,
                "colour": self.colour,
                "mean": ",".join(map(repr, self.mean)),
                "scale": ",".join(map(repr, self.scale)),
                "template": template,
                **named,
            },
            "file": self.path.name,
            "size": self.size,
            "dim": self.dim,
        }

    @torch.no_grad()
    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """THE CROPS (B, 3, S, S) in [-1, 1] -> z (B, D) of unit norm, on the CPU."""
        x = placement.place(x.cpu(), self.placement, self.sides)
        return on_sphere(torch.from_numpy(self._run(x)), self.path)

    def _run(self, x: torch.Tensor) -> np.ndarray:
        """Placed faces (B, 3, height, width) in [-1, 1] -> the network's outputs (B, D)."""
        v = (x + 1) * 127.5
        if self.colour == "BGR":
            v = v.flip(1)
        if self.colour == GREY:
            v = (v * v.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)  # (B, 1, h, w)
        v = (v - v.new_tensor(self.mean)[:, None, None]) / v.new_tensor(self.scale)[:, None, None]
        if self.layout == "NHWC":
            v = v.permute(0, 2, 3, 1)  # (B, height, width, C)
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
                (y,) = self.session.run([self.output], {self.name: some})
            except Exception as error:  # onnxruntime's errors have no common class of their own
                raise InputError(
                    f"{self.path}: does not run on {some.shape} ({reason(error)[:160]}); check the "
                    "input size and layout"
                ) from None
            y = np.asarray(y, np.float32)
            if y.ndim < 2 or len(y) != len(some) or y[0].size != max(y.shape[1:]):
                raise InputError(
                    f"{self.path}: its output is {y.shape} for {len(some)} faces, and embeddings "
                    "are (faces, D); export the network up to its embedding"
                )
            parts.append(y.reshape(len(y), -1)[: len(some) - missing])
        return np.concatenate(parts) if parts else np.zeros((0, self.dim), np.float32)

    def _read_input(self, layout: str | None, size: int | str | None) -> int | None:
        """The channels of the one input, None where they are open. Sets its name, number type,
        layout, batch (None where it is open) and sides, height and width.
        """
        if layout is not None:
            layout = _choice(self.path, "layout", layout.upper(), LAYOUTS)
        inputs = self.session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(one.name for one in inputs)
            raise InputError(
                f"{self.path}: has {len(inputs)} inputs ({names}), and a recogniser has one; "
                "export it with one of its inputs alone"
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
        shown = "(" + ", ".join("?" if value is None else str(value) for value in shape) + ")"
        colours = [shape[1] in (1, 3), shape[3] in (1, 3)]
        if layout is None and sum(colours) != 1:
            raise InputError(
                f"{self.path}: its input {shown} does not say where the colours are; give the "
                "layout, NCHW or NHWC"
            )
        self.layout = layout or LAYOUTS[colours.index(True)]
        self.batch, *shape = shape
        channels = shape.pop(0 if self.layout == "NCHW" else 2)
        if channels not in (1, 3, None):
            raise InputError(
                f"{self.path}: its input {shown} has {channels} channels as {self.layout}, and a "
                "face has 3, or 1 in grey; give the other layout or another file"
            )
        if None in shape and size is None:
            raise InputError(
                f"{self.path}: its input {shown} leaves the size open; give it with --input-size"
            )
        used: Any = shape if size is None else _sides(self.path, size)
        if any(own not in (None, given) for own, given in zip(shape, used, strict=True)):
            raise InputError(
                f"{self.path}: its input {shown} is of {'x'.join(map(str, shape))} px, not "
                f"--input-size {size}; leave --input-size out"
            )
        if not all(8 <= side <= 1024 for side in used):
            raise InputError(
                f"{self.path}: an input of {'x'.join(map(str, used))} px; give one of 8 to 1024 px"
            )
        self.sides = used[0], used[1]
        return channels

    def _infer_output(self, output: str | None) -> str:
        names = [one.name for one in self.session.get_outputs()]
        if output is None and len(names) == 1:
            return names[0]
        if output is None or output not in names:
            what = f"no output {output!r}" if output is not None else "and one is the embedding"
            raise InputError(
                f"{self.path}: has {len(names)} output{'s' * (len(names) > 1)} "
                f"({', '.join(names)}), {what}; name it with --output"
            )
        return output

    def _try(self) -> int:
        """D, found by running the network on noise; what is odd about it goes into `notes`."""
        noise = np.random.default_rng(0).uniform(-1, 1, (PROBES, 3, *self.sides))
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


def load(kind: str, file: str, *, device: str, download: bool, **options: Any) -> Onnx:
    return Onnx(file, **options)


def _external_data(path: Path) -> list[Path]:
    """The files beside an ONNX file that hold weights of it, sorted.

    Raises InputError for one that is missing or elsewhere, IstrcError where onnx is not installed.
    """
    with needed(f"{path}: ONNX needs onnx: pip install 'istrc[onnx]'"):
        import onnx
        from onnx.external_data_helper import ExternalDataInfo, uses_external_data
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception:  # protobuf's own: onnxruntime says what is wrong
        return []
    tensors = [*graph.initializer]
    tensors += [one.t for node in graph.node for one in node.attribute if one.HasField("t")]
    found = set()
    for tensor in tensors:
        if uses_external_data(tensor):
            found.add(ExternalDataInfo(tensor).location)
    files = [path.parent / name for name in sorted(found)]
    for name, file in zip(sorted(found), files, strict=True):
        if not file.resolve().is_relative_to(path.parent.resolve()):
            raise InputError(f"{path}: its weights are in {name}, not beside it; put them there")
        if not file.is_file():
            raise InputError(
                f"{path}: its weights are in {name}, which is not there; put it into "
                f"{file.parent}, or export them into the file"
            )
    return files


def _open(path: Path) -> Any:
    with needed(f"{path}: ONNX needs onnxruntime: pip install 'istrc[onnx]'"):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what goes wrong is raised; the rest is noise
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above
        said = reason(error)[:160]
        raise InputError(f"{path}: not an ONNX file that runs here ({said})") from None


def _choice(path: Path, what: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise InputError(f"{path}: {what} {value!r}; use {' or '.join(known)}")
    return value


def _numbers(path: Path, what: str, given: float | str, count: int) -> tuple[float, ...]:
    """One number a channel; a single one is that of all."""
    try:
        values = tuple(float(part) for part in str(given).split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, count) or not np.isfinite(values).all():
        raise InputError(
            f"{path}: {what} {given}: give one number{f', or {count} as a,b,c' * (count > 1)}"
        )
    return values * count if len(values) == 1 else values


def _short(values: tuple[float, ...]) -> float | list[float]:
    """As it is recorded: one number where the channels do not differ."""
    return values[0] if len(set(values)) == 1 else list(values)


def _sides(path: Path, size: int | str) -> tuple[int, int]:
    """Height and width, of `112` or `112x96`."""
    try:
        sides = [int(part) for part in str(size).lower().split("x")]
    except ValueError:
        sides = []
    if len(sides) not in (1, 2):
        raise InputError(f"{path}: --input-size {size}: give a side as 112, or HxW as 112x96")
    return sides[0], sides[-1]
