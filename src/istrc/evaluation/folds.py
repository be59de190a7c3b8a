"""Verification by folds, LFW's protocol: which pairs are asked, and how the answers are counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from istrc.data.pairs import count_pairs, draw_pairs
from istrc.errors import InputError
from istrc.evaluation import metrics

FALSE_ACCEPT_RATES = (1e-1, 1e-2, 1e-3, 1e-4)


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
    distances: np.ndarray,
    same: np.ndarray,
    fold: np.ndarray,
    *,
    rates: Sequence[float] = FALSE_ACCEPT_RATES,
    roc: bool = True,
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
        here = fold == number
        cut = metrics.best_threshold(distances[~here], same[~here])
        thresholds.append(cut)
        accuracies.append(np.mean((distances[here] < cut) == same[here]))
    spread = float(np.std(accuracies, ddof=1))
    found = {
        "accuracy": float(np.mean(accuracies)),
        "accuracy_std": spread,
        "accuracy_standard_error": spread / len(accuracies) ** 0.5,
        "auc": metrics.roc_auc(-distances, same.astype(int)),
        "tar_at_far": {
            f"{rate:g}": metrics.tar_at_far(distances[same], distances[~same], rate)
            for rate in rates
        },
        "threshold": float(np.mean(thresholds)),
    }
    if roc:
        far, tar = metrics.roc_points(distances[same], distances[~same])
        found["roc"] = {"far": far, "tar": tar}
    return found
