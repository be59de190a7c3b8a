"""What the sphere knows: the circle's own attribute scores against the labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from istrc import roc
from istrc.data.measured import NAMES as MEASURED
from istrc.data.prepared import Prepared
from istrc.evaluation import metrics
from istrc.evaluation.embedding import Progress, embed_rows, silent
from istrc.evaluation.results import circle_checksum

MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "auc": roc.roc_auc,
    "accuracy": metrics.accuracy,
    "balanced_accuracy": metrics.balanced_accuracy,
    "calibration_error": metrics.calibration_error,
}
SHARES = ("auc", "accuracy", "balanced_accuracy")  # of faces, or of pairs of them


def measure_attributes(
    scores: np.ndarray,  # (N, A) probabilities
    names: Sequence[str],  # A
    prepared: Prepared,
    rows: np.ndarray,  # (N,)
) -> dict[str, Any]:
    """AUC, accuracy and calibration of every attribute that the data labels, and their means.

    `standard_error` of the means is as if all attributes erred together, and so not too small.
    The means leave the measured attributes (`wide_mouth`, `big_eyes`) out, whose labels exist for
    the clear cases only; an attribute with a single class has no AUC and is left out as well.
    """
    per: dict[str, dict[str, Any]] = {}
    for name, column in zip(names, scores.T, strict=True):
        if name in prepared.attribute_names:
            labels = prepared.column(name)[rows]
            known = labels[labels >= 0]
            per[name] = {key: measure(column, labels) for key, measure in MEASURES.items()}
            per[name] |= {"share_yes": metrics.finite_mean(known == 1), "known": len(known)}
            per[name]["standard_error"] = standard_errors(column, labels)
    celeba = [one for name, one in per.items() if name not in MEASURED]
    means = {f"mean_{key}": metrics.finite_mean([one[key] for one in celeba]) for key in MEASURES}
    errors = {
        key: metrics.finite_mean([one["standard_error"][key] for one in celeba]) for key in SHARES
    }
    about = {"mean_over": len(celeba), "faces": len(rows)}
    return {**means, "standard_error": errors, **about, "attributes": per}


def standard_errors(probability: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Of the measures that are shares of faces; NaN where a class is missing.

    That of the AUC is DeLong's (1988): of each class, how many of the other a face is told from.
    """
    right = (probability >= 0.5) == (labels == 1)
    yes, no = labels == 1, labels == 0
    told = (_above(probability[yes], probability[no]), _above(probability[no], probability[yes]))
    return {
        "auc": _apart(*told),
        "accuracy": metrics.standard_error(right[yes | no]),
        "balanced_accuracy": _apart(right[yes], right[no]) / 2,
    }


def _apart(yes: np.ndarray, no: np.ndarray) -> float:
    """The standard error of the sum of, or between, two means."""
    return math.hypot(metrics.standard_error(yes), metrics.standard_error(no))


def _above(own: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The share of the others that each of one's own scores is above, half of those it equals."""
    if not len(others):
        return np.full(len(own), np.nan)
    others = np.sort(others)
    below, not_above = np.searchsorted(others, own), np.searchsorted(others, own, "right")
    return (below + not_above) / (2 * len(others))


def evaluate_attributes(
    *,
    circle: Any,
    prepared: Prepared,
    split: str = "valid",
    limit: int | None = None,  # only the first so many faces of the split
    progress: Progress = silent,
) -> dict[str, Any]:
    """`measure_attributes` of `circle.scores(z)`."""
    rows = prepared.rows(split)[:limit]
    scores = circle.scores(embed_rows(circle, prepared, rows, progress=progress)).float()
    found = measure_attributes(scores.cpu().numpy(), circle.attribute_names, prepared, rows)
    return {**found, "split": split, "weights": circle_checksum(circle)}
