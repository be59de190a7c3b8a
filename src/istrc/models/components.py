"""Principal components of shape-free faces: a linear code, and the way back from it.

They are measured on training faces (`istrc.training.components`) and never trained. The whole face
has some at half its resolution; eyes, nose and mouth, which in the mean shape are always at the
same pixels, have their own of what is left there, at all of it. A convolutional auto-encoder takes
days on a CPU to rebuild a face as well as these do; beside them it starts there, and learns what
they cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from istrc.arrays import numbers
from istrc.resample import looked_up, resized

Region = tuple[int, int, int, int, int]  # left, top, width, height, pixels; number of components


class Components(nn.Module):
    """Coordinates of faces along their components, each of unit variance over the faces.

    Args:
        count: components of the whole face.
        side: of the pictures that they are components of, in pixels.
        size: S, of the faces.
        regions: that have components of their own, in this order.
    """

    mean: torch.Tensor
    basis: torch.Tensor
    weight: torch.Tensor
    spread: torch.Tensor

    def __init__(self, count: int, side: int, size: int, regions: Sequence[Region] = ()):
        super().__init__()
        self.side, self.size = side, size
        self.regions: list[Region] = [(a, b, c, d, own) for a, b, c, d, own in regions]
        self.register_buffer("mean", torch.zeros(3 * side * side))
        self.register_buffer("basis", torch.zeros(count, 3 * side * side))
        self.register_buffer("weight", torch.ones(side * side))  # what a pixel counts, its root
        for number, (_, _, width, height, own) in enumerate(self.regions):
            self.register_buffer(f"basis{number}", torch.zeros(own, 3 * width * height))
        total = count + sum(region[4] for region in self.regions)
        self.register_buffer("spread", torch.ones(total))

    @property
    def counts(self) -> list[int]:
        """Components of the whole face, and of each region."""
        return [len(self.basis), *(region[4] for region in self.regions)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Faces (B, 3, S, S) -> coordinates (B, K)."""
        small = x if x.shape[-1] == self.side else resized(x, self.side, linear=True)
        flat = (small.flatten(1) - self.mean) * self.weight.repeat(3)
        found = [flat @ self.basis.T]
        rest = x - self._whole(found[0])
        for number, region in enumerate(self.regions):
            own = self._part(rest, region) @ getattr(self, f"basis{number}").T
            found.append(own)
            if number + 1 < len(self.regions):  # the regions overlap
                rest = self._add(rest, region, number, -own)
        return torch.cat(found, 1) / self.spread

    def compose(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Coordinates (B, K) -> faces (B, 3, S, S)."""
        with torch.autocast(coordinates.device.type, enabled=False):  # sums of many small parts
            parts = (coordinates.float() * self.spread).split(self.counts, 1)
            x = self._whole(parts[0])
            for number, region in enumerate(self.regions):
                x = self._add(x, region, number, parts[number + 1])
        return x

    def inside(self) -> torch.Tensor:
        """What of each pixel is the face, (S, S) in [0, 1]: 1 where a pixel counts the most, 0
        where it counts the least; 1 everywhere where all count alike.
        """
        counts = self.weight.square().view(1, 1, self.side, self.side)
        low, none = counts.min(), 1e-6
        inside = (counts - low + none) / (counts.max() - low + none)
        size = (self.size, self.size)
        return nn.functional.interpolate(inside, size, mode="bilinear", align_corners=False)[0, 0]

    def _whole(self, own: torch.Tensor) -> torch.Tensor:
        flat = self.mean + (own @ self.basis) / self.weight.repeat(3)
        small = flat.view(-1, 3, self.side, self.side)
        if self.side == self.size:
            return small
        enlarge = numbers(enlargement(self.side, self.size), small)  # (S, side)
        return enlarge @ small @ enlarge.T

    def _part(self, x: torch.Tensor, region: Region) -> torch.Tensor:
        left, top, width, height, _ = region
        part = x[:, :, top : top + height, left : left + width]
        return (part * numbers(feathered(width, height), x)).flatten(1)

    def _add(self, x: torch.Tensor, region: Region, number: int, own: torch.Tensor) -> torch.Tensor:
        left, top, width, height, _ = region
        part = (own @ getattr(self, f"basis{number}")).view(-1, 3, height, width)
        part = part * numbers(feathered(width, height), x)
        edges = (left, self.size - left - width, top, self.size - top - height)
        return x + nn.functional.pad(part, edges)


@lru_cache
def feathered(width: int, height: int) -> np.ndarray:
    """(height, width) float32: 1 inside, falling to 0 over a sixth at each edge, smoothly."""

    def line(length: int) -> np.ndarray:
        inside = np.minimum(np.arange(length) + 0.5, length - np.arange(length) - 0.5)
        return np.sin(np.pi / 2 * (inside / (length / 6)).clip(0, 1)) ** 2

    return np.outer(line(height), line(width)).astype(np.float32)


@lru_cache
def enlargement(side: int, size: int) -> np.ndarray:
    """What bicubic interpolation makes of the rows of a picture: (size, side), to multiply with."""
    rows = np.eye(side, dtype=np.float32)[:, :, None]  # a picture of one column for each row
    v = np.broadcast_to(((np.arange(size) + 0.5) * side / size - 0.5)[:, None], (size, 1))
    return looked_up(rows, np.zeros((size, 1)), v)[:, :, 0].T.copy()
