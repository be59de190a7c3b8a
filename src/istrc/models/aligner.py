"""The aligner: sees a face under a guessed frame, and says how the guess is wrong.

`istrc.models.corrections` says what the four numbers of a correction mean.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from istrc.models.corrections import (
    CENTRE,
    HALF,
    MIRRORED,
    corrected,
    in_frame,
    similarity,
)

__all__ = ["CENTRE", "HALF", "MIRRORED", "Aligner", "in_frame", "similarity"]


def _conv(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]


class Aligner(nn.Module):
    """A small convolutional regressor on a space-to-depth stem.

    Args:
        size: side S of the faces it looks at, pixels, a multiple of 16.
        widths: channels at S/2, S/4, S/8 and S/16.
        hidden: units of the layer that sees the whole face.
    """

    def __init__(
        self, size: int = 64, widths: tuple[int, ...] = (32, 64, 128, 128), hidden: int = 128
    ):
        super().__init__()
        self.config = dict(size=size, widths=list(widths), hidden=hidden)
        self.size = size
        a, b, c, d = widths
        self.look = nn.Sequential(
            nn.PixelUnshuffle(2),
            *_conv(12, a),
            *_conv(a, b, 2),
            *_conv(b, b),
            *_conv(b, c, 2),
            *_conv(c, c),
            *_conv(c, d, 2),
        )
        # Where things are must survive to the end: flattened, not averaged
        self.judge = nn.Sequential(nn.Linear(d * (size // 16) ** 2, hidden), nn.ReLU())
        self.correct_by = nn.Linear(hidden, 4)
        nn.init.zeros_(self.correct_by.weight)  # it starts by believing the guess
        nn.init.zeros_(self.correct_by.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Faces (B, 3, S, S) in [-1, 1] under guessed frames -> corrections (B, 4)."""
        seen = self.look(x)  # (B, d, S/16, S/16)
        return self.correct_by(self.judge(seen.flatten(1))).float()

    @torch.no_grad()
    def correct(self, faces: np.ndarray) -> np.ndarray:
        """What the frame needs: the mean over each face and its mirror image.

        Args:
            faces: (B, S, S, 3) uint8, crops under guessed frames.

        Returns:
            (B, 2, 3) float64: guessed frame -> true frame, in pixels of the 178x218 frame.
        """
        device = self.correct_by.weight.device

        def look(x: np.ndarray) -> np.ndarray:
            return self(torch.from_numpy(x).to(device)).cpu().numpy()

        return corrected(look, faces, self.size)
