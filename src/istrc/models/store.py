"""A part on disk: config.json beside model.safetensors. What loads it never guesses.

config.json holds the part's kind, the arguments of its constructor, how faces must be prepared
for it, and the checksum of its weights. Weights are stored in half precision, great matrices in
eight bits with a scale a row, and computed with in single precision.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from istrc.errors import InputError, IstrcError

GREAT = 250_000  # weights; a matrix of as many is stored in eight bits
SCALE = "/scale"  # joins the name of such a matrix
# Where each kind of part lives; only the kinds that are read get imported
KINDS = {
    "FaceNet": "facenet",
    "AutoEncoder": "began",
    "Generator": "began",
    "Finer": "finer",
    "Mapping": "mapping",
    "Changes": "changes",
    "AttributeClassifiers": "attributes",
    "Aligner": "aligner",
    "JudgeNet": "judge",
    "Guides": "guide",
}
PREPROCESSING = {
    "colour": "RGB",
    "range": [-1, 1],
    "frame": [178, 218],
    "crop": [25, 45, 153, 173],
    "resize": "lanczos",
}


def save_part(part: nn.Module, folder: str | Path, **notes) -> None:
    """Write a part. `notes` (how it was trained, what it reached) join its configuration.

    Raises IstrcError when a weight is not finite, or too large for half precision.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, value in part.state_dict().items():
        value = value.cpu()
        if value.is_floating_point() and value.dim() == 2 and value.numel() >= GREAT:
            tensors |= _in_bytes(name, value)
        else:
            tensors[name] = (value.half() if value.is_floating_point() else value).contiguous()
    for name, value in tensors.items():
        if not value.isfinite().all():
            kind = type(part).__name__
            raise IstrcError(f"{folder}: {kind} not saved, {name} is not finite in half precision")
    temporary = folder / "model.safetensors.tmp"
    save_file(tensors, temporary)
    temporary.chmod(0o644)  # safetensors writes for the owner alone
    checksum = _checksum(temporary)
    os.replace(temporary, folder / "model.safetensors")
    config = {
        "kind": type(part).__name__,
        "arguments": part.config,
        "preprocessing": PREPROCESSING,
        "sha256": checksum,
        **notes,
    }
    temporary = folder / "config.json.tmp"
    temporary.write_text(json.dumps(config, indent=2) + "\n")
    os.replace(temporary, folder / "config.json")


def read_notes(folder: str | Path) -> dict:
    """What a part's config.json holds beside what `save_part` writes of itself."""
    written = ("kind", "arguments", "preprocessing", "sha256")
    return {k: v for k, v in read_config(folder).items() if k not in written}


def load_part(folder: str | Path, device: str | torch.device = "cpu") -> nn.Module:
    """Read a part, ready for inference.

    Raises InputError when a file is missing, damaged (checksum), of an unknown kind or of another
    version.
    """
    folder = Path(folder)
    path = folder / "model.safetensors"
    try:
        config = json.loads((folder / "config.json").read_text())
        kind, arguments, expected = config["kind"], config["arguments"], config["sha256"]
        checksum = _checksum(path)
    except OSError as error:
        raise InputError(
            f"{error.filename}: missing weights ({error.strerror}); "
            "install the package again or train this part"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder}/config.json: damaged ({type(error).__name__}: {error}); "
            "install the package again"
        ) from None
    if str(kind) not in KINDS:
        raise InputError(f"{folder}/config.json: a part of unknown kind {kind!r}; update istrc")
    if checksum != expected:
        raise InputError(f"{path}: damaged weights (checksum differs); install the package again")
    cls = _class(kind)  # imported before the meta device, which would empty a module's own tensors
    try:
        with torch.device("meta"):
            part = cls(**_as_tuples(arguments))
        part.load_state_dict(_from_bytes(load_file(path)), assign=True)
    except (TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{folder}: not a {kind} of this version ({reason}); update istrc or train this part"
        ) from None
    part.to(device, memory_format=torch.channels_last)
    return part.eval().requires_grad_(False)


def _in_bytes(name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
    """A matrix (R, C) as int8 and, beside it, what a unit of each row is worth (R, 1)."""
    scale = value.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
    return {name: (value / scale).round().to(torch.int8), name + SCALE: scale.float()}


def _from_bytes(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights in single precision, of a file that `save_part` wrote."""
    whole = {}
    for name, value in tensors.items():
        if name + SCALE in tensors:
            whole[name] = value.float() * tensors[name + SCALE]
        elif not name.endswith(SCALE):
            whole[name] = value.float() if value.is_floating_point() else value
    return whole


def read_config(folder: str | Path) -> dict:
    """A part's config.json, of a folder that `save_part` wrote."""
    return json.loads((Path(folder) / "config.json").read_text())


def _as_tuples(arguments: dict) -> dict:
    def whole(value):
        return tuple(map(whole, value)) if isinstance(value, list) else value

    return {name: whole(value) for name, value in arguments.items()}


def fingerprint(part: nn.Module) -> str:
    """Sixteen hex digits that tell the weights of two networks apart."""
    digest = hashlib.sha256()
    for name, value in part.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _class(kind: str) -> type[nn.Module]:
    return getattr(importlib.import_module(f"istrc.models.{KINDS[kind]}"), kind)


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
