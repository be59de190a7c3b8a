"""Where an edit covers what was there, and where it only shades it.

Added to a photograph, a change of colour keeps the photograph's detail beneath it. That is right
for a cheek that reddens, and wrong for teeth behind lips that have closed: what was there has gone,
and its detail must go with it. So where a change is great the edited face is drawn itself,

    x' = x + m (c + a (d - x)),    c = decode(h') - decode(h),    d = decode(h),

m the face's mask and a the cover: x + c where the change is small (a = 0), decode(h') where it
is great (a = 1).
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

FAINT = 0.15  # mean change of the three colours, of the range of 2, that covers nothing
FULL = 0.5  # ... that covers all
_BLUR = 1.2 / 64  # of the side: one pixel's change is no reason to cover it


def cover(change: torch.Tensor) -> torch.Tensor:
    """a: changes (B, 3, S, S) -> (B, 1, S, S) in [0, 1]."""
    sigma = _BLUR * change.shape[-1]
    great = blurred(change.abs().mean(1, keepdim=True), sigma)
    return blurred(((great - FAINT) / (FULL - FAINT)).clamp(0, 1), sigma)


def overlay(change: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """What is laid over a face: (B, 4, S, S), c + a d and a.

    Args:
        change: (B, 3, S, S), c.
        drawn: (B, 3, S, S) in [-1, 1], d: the decoded face before the change.
    """
    a = cover(change)
    return torch.cat([change + a * drawn, a], 1)


def laid(x: torch.Tensor, over: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Faces x (B, 3, S, S) with an overlay, or with a plain change (B, 3, S, S): x' above."""
    kept = 1 - mask * over[:, 3:] if over.shape[1] == 4 else 1
    return x * kept + mask * over[:, :3]


def blurred(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian of `sigma` pixels over the last two dimensions of (B, C, S, S), edges repeated."""
    radius = max(1, round(3 * sigma))
    at = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (at / max(sigma, 1e-3)) ** 2)
    kernel = kernel / kernel.sum()
    flat = F.pad(x.flatten(0, 1)[:, None], [radius] * 4, mode="replicate")
    flat = F.conv2d(F.conv2d(flat, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))
    return flat.view_as(x)
