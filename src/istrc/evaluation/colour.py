"""How far an edit moved the tone of the skin: where it had to, and where it had no business.

Tone is the mean CIELAB colour of the skin that both pictures show, and a distance of two tones is
CIEDE2000 (Sharma, Wu and Dalal 2005), of which about 1 is just seen. Where skin is, the landmarks
tell (istrc.evaluation.regions).
"""

from __future__ import annotations

import numpy as np

from istrc.errors import InputError
from istrc.evaluation.metrics import LUMA
from istrc.evaluation.regions import FEWEST, region_mask, skin_mask


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
