"""FaceNet: a face to a point of the unit hypersphere (paper section 3.1)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from istrc.models.part_files import arguments


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
    )


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = _conv(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.second(F.relu(self.first(x))))


class FaceNet(nn.Module):
    """A residual network on a space-to-depth stem, whose output is normalised: ||z||_2 = 1.

    Args:
        size: side S of the input in pixels, a multiple of 16.
        dim: D, the dimension of the sphere.
        widths: channels at S/2, S/4, S/8 and S/16.
        depths: residual blocks at each of them.
        attributes: names of the attribute heads. The heads are linear on z, so that what they
            learn is written on the sphere itself and not beside it.
    """

    def __init__(
        self,
        size: int = 64,
        dim: int = 128,
        widths: tuple[int, ...] = (48, 96, 192, 384),
        depths: tuple[int, ...] = (1, 1, 2, 1),
        attributes: tuple[str, ...] = (),
    ):
        super().__init__()
        self.config = arguments(locals())
        self.size, self.dim = size, dim
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), _conv(12, widths[0]), nn.ReLU())
        stages = []
        for level, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            down = [] if level == 0 else [_conv(widths[level - 1], width, 2), nn.ReLU()]
            stages.append(nn.Sequential(*down, *(Residual(width) for _ in range(depth))))
        self.stages = nn.ModuleList(stages)
        side = size // 2 ** len(widths)
        self.project = nn.Linear(widths[-1] * side * side, dim)
        self.normalise = nn.BatchNorm1d(dim)
        self.heads = nn.Linear(dim, len(attributes))
        self.head_scale = nn.Parameter(torch.tensor(16.0))

    def features(self, x: torch.Tensor, levels: int | None = None) -> list[torch.Tensor]:
        """The maps after each stage, or the first ones: (B, C_i, S / 2^(i+1), S / 2^(i+1))."""
        maps = []
        x = self.stem(x)
        for stage in self.stages[:levels]:
            x = stage(x)
            maps.append(x)
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Faces (B, 3, S, S) in [-1, 1] -> embeddings z (B, D) of unit norm."""
        z = self.normalise(self.project(self.features(x)[-1].flatten(1)))
        return F.normalize(z.float(), dim=1)

    def head_logits(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, D) -> one logit an attribute (B, A), linear in z."""
        return self.heads(z * self.head_scale)
