"""Where to compute: a name becomes a device of torch."""

from __future__ import annotations

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
