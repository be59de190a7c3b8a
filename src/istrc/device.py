"""Where to compute: a name becomes a device of torch."""

from __future__ import annotations

import contextlib

import torch

from istrc.errors import InputError


def choose_device(name: str = "cpu") -> str:
    """ "auto" takes CUDA, then Apple's GPU, then the CPU; other names are torch's own."""
    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device {name!r}: not usable here ({str(error).splitlines()[0]}); use --device cpu"
        ) from None
    return name


def reduced(device: str | torch.device) -> contextlib.AbstractContextManager:
    """In which a training's networks compute: bfloat16 where the processor multiplies it.

    A processor that does not is ten times slower in it than in single precision.
    """
    kind = torch.device(device).type
    fast = kind != "cpu" or any(
        getattr(torch.cpu, name, lambda: False)()
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return torch.autocast(kind, torch.bfloat16) if fast else contextlib.nullcontext()
