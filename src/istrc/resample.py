"""Pixels at other places: pictures resized, and looked up under a transform. NumPy alone.

The kernels are torch's `interpolate(mode="bicubic", antialias=True)`, which are Pillow's, and
`grid_sample(align_corners=False)`: so a face that was cut out while training looks the same.
Coordinates are continuous pixels as in `istrc.photo.align`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from istrc.arrays import Array, library, numbers

_RESIZE = -0.5  # the cubic kernel's slope at 1: Pillow's, which does not ring
_LOOK = -0.75  # torch's, when it looks between pixels
_PART = 32  # pixels of a line blurred at once
_BLOCK = 1 << 15  # places looked up at once, so that the arrays of a step stay in cache


def resized(x: Array, side: int, linear: bool = False) -> Array:
    """Squares (..., S, S) -> (..., side, side), cubic or linear, antialiased when it shrinks.

    A tensor, or an array of NumPy.
    """
    if x.shape[-1] == side:
        return x
    weights = numbers(_resizing(int(x.shape[-1]), side, linear), x)  # (side, S)
    return weights @ x @ library(x).swapaxes(weights, 0, 1)


@lru_cache(maxsize=32)
def _resizing(size: int, side: int, linear: bool) -> np.ndarray:
    """What each old pixel is worth in each new one: (side, size), float32."""
    step = size / side  # old pixels per new one
    spread = max(step, 1.0)
    reach = 1 if linear else 2
    weights = np.zeros((side, size))
    for i in range(side):
        centre = (i + 0.5) * step
        low = max(int(centre - reach * spread + 0.5), 0)
        high = min(int(centre + reach * spread + 0.5), size)
        t = (np.arange(low, high) + 0.5 - centre) / spread
        own = (1 - np.abs(t)).clip(min=0) if linear else _cubic(t, _RESIZE)
        weights[i, low:high] = own / own.sum()
    return weights.astype(np.float32)


def _cubic(t: np.ndarray, a: float) -> np.ndarray:
    """Keys' kernel (1981, eq. 4) of slope a at 1."""
    t = np.abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = a * (((t - 5) * t + 8) * t - 4)
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def places(matrix: np.ndarray, region: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a region look in a source, in its pixels' centres: u, v (h, w).

    Args:
        matrix: (2, 3) target coordinates -> source coordinates.
        region: left, top, right, bottom of the target pixels.
    """
    left, top, right, bottom = region
    # In float64: a 12-megapixel photograph leaves float32 too few digits
    x, y = np.arange(left, right) + 0.5, np.arange(top, bottom)[:, None] + 0.5
    (a, b, c), (d, e, f) = matrix
    return a * x + (b * y + (c - 0.5)), d * x + (e * y + (f - 0.5))


def looked_up(source: np.ndarray, u: np.ndarray, v: np.ndarray, cubic: bool = True) -> np.ndarray:
    """A picture between its pixels, its edge pixels repeated beyond them; exact at whole places.

    Args:
        source: (C, H, W) of any number type.
        u, v: (h, w), see `places`.
        cubic: or linear, where the source is smooth.

    Returns:
        (C, h, w) float32.
    """
    channels, height, width = source.shape
    edge = 4  # further out all pixels that a kernel reaches are the same
    padded = np.pad(source, ((0, 0), (edge, edge), (edge, edge)), mode="edge")
    planes = padded.astype(np.float32, copy=False).reshape(channels, -1)
    row = width + 2 * edge
    weigh = _four if cubic else _two
    shape, u, v = u.shape, u.ravel(), v.ravel()
    result = np.zeros((channels, u.size), np.float32)
    for start in range(0, u.size, _BLOCK):
        some = slice(start, start + _BLOCK)
        left, across = weigh(u[some], width)
        top, down = weigh(v[some], height)
        at = (top + edge) * row + (left + edge)
        total, seen = result[:, some], np.empty(at.shape, np.float32)
        for i, below in enumerate(down):
            for j, beside in enumerate(across):
                weight = below * beside
                for plane, sums in zip(planes[:, i * row + j :], total, strict=True):
                    plane.take(at, out=seen, mode="clip")  # all lie inside: "raise" would copy
                    seen *= weight
                    sums += seen
    return result.reshape(channels, *shape)


def _four(u: np.ndarray, size: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The first of the four pixels that a cubic kernel reaches, and what each is worth."""
    whole = np.floor(u)
    t = (u - whole).astype(np.float32)
    s, a = 1 - t, _LOOK
    weights = [
        a * t * s * s,
        ((a + 2) * t - (a + 3)) * t * t + 1,
        ((a + 2) * s - (a + 3)) * s * s + 1,
        a * s * t * t,
    ]
    return whole.clip(-3, size + 1).astype(np.intp) - 1, weights


def _two(u: np.ndarray, size: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The same of the two pixels of a linear kernel."""
    whole = np.floor(u)
    t = (u - whole).astype(np.float32)
    return whole.clip(-3, size + 1).astype(np.intp), [1 - t, t]


def blurred(x: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian of `sigma` pixels over the last two dimensions of (..., H, W), edges repeated."""
    down, result = np.empty_like(x), np.empty_like(x)
    for some, near, weights in _gaussian(x.shape[-2], sigma, x.dtype):
        down[..., some, :] = weights @ x[..., near, :]
    for some, near, weights in _gaussian(x.shape[-1], sigma, x.dtype):
        result[..., some] = down[..., near] @ weights.T
    return result


@lru_cache(maxsize=32)
def _gaussian(size: int, sigma: float, kind: np.dtype) -> list[tuple[slice, slice, np.ndarray]]:
    """Of a part of a line after the other which blurred pixels it is, which ones are near enough to
    count in them, and what each is worth, (part, near): far ones are worth nothing.
    """
    radius = max(1, round(3 * sigma))
    at = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (at / max(sigma, 1e-3)) ** 2)
    kernel /= kernel.sum()
    weights = np.zeros((size, size))
    for pixel in range(size):
        np.add.at(weights[pixel], (pixel + at).clip(0, size - 1), kernel)
    parts = []
    for first in range(0, size, _PART):
        some = slice(first, min(first + _PART, size))
        near = slice(max(first - radius, 0), min(some.stop + radius, size))
        parts.append((some, near, weights[some, near].astype(kind)))
    return parts
