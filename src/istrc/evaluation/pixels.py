"""What the pixels of a face say of an edit, seen through masks made of its 68 points.

Skin lies inside the jaw's line and up to a part of the forehead, less brows, eyes, lips, what is
between the lips, and nostrils; hair that falls over it, glasses and hands are not told apart. The
points are iBUG's (istrc.shape.measures).

Tone is the mean CIELAB colour of the skin that two pictures show, and a distance of two tones is
CIEDE2000 (Sharma, Wu and Dalal 2005), of which about 1 is just seen.

Whether a mouth that was to be shut is still to be seen is asked of the picture as well: landmark
predictors are read off pixels, and a pale veil over two rows of teeth pleases dlib's. Of the shut
mouths that it reported of our first circle (mouth_open-1), 98 % still showed it. So the brightness
inside the old inner edge of the lips is correlated before and after: a veil weakens a pattern and
leaves its correlation, and lips that closed over it bring another pattern. Calibrated on CelebA's
valid people: where one picture has the mouth open and another of the same person has it shut, 9 %
of 672 pairs correlate over `CORRELATED`; unedited faces all do.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from istrc.errors import InputError
from istrc.evaluation.metrics import LUMA
from istrc.shape.measures import eyes

CORRELATED = 0.5  # correlation over which the old inside of the mouth is still to be seen
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
REGIONS: dict[str, tuple[tuple, float]] = {
    **dict.fromkeys(("smile", "mouth_open", "big_lips", "wide_mouth"), ((LIPS,), 0.25)),
    **dict.fromkeys(("beard", "mustache"), ((LOWER,), 0.0)),
    "big_nose": ((NOSE,), 0.12),
    "big_eyes": (EYES, 0.2),
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
    polygons, margin = REGIONS[attribute]
    for part in polygons:
        canvas.polygon(canvas.points[list(part)], 1, margin)
    return canvas.mask()


def inside_mask(points: np.ndarray, size: int) -> np.ndarray:
    """What is between the lips, (S, S) bool; it has few pixels where they are shut."""
    canvas = _Canvas(points, size)
    canvas.polygon(canvas.points[list(INSIDE)], 1, SEAM)
    return canvas.mask()


def lab(colours: np.ndarray) -> np.ndarray:
    """sRGB (..., 3) uint8 -> CIELAB (..., 3) float64 under D65.

    Raises InputError where scikit-image is missing.
    """
    try:
        from skimage.color import rgb2lab
    except ImportError:
        raise InputError("colours need scikit-image: pip install 'istrc[figures]'") from None
    return rgb2lab(np.ascontiguousarray(colours))


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """CIEDE2000 between CIELAB colours (..., 3): (...), with k_L = k_C = k_H = 1."""
    from skimage.color import deltaE_ciede2000

    return deltaE_ciede2000(a, b)


def tone_shift(before: np.ndarray, after: np.ndarray, where: np.ndarray) -> float:
    """CIEDE2000 between the mean colours of two pictures (S, S, 3) uint8 over a mask (S, S).

    NaN over fewer than `FEWEST` pixels.
    """
    if where.sum() < FEWEST:
        return float("nan")
    return float(difference(lab(before[where]).mean(0), lab(after[where]).mean(0)))


def chroma(pixels: np.ndarray, where: np.ndarray) -> float:
    """The mean C* = sqrt(a*^2 + b*^2) of a picture (S, S, 3) uint8 over a mask; NaN as above.

    Of pixels and not of their mean, in which a blue stain and a yellow one would be grey.
    """
    if where.sum() < FEWEST:
        return float("nan")
    return float(np.linalg.norm(lab(pixels[where])[:, 1:], axis=1).mean())


def greyed(pixels: np.ndarray) -> np.ndarray:
    """Pictures (..., 3) uint8 as grey ones: their brightness in all three channels."""
    grey = np.rint(pixels.astype(np.float64) @ np.array(LUMA))  # (...)
    return np.repeat(grey[..., None], 3, -1).astype(np.uint8)


def tone_shifts(
    before: np.ndarray,  # (N, S, S, 3) uint8
    after: np.ndarray,
    points_before: np.ndarray,  # (N, 68, 2) in [-1, 1]
    points_after: np.ndarray,
    attribute: str,  # that was edited
) -> dict[str, np.ndarray]:
    """`tone_inside` and `tone_outside` of each face, (N,): shifts of the skin's tone in CIEDE2000.

    Inside and outside the edit's own part of the face, wherever it was or is; where that is all of
    the face, outside is NaN. A pixel counts that is skin in both pictures, so that a mouth that
    moves over a cheek is no change of the cheek's tone.
    """
    found = {"tone_inside": np.full(len(before), np.nan)}
    found["tone_outside"] = found["tone_inside"].copy()
    size = before.shape[1]
    for i, (old, new) in enumerate(zip(points_before, points_after, strict=True)):
        skin = skin_mask(old, size) & skin_mask(new, size)
        inside = region_mask(attribute, old, size) | region_mask(attribute, new, size)
        found["tone_inside"][i] = tone_shift(before[i], after[i], skin & inside)
        found["tone_outside"][i] = tone_shift(before[i], after[i], skin & ~inside)
    return found


def chroma_added(edited: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The chroma of the skin of edited grey pictures (N, S, S, 3) uint8, (N,): 0 is grey still.

    points (N, 68, 2): of the pictures before they were greyed.
    """
    size = edited.shape[1]
    return np.array([chroma(e, skin_mask(p, size)) for e, p in zip(edited, points, strict=True)])


def check_available() -> None:
    """Raises InputError where colours cannot be measured here."""
    lab(np.zeros((1, 3), np.uint8))


def correlation(before: np.ndarray, after: np.ndarray, where: np.ndarray) -> float:
    """Pearson's, of the brightness of two pictures (S, S, 3) uint8 over a mask (S, S) bool.

    NaN over fewer than `FEWEST` pixels or where the first is all one brightness, 0 where only the
    second is.
    """
    if where.sum() < FEWEST:
        return float("nan")
    x, y = (picture[where].astype(np.float64) @ np.array(LUMA) for picture in (before, after))
    x, y = x - x.mean(), y - y.mean()
    if np.abs(x).max() < 1e-6:
        return float("nan")
    return float((x * y).sum() / max(np.sqrt((x * x).sum() * (y * y).sum()), 1e-9))


def mouth_visible(
    before: np.ndarray,  # (N, S, S, 3) uint8
    after: np.ndarray,
    points: np.ndarray,  # (N, 68, 2) in [-1, 1], of the pictures before
    opened: np.ndarray,  # (N,) bool: whose mouth was clearly open
) -> np.ndarray:
    """Whether the old inside of each open mouth is still to be seen, (N,) float.

    1 yes, 0 no, NaN where the mouth was not open.
    """
    found = np.full(len(before), np.nan)
    for i in np.flatnonzero(opened):
        same = correlation(before[i], after[i], inside_mask(points[i], before.shape[1]))
        found[i] = float(same > CORRELATED) if np.isfinite(same) else np.nan
    return found
