"""A finer decoder: one more level on BEGAN's, so that the same code makes a face twice as large.

The encoder, the code and all that was trained on it stay as they are: a face is halved before it is
encoded. What no half-size picture knows, pores and single hairs, is drawn as the maps let expect.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from istrc import resample
from istrc.models.began import Pair


class Finer(nn.Module):
    """Faces of S px and the maps that they were drawn from -> the same faces at 2 S px.

    Args:
        size: 2 S, the side of the finer faces in pixels.
        inputs: channels of the decoder's last maps, which are (B, inputs, S/2, S/2).
        widths: channels of the level at S/2 and of the one at S.
    """

    def __init__(self, size: int = 128, inputs: int = 64, widths: tuple[int, int] = (64, 48)):
        super().__init__()
        self.config = dict(size=size, inputs=inputs, widths=list(widths))
        self.size = size
        coarse, fine = widths
        self.coarse = Pair(inputs, coarse, carry=True)
        self.fine = Pair(coarse, fine, carry=False)
        last = nn.Conv2d(fine, 12, 3, 1, 1)
        nn.init.zeros_(last.weight)  # it begins as the picture scaled up
        nn.init.zeros_(last.bias)
        self.head = nn.Sequential(last, nn.PixelShuffle(2))

    def forward(self, x: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        """x (B, 3, S, S) and maps (B, C, S/2, S/2) -> faces (B, 3, 2 S, 2 S), not clipped."""
        y = F.interpolate(self.coarse(maps), scale_factor=2, mode="nearest")
        drawn = self.head(self.fine(y)).float()
        return drawn + F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)


def halved(x: torch.Tensor) -> torch.Tensor:
    """Faces (B, 3, 2 S, 2 S) -> (B, 3, S, S), as a prepared picture of half the size has them."""
    return resample.halved(x).contiguous(memory_format=torch.channels_last)
