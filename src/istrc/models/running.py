"""How a circle runs its networks on torch: where, in which numbers, and as what."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import nn

from istrc.models.began import AutoEncoder
from istrc.models.fused import DECODED, ENCODED, Cached, in_blocks, without_batch_norm


class Running:
    """The networks of one circle in use. `istrc.light.parts` has the same without torch.

    Args:
        autoencoder: is where the circle is.
    """

    runtime = "torch"

    def __init__(self, autoencoder: AutoEncoder):
        self._autoencoder = autoencoder
        self.precision = torch.float32
        self._folded: dict[str, Cached] = {}  # the networks as inference runs them

    @property
    def device(self) -> torch.device:
        parts = chain(self._autoencoder.parameters(), self._autoencoder.buffers())
        return next(parts).device

    def to_device(self, x: Any) -> torch.Tensor:
        """A tensor, or NumPy's array, as a tensor on the device."""
        return (torch.from_numpy(x) if isinstance(x, np.ndarray) else x).to(self.device)

    def faces(self, x: Any) -> torch.Tensor:
        """Faces (B, 3, S, S) here, in the order of memory in which convolutions are fast."""
        return self.to_device(x).contiguous(memory_format=torch.channels_last)

    def fused(self, name: str, net: nn.Module) -> Callable[..., torch.Tensor]:
        """A network of the circle, under its name, as it is run."""
        return self._folded.setdefault(name, Cached(without_batch_norm)).of(net)

    def encode(self, autoencoder: AutoEncoder, x: torch.Tensor) -> torch.Tensor:
        """Faces (B, 3, S, S) -> codes h (B, H)."""
        with self.arithmetic():
            return in_blocks(autoencoder.encode, x, autoencoder.size, ENCODED)

    def draw(self, autoencoder: AutoEncoder, h: torch.Tensor) -> torch.Tensor:
        """Codes h (B, H) -> faces (B, 3, S, S), not clipped."""
        with self.arithmetic():
            return in_blocks(autoencoder.decode, self.to_device(h), autoencoder.size, DECODED)

    def arithmetic(self) -> contextlib.AbstractContextManager:
        """In which the networks that see pictures compute; see `Circle.precision`."""
        if self.precision == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.precision)
