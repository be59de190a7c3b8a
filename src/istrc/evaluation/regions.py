"""Where on a face what is, from its 68 points: masks that judges of pictures look through.

The points are iBUG's (istrc.shape.measures). Skin lies inside the jaw's line and up to a part of
the forehead, less brows, eyes, lips, what is between the lips, and nostrils. Hair that falls over
it, glasses and hands are not told apart.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from istrc.shape.measures import eyes

FOREHEAD = 0.35  # how far above the brows skin is looked for, in distances of the eyes
MARGIN = 0.06  # round brows, eyes and lips, in the same: landmarks are not exact
SEAM = 0.04  # round the inside of the mouth
FEWEST = 12  # pixels: what is measured on fewer is not defined

JAW, BROWS = range(17), (range(17, 22), range(22, 27))
NOSE, NOSTRILS = (27, 31, 32, 33, 34, 35), range(31, 36)
EYES, LIPS = (range(36, 42), range(42, 48)), range(48, 60)
INSIDE = range(60, 68)  # the lips' inner edge
LOWER = (*range(2, 15), 35, 33, 31)  # the jaw from ear lobe to ear lobe, and the nose's base

# Where on the face an edit is, as (polygons, margin in distances of the eyes); an attribute that is
# not here may change all of the face
PARTS: dict[str, tuple[tuple, float]] = {
    "mouth": ((LIPS,), 0.25),
    "nose": ((NOSE,), 0.12),
    "eyes": (EYES, 0.2),
    "lower face": ((LOWER,), 0.0),
}
REGIONS = {
    "smile": "mouth",
    "mouth_open": "mouth",
    "big_lips": "mouth",
    "wide_mouth": "mouth",
    "big_nose": "nose",
    "big_eyes": "eyes",
    "beard": "lower face",
    "mustache": "lower face",
}


class _Canvas:
    """Draws polygons of one face's points (68, 2) in [-1, 1] on a mask of S x S."""

    def __init__(self, points: np.ndarray, size: int):
        points = np.asarray(points, np.float64)
        self.points = (points + 1) * size / 2 - 0.5  # pixels; Pillow counts from their centres
        left, right = eyes(self.points)
        self.unit = max(float(np.linalg.norm(right - left)), 1e-6)
        self.up = np.array([right[1] - left[1], left[0] - right[0]]) / self.unit
        self.image = Image.new("1", (size, size))
        self._draw = ImageDraw.Draw(self.image)

    def polygon(self, corners: np.ndarray, value: int = 1, margin: float = 0.0) -> None:
        """Fill a polygon (n, 2), widened by a margin in distances of the eyes."""
        line = [tuple(corner) for corner in corners]
        self._draw.polygon(line, fill=value)
        width = 2 * round(margin * self.unit) + 1  # odd: as far to either side
        self._draw.line([*line, line[0], line[1]], fill=value, width=width, joint="curve")

    def mask(self) -> np.ndarray:
        return np.asarray(self.image).copy()


def skin_mask(points: np.ndarray, size: int) -> np.ndarray:
    """Where cheeks, nose, forehead and chin are, (S, S) bool, from points (68, 2) in [-1, 1]."""
    canvas = _Canvas(points, size)
    at = canvas.points
    brows = at[[26, 25, 24, 23, 22, 21, 20, 19, 18, 17]]
    outline = np.concatenate([at[list(JAW)], brows + FOREHEAD * canvas.unit * canvas.up])
    canvas.polygon(outline)
    for part in (*BROWS, *EYES, LIPS, NOSTRILS):
        canvas.polygon(at[list(part)], 0, MARGIN)
    return canvas.mask()


def region_mask(attribute: str, points: np.ndarray, size: int) -> np.ndarray:
    """Where an edit of an attribute may show, (S, S) bool: its part of the face, or everywhere."""
    if attribute not in REGIONS:
        return np.ones((size, size), bool)
    canvas = _Canvas(points, size)
    polygons, margin = PARTS[REGIONS[attribute]]
    for part in polygons:
        canvas.polygon(canvas.points[list(part)], 1, margin)
    return canvas.mask()


def inside_mask(points: np.ndarray, size: int) -> np.ndarray:
    """What is between the lips, (S, S) bool; it has few pixels where they are shut."""
    canvas = _Canvas(points, size)
    canvas.polygon(canvas.points[list(INSIDE)], 1, SEAM)
    return canvas.mask()
