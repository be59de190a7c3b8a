"""Eyes that open, whose irises stay round.

A mesh between lids makes an iris as much higher as the eye, and no wider: a barrel. So what lies
around the iris is looked up nearer to it, and the white beside it becomes narrower.
"""

from __future__ import annotations

import numpy as np

from istrc.edit.tone import LUMA, quantile
from istrc.photo.align import around

EYES = slice(36, 42), slice(42, 48)
_WIDER = 1.18  # times as wide an iris becomes at most: it has two fifths of an eye's width
_STILL = 1.02  # times as high, that an eye is not opened
_ENDS = 1.5  # of half an eye's height, beside which nothing is moved any more
_SEEN = 0.75, 0.7  # of its half width and height, where an iris is looked for
_DARK = 0.6  # share of those pixels, that are darker than others
_ASIDE = 0.5  # of the half width, that it is off the middle at most


def opened(
    moved: np.ndarray,
    pixels: np.ndarray,
    corner: tuple[int, int],
    before: np.ndarray,
    after: np.ndarray,
) -> None:
    """Look up what is between lids that open so that it becomes as much wider as higher.

    Args:
        moved: (2, h, w) by how many pixels a part of a photograph looks aside, which is changed.
        pixels: (H, W, 3) of the photograph.
        corner: (x, y) of that part.
        before, after: (P, 2) the shapes, the first 68 of them points, in the photograph.
    """
    for part in EYES:
        old, new = _Eye(before[part]), _Eye(after[part])
        times = new.height / max(old.height, 1e-6)
        if times <= _STILL or not new.width:
            continue
        wider = min(times, _WIDER)
        found = around(new.middle + _ENDS * (after[part] - new.middle), *pixels.shape[:2])
        left, top, right, bottom = found
        left, top = max(left, corner[0]), max(top, corner[1])
        right, bottom = (
            min(end, start + size)
            for end, start, size in zip((right, bottom), corner, moved.shape[:0:-1], strict=True)
        )
        if left >= right or top >= bottom:
            continue
        aside, up = new.places((left, top, right, bottom))
        iris = _iris(pixels, old)
        off = aside - iris
        whole = np.where(off > 0, 1 - iris, 1 + iris)
        share = (np.abs(off) / whole).clip(0, 1)
        nearer = (1 - 1 / wider) * (share**3 - share) * whole * np.sign(off)
        seen = ((_ENDS - np.abs(up)) / (_ENDS - 0.5)).clip(0, 1)
        rows, columns = (
            slice(a - c, b - c) for a, b, c in ((top, bottom, corner[1]), (left, right, corner[0]))
        )
        moved[:, rows, columns] += (seen * nearer * old.width) * old.across[:, None, None]


class _Eye:
    """The six points of an eye as a frame: from its middle, half its width and height are 1."""

    def __init__(self, points: np.ndarray):
        self.middle = points.mean(0)
        way = (points[3] - points[0]) / 2
        self.width = float(np.linalg.norm(way))
        self.across = way / max(self.width, 1e-6)
        self.down = np.array([-self.across[1], self.across[0]])
        self.height = float(((points[4:] - points[2:0:-1]) @ self.down).mean() / 2)

    def places(self, box: tuple[int, int, int, int]) -> np.ndarray:
        """Where the pixels of a box lie, (2, h, w)."""
        left, top, right, bottom = box
        y, x = np.mgrid[top:bottom, left:right] + 0.5
        x, y = x - self.middle[0], y - self.middle[1]
        return np.stack(
            [
                (x * self.across[0] + y * self.across[1]) / max(self.width, 1e-6),
                (x * self.down[0] + y * self.down[1]) / max(self.height, 1e-6),
            ]
        )


def _iris(pixels: np.ndarray, eye: _Eye) -> float:
    """How far aside of an eye's middle what is dark in it lies, of half its width."""
    half = eye.width * np.abs(eye.across) + eye.height * np.abs(eye.down)
    corners = np.stack([eye.middle - half, eye.middle + half])
    box = left, top, right, bottom = around(corners, *pixels.shape[:2])
    if left >= right or top >= bottom:
        return 0.0
    aside, up = eye.places(box)
    inside = (np.abs(aside) < _SEEN[0]) & (np.abs(up) < _SEEN[1])
    if not inside.any():
        return 0.0
    luma = pixels[top:bottom, left:right][inside] @ LUMA[:, 0, 0]
    dark = (quantile(luma, _DARK) - luma).clip(min=0)
    if not dark.any():
        return 0.0
    return float(np.clip((aside[inside] * dark).sum() / dark.sum(), -_ASIDE, _ASIDE))
