"""The receiver operating characteristic (ROC): its area, its points and the thresholds on it.

NumPy alone, as `istrc learn` and `istrc calibrate` need it where only the package's core is
installed. What is not defined on its input, such as the area of a single class, is NaN.
"""

from __future__ import annotations

import numpy as np


def roc_auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a yes scores above a no, ties counted half.

    By ranks, as Mann and Whitney (1947). scores (N,), higher means yes; labels (N,) in
    {1, 0, -1}, where -1 is left out. NaN where one class is missing or a score is NaN.
    """
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
    scores, labels = scores[labels >= 0], labels[labels >= 0]
    yes, no = int((labels == 1).sum()), int((labels == 0).sum())
    if not yes or not no or np.isnan(scores).any():
        return float("nan")
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]  # from 1, the mean of equals
    return float((rank[labels == 1].sum() - yes * (yes + 1) / 2) / (yes * no))


def threshold_at_far(different: np.ndarray, far: float) -> float:
    """The largest distance threshold at which at most `far` of different pairs pass as the same.

    different (N,): distances of pairs of different people. A pair passes when its distance is
    STRICTLY below the threshold. NaN where N < 1 / far: such a rate cannot be seen in so few pairs.
    """
    different = np.sort(np.asarray(different, np.float64))
    if len(different) * far < 1 - 1e-9:
        return float("nan")
    # with t = different[k], exactly the k smaller ones pass (fewer with ties)
    allowed = int(np.floor(len(different) * far + 1e-9))
    return float(different[allowed]) if allowed < len(different) else float("inf")


def tar_at_far(same: np.ndarray, different: np.ndarray, far: float) -> float:
    """True-accept rate at a false-accept rate: the share of same pairs below `threshold_at_far`."""
    threshold = threshold_at_far(different, far)
    return float("nan") if np.isnan(threshold) else float(np.mean(np.asarray(same) < threshold))


def roc_points(
    same: np.ndarray, different: np.ndarray, count: int = 60
) -> tuple[np.ndarray, np.ndarray]:
    """False-accept rates (P,) and true-accept rates (P,), from (0, ...) to (1, 1).

    same, different: distances. At most `count` points besides 0 and 1, evenly spaced in the
    logarithm of the rate, so that the rates that matter (1e-3) are as well seen as the others.
    """
    same, different = np.sort(same), np.sort(different)
    n = len(different)
    allowed = np.unique(np.concatenate([[0], np.geomspace(1, max(1, n), count).astype(int), [n]]))
    cuts = np.append(different, np.inf)[allowed]  # at most so many different pairs lie below
    far = np.searchsorted(different, cuts, side="left") / n
    return far, np.searchsorted(same, cuts, side="left") / len(same)


def best_threshold(distances: np.ndarray, same: np.ndarray) -> float:
    """The distance threshold (same when strictly below) with the highest accuracy on these pairs.

    It lies half way between two neighbouring distances; the smallest of equally good ones is taken.
    """
    values, places = np.unique(np.asarray(distances, np.float64), return_inverse=True)
    cuts = [values[0] - 1e-9, *(values[:-1] + values[1:]) / 2, values[-1] + 1e-9]
    # How many more are right when the pairs at a distance are called the same
    gains = np.bincount(places, np.where(same, 1, -1))
    return float(cuts[np.argmax([0, *np.cumsum(gains)])])
