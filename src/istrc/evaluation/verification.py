"""Same person or not: people that no part was trained on, by the recogniser's distances.

A pair is one of the same person when its distance is below a threshold. `angle` is the spherical
distance (paper section 4), `euclidean` the chord |a - b| = 2 sin(angle / 2): on the unit sphere
the one is an increasing function of the other, so that both rank single pairs alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.data.pairs import count_pairs, draw_pairs
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation import identity
from istrc.evaluation.embedding import Progress, embed_rows, silent
from istrc.evaluation.results import circle_checksum
from istrc.evaluation.roc_figure import roc_figure
from istrc.roc import best_threshold, roc_auc, roc_points, tar_at_far

FALSE_ACCEPT_RATES = (1e-1, 1e-2, 1e-3, 1e-4)
DESCRIBED = 64  # faces that a second recogniser sees between two words of how far it is


def verification_pairs(
    identities: np.ndarray, *, pairs: int, folds: int = 10, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Balanced pairs of the same and of different people, in folds that share no person.

    Args:
        identities: (N,) who each face is; -1 (not known) takes no part.
        pairs: how many to draw, half of them the same person. Pairs are distinct, and so there may
            be fewer where the people have too few pictures; they stay balanced in every fold.
        folds: as in the protocol of LFW: people, not pairs, are dealt to the folds.

    Returns:
        places (P, 2) into `identities`; same (P,) bool; fold (P,) in 0..folds-1.

    Raises InputError where a fold would have no pair of one kind.
    """
    rng = np.random.default_rng(seed)
    people = rng.permutation(np.unique(identities[identities >= 0]))
    places, same, fold = [], [], []
    for number in range(folds):
        mine = np.flatnonzero(np.isin(identities, people[number::folds]))
        wanted = min(pairs // (2 * folds), *count_pairs(identities[mine]))
        if wanted < 1:
            raise InputError(
                f"{len(people)} people and {pairs} pairs are too few for {folds} folds; "
                "ask for fewer folds or more pairs"
            )
        drawn, kind = draw_pairs(identities[mine], wanted, wanted, rng)
        places.append(mine[drawn])
        same.append(kind)
        fold.append(np.full(len(kind), number))
    return np.concatenate(places), np.concatenate(same), np.concatenate(fold)


def verification_measures(
    distances: np.ndarray, same: np.ndarray, fold: np.ndarray
) -> dict[str, Any]:
    """Accuracy by folds (the threshold is found on the others), AUC, TAR at FAR, and the ROC.

    Args:
        distances: (P,), small for the same person.
        same: (P,) bool.
        fold: (P,), at least two different numbers.

    A rate finer than the pairs can show is NaN. `threshold` is the mean over the folds;
    `accuracy_std` the standard deviation between them, and `accuracy_standard_error` that over
    the square root of their number, as LFW's protocol reports it (Huang et al. 2007).
    """
    accuracies, thresholds = [], []
    for number in np.unique(fold):
        inside = fold == number
        cut = best_threshold(distances[~inside], same[~inside])
        thresholds.append(cut)
        accuracies.append(np.mean((distances[inside] < cut) == same[inside]))
    spread = float(np.std(accuracies, ddof=1))
    points = roc_points(distances[same], distances[~same])
    return {
        "accuracy": float(np.mean(accuracies)),
        "accuracy_std": spread,
        "accuracy_standard_error": spread / len(accuracies) ** 0.5,
        "auc": roc_auc(-distances, same.astype(int)),
        "tar_at_far": {
            f"{rate:g}": tar_at_far(distances[same], distances[~same], rate)
            for rate in FALSE_ACCEPT_RATES
        },
        "threshold": float(np.mean(thresholds)),
        "roc": dict(zip(("far", "tar"), points, strict=True)),
    }


def measure_pairs(
    z: torch.Tensor,  # (N, D) unit norm
    places: np.ndarray,  # (P, 2) into z
    same: np.ndarray,
    fold: np.ndarray,
) -> dict[str, Any]:
    """Both distances of the same pairs, side by side."""
    # Of the pairs alone: a picture that is missing has no direction. float32 leaves 1e-7 of a norm
    a, b = (sphere.normalize(z[place].double()) for place in places.T)
    angle, chord = sphere.angle(a, b).numpy(), (a - b).norm(dim=1).numpy()
    return {
        "angle": verification_measures(angle, same, fold),
        "euclidean": verification_measures(chord, same, fold),
    }


def evaluate_verification(
    *,
    circle: Any,
    prepared: Prepared,
    split: str = "valid",
    pairs: int = 20_000,  # half of them the same person
    folds: int = 10,
    limit: int | None = None,  # only the first so many faces of the split
    second: identity.SecondRecogniser | None = None,  # dlib beside it, on the same pairs
    progress: Progress = silent,
    seed: int = 0,
) -> dict[str, Any]:
    """Verification of people outside the train split."""
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
        described: list[np.ndarray] = []
        for x in prepared.batches(rows[used], DESCRIBED):
            described.append(second.describe(x))
            progress(min(DESCRIBED * len(described), len(used)), len(used))
        d = np.concatenate(described)
        results[second.name] = verification_measures(
            identity.distance(d[flat[:, 0]], d[flat[:, 1]]), same, fold
        )
    counts = dict(same=int(same.sum()), different=int((~same).sum()), faces=len(used), folds=folds)
    counts |= dict(people=len(np.unique(people[used])), people_shared_between_folds=0)
    about = dict(split=split, pairs=counts, seed=seed, weights=circle_checksum(circle))
    return {**results, **about}


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
