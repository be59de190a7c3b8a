"""Same person or not: people that no part was trained on, by FaceNet's distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation import identity, metrics
from istrc.evaluation.results import circle_checksum

FALSE_ACCEPT_RATES = (1e-1, 1e-2, 1e-3)


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
        first, second = np.triu_indices(len(mine), 1)
        equal = identities[mine[first]] == identities[mine[second]]
        wanted = pairs // (2 * folds)
        wanted = min(wanted, int(equal.sum()), int((~equal).sum()))
        if wanted < 1:
            raise InputError(
                f"{len(people)} people and {pairs} pairs are too few for {folds} folds; "
                "ask for fewer folds or more pairs"
            )
        for kind in (True, False):
            drawn = rng.choice(np.flatnonzero(equal == kind), wanted, replace=False)
            places.append(np.stack([mine[first[drawn]], mine[second[drawn]]], 1))
            same.append(np.full(wanted, kind))
            fold.append(np.full(wanted, number))
    return np.concatenate(places), np.concatenate(same), np.concatenate(fold)


def verification_measures(
    distances: np.ndarray,
    same: np.ndarray,
    fold: np.ndarray,
    *,
    rates: Sequence[float] = FALSE_ACCEPT_RATES,
) -> dict[str, Any]:
    """Accuracy by folds (the threshold is found on the others), AUC, and TAR at FAR.

    A rate finer than the pairs can show is NaN. `threshold` is the mean over the folds.
    """
    accuracies, thresholds = [], []
    for number in np.unique(fold):
        here = fold == number
        cut = metrics.best_threshold(distances[~here], same[~here])
        thresholds.append(cut)
        accuracies.append(np.mean((distances[here] < cut) == same[here]))
    return {
        "accuracy": float(np.mean(accuracies)),
        "accuracy_std": float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else float("nan"),
        "auc": metrics.roc_auc(-distances, same.astype(int)),
        "tar_at_far": {
            f"{rate:g}": metrics.tar_at_far(distances[same], distances[~same], rate)
            for rate in rates
        },
        "threshold": float(np.mean(thresholds)),
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
    seed: int = 0,
) -> dict[str, Any]:
    """Verification of people outside the train split.

    `angle` (radians) and `euclidean` (the chord |a - b|) order pairs alike on a sphere, so that
    they can differ only by rounding at a threshold; both are given because both are in use.
    """
    rows = prepared.rows(split)[:limit]
    places, same, fold = verification_pairs(
        prepared.identity[rows], pairs=pairs, folds=folds, seed=seed
    )
    used, flat = np.unique(places, return_inverse=True)
    flat = flat.reshape(places.shape)
    z = torch.cat(
        [
            circle.embed(prepared.batch(rows[used[start : start + 256]])).float().cpu()
            for start in range(0, len(used), 256)
        ]
    )
    a, b = z[flat[:, 0]], z[flat[:, 1]]
    results = {
        "angle": verification_measures(sphere.angle(a, b).double().numpy(), same, fold),
        "euclidean": verification_measures((a - b).norm(dim=1).double().numpy(), same, fold),
    }
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
        "split": split,
        "pairs": {
            "same": int(same.sum()),
            "different": int((~same).sum()),
            "people": len(np.unique(prepared.identity[rows[used]])),
            "faces": len(used),
            "folds": folds,
            "people_shared_between_folds": 0,
        },
        "seed": seed,
        "weights": circle_checksum(circle),
    }
