"""`istrc evaluate holding`: ways to keep an edit from touching other attributes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from istrc.cli.evaluate_editing import FacesOption
from istrc.cli.measuring import Bench, JudgeOption, SecondOption, watched


def holding(
    bench: Bench,
    faces: FacesOption = 50,
    steps: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Batches that each classifier is trained for.")
    ] = 600,
    training_faces: Annotated[
        int | None,
        typer.Option(
            min=10, max=10_000_000, help="Faces they are trained on, at most.", show_default="all"
        ),
    ] = None,
    judge: JudgeOption = None,
    second: SecondOption = True,
) -> dict[str, Any]:
    """What keeps a beard from changing the sex: held attributes, or other classifiers.

    The paper's faults (section 5.5), on the same faces: nothing held, the sex alone, what every
    edit holds by itself; classifiers trained on batches in which every attribute is independent of
    the sex, or to which the sex is told.
    """
    from istrc.evaluation.holding import evaluate_holding

    return watched(
        "holding",
        evaluate_holding,
        **bench.common,
        judge=bench.judge,
        second=bench.recogniser,
        faces=faces,
        steps=steps,
        training_faces=training_faces,
        seed=bench.seed,
    )


def headline(found: dict[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    flips = [
        f"{name} {one['mean']['sex_flips']:.3f}"
        for name, one in found["variants"].items()
        if "sex_flips" in one["mean"]
    ]
    return f"sex flips: {', '.join(flips)}"
