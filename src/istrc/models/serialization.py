"""A part on disk: config.json beside model.safetensors. What loads it never guesses.

config.json holds the part's kind, the arguments of its constructor, how faces must be prepared
for it, and the checksum of its weights. Weights are stored in half precision, large matrices in
eight bits with a scale a row, and computed with in single precision.
"""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from istrc.errors import InputError, IstrcError, reason
from istrc.models.fused import channels_last
from istrc.models.kinds import KINDS
from istrc.models.part_files import CONFIG, SCALE, WEIGHTS, checked_config, nested, read_weights
from istrc.shape.crop import CROP, FRAME_SIZE
from istrc.whole import checksum, whole, write_json

QUANTISED = 250_000  # weights; a matrix of as many is stored in eight bits
PREPROCESSING = {
    "colour": "RGB",
    "range": [-1, 1],
    "frame": list(FRAME_SIZE),
    "crop": list(CROP),
    "resize": "lanczos",
}


def save_part(part: nn.Module, folder: str | Path, **notes: Any) -> None:
    """Write a part. `notes` (how it was trained, what it reached) join its configuration.

    Raises IstrcError when a weight is not finite, or too large for half precision.
    """
    folder = Path(folder)
    tensors: dict[str, torch.Tensor] = {}
    for name, value in part.state_dict().items():
        value = value.cpu()
        if value.is_floating_point() and value.dim() == 2 and value.numel() >= QUANTISED:
            scale = value.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127  # (R, 1), of a unit
            tensors |= {name: (value / scale).round().to(torch.int8), name + SCALE: scale.float()}
        else:
            tensors[name] = (value.half() if value.is_floating_point() else value).contiguous()
    for name, value in tensors.items():
        if not value.isfinite().all():
            kind = type(part).__name__
            raise IstrcError(f"{folder}: {kind} not saved, {name} is not finite in half precision")
    with whole(folder / WEIGHTS, alone=True) as temporary:
        save_file(tensors, temporary)
        temporary.chmod(0o644)  # safetensors writes for the owner alone
        sha256 = checksum(temporary)
    own = dict(kind=type(part).__name__, arguments=part.config, preprocessing=PREPROCESSING)
    write_json(folder / CONFIG, {**own, "sha256": sha256, **notes})


def load_part(folder: str | Path, device: str | torch.device = "cpu") -> nn.Module:
    """Read a part, ready for inference.

    Raises InputError when a file is missing, damaged (checksum), of an unknown kind or of another
    version.
    """
    config = checked_config(folder)
    kind, arguments = config["kind"], config["arguments"]
    # Imported before the meta device, which would empty a module's own tensors
    cls = getattr(importlib.import_module(f"istrc.models.{KINDS[kind].module}"), kind)
    try:
        with torch.device("meta"):
            part = cls(**{name: nested(tuple, value) for name, value in arguments.items()})
        weights = {name: torch.from_numpy(value) for name, value in read_weights(folder).items()}
        for name, wanted in part.state_dict().items():
            if name in weights and weights[name].dtype != wanted.dtype:
                raise TypeError(f"{name} is {weights[name].dtype}, not {wanted.dtype}")
        part.load_state_dict(weights, assign=True)
    except InputError:
        raise
    except Exception as error:  # arguments that are none make constructors raise nearly anything
        raise InputError(
            f"{folder}: not a {kind} of this version ({reason(error)[:200]}); update istrc or "
            "train this part"
        ) from None
    return channels_last(part, device).eval().requires_grad_(False)


def fingerprint(part: nn.Module) -> str:
    """Sixteen hex digits that tell the weights of two networks apart."""
    return weights_checksum(part)[:16]


def weights_checksum(*modules: nn.Module) -> str:
    """SHA-256 over the names and values of every weight of these networks, in order."""
    digest = hashlib.sha256()
    for module in modules:
        for name, value in module.state_dict().items():
            digest.update(name.encode())
            array = value.detach().cpu().contiguous()
            array = array.float() if array.dtype == torch.bfloat16 else array
            digest.update(array.numpy().tobytes())
    return digest.hexdigest()
