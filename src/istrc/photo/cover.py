"""Where an edit covers what was there, and where it only shades it.

Added to a photograph, a change of colour keeps the photograph's detail beneath it. That is right
for a cheek that reddens, and wrong for teeth behind lips that have closed: what was there has gone,
and its detail must go with it. So where a change is great the edited face is drawn itself,

    x' = x + m (c + a (d - x)),    c = decode(h') - decode(h),    d = decode(h),

m the face's mask and a the cover: x + c where the change is small (a = 0), decode(h') where it
is great (a = 1).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from istrc.arrays import library, numbers

if TYPE_CHECKING:
    from istrc.arrays import Array

FAINT = 0.15  # mean change of the three colours, of the range of 2, that covers nothing
FULL = 0.5  # ... that covers all
_BLUR = 1.2 / 64  # of the side: one pixel's change is no reason to cover it


def cover(change: Array) -> Array:
    """a: changes (B, 3, S, S) -> (B, 1, S, S) in [0, 1]."""
    sigma = _BLUR * change.shape[-1]
    great = blurred(abs(change).mean(1)[:, None], sigma)
    return blurred(((great - FAINT) / (FULL - FAINT)).clip(0, 1), sigma)


def overlay(change: Array, drawn: Array) -> Array:
    """What is laid over a face: (B, 4, S, S), c + a d and a.

    Args:
        change: (B, 3, S, S), c.
        drawn: (B, 3, S, S) in [-1, 1], d: the decoded face before the change.
    """
    a = cover(change)
    return library(change).concatenate([change + a * drawn, a], 1)


def laid(x: Array, over: Array, mask: Array) -> Array:
    """Faces x (B, 3, S, S) with an overlay, or with a plain change (B, 3, S, S): x' above."""
    kept = 1 - mask * over[:, 3:] if over.shape[1] == 4 else 1
    return x * kept + mask * over[:, :3]


def blurred(x: Array, sigma: float) -> Array:
    """A Gaussian of `sigma` pixels over the last two dimensions of (B, C, S, S), edges repeated."""
    weights = numbers(_gaussian(x.shape[-1], sigma), x)  # (S, S)
    return weights @ x @ library(x).swapaxes(weights, 0, 1)


@lru_cache(maxsize=16)
def _gaussian(size: int, sigma: float) -> np.ndarray:
    """What each pixel of a line is worth in each blurred one: (size, size)."""
    radius = max(1, round(3 * sigma))
    at = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (at / max(sigma, 1e-3)) ** 2)
    kernel /= kernel.sum()
    weights = np.zeros((size, size))
    for pixel in range(size):
        np.add.at(weights[pixel], (pixel + at).clip(0, size - 1), kernel)
    return weights
