"""How a circle runs its networks without torch; `istrc.models.running` is the same with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from istrc.light.parts import AutoEncoder

PIXELS = 16 * 64 * 64  # drawn at once: the maps of as many stay near the processor


class Running:
    """Single precision on the CPU: there is nothing to choose."""

    runtime = "light"
    device = "cpu"
    precision = "float32"

    def to_device(self, x: Any) -> np.ndarray:
        return np.asarray(x, np.float32)

    faces = to_device

    def fused(self, name: str, net: Any) -> Callable[..., np.ndarray]:
        return net

    def encode(self, autoencoder: AutoEncoder, x: np.ndarray) -> np.ndarray:
        """Faces (B, 3, S, S) -> codes h (B, H)."""
        return autoencoder.encode(x)

    def draw(self, autoencoder: AutoEncoder, h: np.ndarray) -> np.ndarray:
        """Codes h (B, H) -> faces (B, 3, S, S), not clipped."""
        h, some = self.to_device(h), max(1, PIXELS // autoencoder.size**2)
        parts = [h[start : start + some] for start in range(0, max(len(h), 1), some)]
        return np.concatenate([autoencoder.decode(part) for part in parts])

    def arithmetic(self) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext()
