"""The aligner: sees a face under a guessed frame, and says how the guess is wrong.

A correction is a similarity transform in normalised crop coordinates v, in which THE CROP is
[-1, 1] x [-1, 1], x to the right and y down. Four numbers (dx, dy, log scale, angle) are

    C(v) = e^s R(a) v + (dx, dy),   R(a) = [[cos a, -sin a], [sin a, cos a]]

and take what is seen at v under the guessed frame to where it lies in the true one.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

# THE CROP in the 178x218 frame: its centre, and half of its side, frame pixels
CENTRE = (89.0, 109.0)
HALF = 64.0
MIRRORED = (-1.0, 1.0, 1.0, -1.0)  # a mirrored face's correction, by component


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
        self, size: int = 64, widths: tuple[int, ...] = (24, 48, 96, 96), hidden: int = 96
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
        if faces.shape[1:] != (self.size, self.size, 3):
            raise ValueError(f"expected (B, {self.size}, {self.size}, 3), got {faces.shape}")
        device = self.correct_by.weight.device
        x = torch.from_numpy(np.array(faces)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        seen, mirrored = self(torch.cat([x, x.flip(3)])).cpu().chunk(2)
        return in_frame((seen + mirrored * torch.tensor(MIRRORED)) / 2)


def similarity(correction: torch.Tensor) -> torch.Tensor:
    """Corrections (B, 4) as matrices (B, 2, 3) in normalised crop coordinates."""
    dx, dy, s, a = correction.unbind(1)
    cos, sin = s.exp() * a.cos(), s.exp() * a.sin()
    return torch.stack([cos, -sin, dx, sin, cos, dy], 1).view(-1, 2, 3)


def in_frame(correction: torch.Tensor) -> np.ndarray:
    """Corrections (B, 4) as float64 matrices (B, 2, 3) in pixels of the 178x218 frame."""
    matrix = similarity(correction.double()).numpy()
    turn, shift = matrix[:, :, :2], matrix[:, :, 2]
    centre = np.array(CENTRE)
    return np.concatenate([turn, (HALF * shift + centre - turn @ centre)[:, :, None]], 2)
