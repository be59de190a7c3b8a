"""What the sphere knows: the circle's own attribute scores against the labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from istrc.data.prepared import Prepared
from istrc.evaluation import metrics
from istrc.evaluation.judges import MEASURED, finite_mean
from istrc.evaluation.results import circle_checksum


def evaluate_attributes(
    *,
    circle: Any,
    prepared: Prepared,
    split: str = "valid",
    limit: int | None = None,  # only the first so many faces of the split
) -> dict[str, Any]:
    """AUC, accuracy and calibration of `circle.scores(z)` for every labelled attribute.

    The means leave the measured attributes (`wide_mouth`, `big_eyes`) out, whose labels exist for
    the clear cases only; an attribute with a single class has no AUC and is left out as well.
    """
    rows = prepared.rows(split)[:limit]
    scores = np.concatenate(
        [
            circle.scores(circle.embed(prepared.batch(rows[start : start + 256]))).float().cpu()
            for start in range(0, len(rows), 256)
        ]
    )
    per: dict[str, dict[str, float]] = {}
    for column, name in enumerate(circle.attribute_names):
        if name not in prepared.attribute_names:
            continue
        labels = prepared.column(name)[rows]
        known = labels >= 0
        per[name] = {
            "auc": metrics.roc_auc(scores[:, column], labels),
            "accuracy": metrics.accuracy(scores[:, column], labels),
            "balanced_accuracy": metrics.balanced_accuracy(scores[:, column], labels),
            "calibration_error": metrics.calibration_error(scores[:, column], labels),
            "share_yes": float(np.mean(labels[known] == 1)) if known.any() else float("nan"),
            "known": int(known.sum()),
        }
    celeba = [name for name in per if name not in MEASURED]
    means = {
        f"mean_{key}": finite_mean([per[name][key] for name in celeba])
        for key in ("auc", "accuracy", "balanced_accuracy", "calibration_error")
    }
    return {
        **means,
        "mean_over": len(celeba),
        "attributes": per,
        "faces": len(rows),
        "split": split,
        "weights": circle_checksum(circle),
    }
