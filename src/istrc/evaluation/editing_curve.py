"""Methods compared at equal identity: success against same person, over all strengths.

A method can always buy success with identity by going farther. Two methods are therefore compared
along their curves, never at a strength, which means to each what it was told to mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

SHARES = (0.98, 0.95, 0.9, 0.8)  # of faces that are still the same person


def success_at(points: Sequence[tuple[float, float]], share: float) -> float:
    """The highest success on a curve where at least `share` of the faces are the same person.

    points: (same person, success) by rising strength; between two the curve is straight. NaN where
    no point of it is that faithful.
    """
    reached = [success for same, success in points if same >= share]
    for (a, first), (b, second) in pairwise(points):
        if min(a, b) < share < max(a, b):
            reached.append(first + (share - a) / (b - a) * (second - first))
    return max(reached, default=float("nan"))


def curves(methods: Mapping[str, Any]) -> dict[str, list[tuple[float, float, float]]]:
    """`methods` of `evaluate_editing` as (strength, same person, success), by rising strength.

    A mode begins at strength 0, where `nothing, MODE` was measured. Methods that nobody asked a
    second recogniser about have no curve.
    """
    found = {}
    for method, by_strength in methods.items():
        if method.startswith("nothing, "):
            continue
        measured = {**methods.get(f"nothing, {method}", {}), **by_strength}
        line = [
            (float(strength), one["mean"]["same_person"], one["mean"]["success"])
            for strength, one in measured.items()
            if one["mean"].get("same_person") is not None
        ]
        if line:
            found[method] = sorted(line)
    return found


def at_equal_identity(methods: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """`success_at` each of `SHARES`, by method."""
    return {
        method: {f"{share:g}": success_at([p[1:] for p in line], share) for share in SHARES}
        for method, line in curves(methods).items()
    }
