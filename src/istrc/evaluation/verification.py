"""Same person or not: people that no part was trained on, by the recogniser's distances.

A pair is one of the same person when its distance is below a threshold. `angle` is the spherical
distance (paper section 4), `euclidean` the chord |a - b| = 2 sin(angle / 2): on the unit sphere
the one is an increasing function of the other, so that both rank single pairs alike. They differ
for means of several faces (`istrc.evaluation.templates`), whose length is not 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.data.prepared import Prepared
from istrc.evaluation import identity
from istrc.evaluation.embedding import Progress, embed_rows, precise, silent
from istrc.evaluation.folds import (
    FALSE_ACCEPT_RATES,
    verification_measures,
    verification_pairs,
)
from istrc.evaluation.results import circle_checksum, markdown_table
from istrc.evaluation.roc import roc_figure
from istrc.evaluation.templates import TEMPLATE_SIZES, measure_templates, templates_markdown


def measure_pairs(
    z: torch.Tensor,  # (N, D) unit norm
    places: np.ndarray,  # (P, 2) into z
    same: np.ndarray,
    fold: np.ndarray,
) -> dict[str, Any]:
    """Both distances of the same pairs, side by side, and how far they are from one another."""
    a, b = precise(z[places[:, 0]]), precise(z[places[:, 1]])
    angle, chord = sphere.angle(a, b).numpy(), (a - b).norm(dim=1).numpy()
    order = np.argsort(angle, kind="stable")
    return {
        "angle": verification_measures(angle, same, fold),
        "euclidean": verification_measures(chord, same, fold),
        "one_pair": {
            # Both are 0 but for rounding, as geometry says: measured, because it is claimed
            "largest_chord_minus_2_sin_half_angle": float(
                np.abs(chord - 2 * np.sin(angle / 2)).max()
            ),
            "ranked_differently": int((np.diff(chord[order]) < -1e-9).sum()),
        },
    }


def evaluate_verification(
    *,
    circle: Any,
    prepared: Prepared,
    split: str = "valid",
    pairs: int = 20_000,  # half of them the same person
    folds: int = 10,
    templates: Sequence[int] = TEMPLATE_SIZES,  # faces in a mean
    limit: int | None = None,  # only the first so many faces of the split
    second: identity.SecondRecogniser | None = None,  # dlib beside it, on the same pairs
    progress: Progress = silent,
    seed: int = 0,
) -> dict[str, Any]:
    """Verification of people outside the train split, by single faces and by means of several."""
    rows = prepared.rows(split)[:limit]
    people = prepared.identity[rows]
    places, same, fold = verification_pairs(people, pairs=pairs, folds=folds, seed=seed)
    known = np.flatnonzero(people >= 0)
    z = torch.zeros(len(rows), circle.dim)
    z[known] = embed_rows(circle, prepared, rows[known], progress=progress)
    used, flat = np.unique(places, return_inverse=True)
    flat = flat.reshape(places.shape)
    results = measure_pairs(z, places, same, fold)
    if second is not None:
        d = np.concatenate(
            [
                second.describe(prepared.batch(rows[used[start : start + 256]]))
                for start in range(0, len(used), 256)
            ]
        )
        results[second.name] = verification_measures(
            identity.distance(d[flat[:, 0]], d[flat[:, 1]]), same, fold
        )
    return {
        **results,
        "templates": measure_templates(
            z[known], people[known], sizes=templates, pairs=pairs, folds=folds, seed=seed
        ),
        "split": split,
        "pairs": {
            "same": int(same.sum()),
            "different": int((~same).sum()),
            "people": len(np.unique(people[used])),
            "faces": len(used),
            "folds": folds,
            "people_shared_between_folds": 0,
        },
        "seed": seed,
        "weights": circle_checksum(circle),
    }


def distances_in(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The distances that were measured, by name."""
    return {k: v for k, v in found.items() if isinstance(v, Mapping) and "tar_at_far" in v}


def draw_roc(found: Mapping[str, Any], file: str | Path) -> None:
    """Write the ROC of every distance."""
    curves = {
        f"{name} (AUC {one['auc']:.4f})": (one["roc"]["far"], one["roc"]["tar"])
        for name, one in distances_in(found).items()
    }
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    title = "{same} pairs of one person, {different} of two".format(**found["pairs"])
    roc_figure(curves, title=title).save(file)


def verification_markdown(found: Mapping[str, Any]) -> str:
    """The distances side by side, then the templates."""
    header = ["distance", "accuracy", "standard error", "AUC"]
    header += [f"TAR at FAR {rate:g}" for rate in FALSE_ACCEPT_RATES]
    rows = [
        [name, one["accuracy"], one["accuracy_standard_error"], one["auc"]]
        + [one["tar_at_far"].get(f"{rate:g}") for rate in FALSE_ACCEPT_RATES]
        for name, one in distances_in(found).items()
    ]
    text = markdown_table(header, rows)
    return text + "\n" + templates_markdown(found["templates"]) if "templates" in found else text
