"""`istrc evaluate landmarks`: where the points of a face are found."""

from __future__ import annotations

from typing import Any

from istrc.cli.measuring import Bench, LimitOption, watched


def landmarks(bench: Bench, limit: LimitOption = None) -> dict[str, Any]:
    """How well landmarks are found: by region and group, in mirrors, and as an aligner."""
    from istrc.evaluation.landmarks import evaluate_landmarks

    return watched("landmarks", evaluate_landmarks, **bench.common, limit=limit, seed=bench.seed)


def headline(found: dict[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    return (
        f"mean error {100 * found['error']['mean']:.1f} % of the eye distance, "
        f"eyes land within {100 * found['eyes']['median']:.1f} %"
    )
