"""What the sphere knows: the circle's own attribute scores against the labels."""

from __future__ import annotations

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


def measure_attributes(
    scores: np.ndarray,  # (N, A) probabilities
    names: Sequence[str],  # A
    prepared: Prepared,
    rows: np.ndarray,  # (N,)
) -> dict[str, Any]:
    """AUC, accuracy and calibration of every attribute that the data labels, and their means.

    The means leave the measured attributes (`wide_mouth`, `big_eyes`) out, whose labels exist for
    the clear cases only; an attribute with a single class has no AUC and is left out as well.
    """
    per: dict[str, dict[str, float]] = {}
    for name, column in zip(names, scores.T, strict=True):
        if name in prepared.attribute_names:
            labels = prepared.column(name)[rows]
            known = labels[labels >= 0]
            per[name] = {key: measure(column, labels) for key, measure in MEASURES.items()}
            per[name] |= {"share_yes": metrics.finite_mean(known == 1), "known": len(known)}
    celeba = [one for name, one in per.items() if name not in MEASURED]
    means = {f"mean_{key}": metrics.finite_mean([one[key] for one in celeba]) for key in MEASURES}
    return {**means, "mean_over": len(celeba), "attributes": per, "faces": len(rows)}


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
