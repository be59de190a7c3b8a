"""Pairs of faces of the same and of different people, drawn without listing all N^2 / 2."""

from __future__ import annotations

import numpy as np


def count_pairs(identity: np.ndarray) -> tuple[int, int]:
    """How many pairs of the same and of different people there are among faces (N,)."""
    counts = np.unique(identity, return_counts=True)[1].astype(np.int64)
    same = int((counts * (counts - 1) // 2).sum())
    return same, len(identity) * (len(identity) - 1) // 2 - same


def draw_pairs(
    identity: np.ndarray,  # (N,) who each face is
    same: int,  # pairs of one person, at most
    different: int,  # pairs of two, at most
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct pairs, each of its kind equally likely: places (P, 2) int64 and same (P,) bool.

    Fewer where there are not so many. In the order of identities a face's partners of either
    kind are a run behind it, so that a pair is a number below the length of all runs together:
    what is drawn are numbers, and no pair that was not drawn is ever made.
    """
    order = np.argsort(identity, kind="stable")
    ordered = np.asarray(identity)[order]
    index = np.arange(len(order))
    end = np.searchsorted(ordered, ordered, side="right")  # of each face's person
    one = _draw(end - index - 1, same, rng)
    two = _draw(len(order) - end, different, rng)
    first = np.concatenate([one[0], two[0]])
    second = np.concatenate([one[0] + 1 + one[1], end[two[0]] + two[1]])
    kind = np.arange(len(first)) < len(one[0])
    return order[np.stack([first, second], 1)], kind


def _draw(
    partners: np.ndarray, wanted: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Faces (P,) and which of its partners each has (P,), from the partners (N,) of each face."""
    until = np.cumsum(partners)
    total = int(until[-1]) if len(until) else 0
    if not total:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    numbers = rng.choice(total, min(wanted, total), replace=False)
    first = np.searchsorted(until, numbers, side="right")
    return first, numbers - (until[first] - partners[first])
