"""Whether an open mouth that an edit was to shut is still to be seen where it was.

Landmark predictors are read off pixels as well, and a pale veil over two rows of teeth pleases
dlib's: of the shut mouths that it reported of our first circle (mouth_open-1), 98 % still
showed it. So the picture itself is asked. Inside the old inner edge of the lips, the brightness
before and after is correlated: a veil weakens a pattern and leaves its correlation, and lips that
closed over it bring another pattern.

Calibrated on CelebA's valid people: where one picture has the mouth open and another of the same
person has it shut, 9 % of 672 pairs correlate over `SEEN`; unedited faces all do.
"""

from __future__ import annotations

import numpy as np

from istrc.evaluation.metrics import LUMA
from istrc.evaluation.regions import FEWEST, inside_mask

SEEN = 0.5  # correlation over which the old inside of the mouth is still to be seen


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


def inside_seen(
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
        found[i] = float(same > SEEN) if np.isfinite(same) else np.nan
    return found
