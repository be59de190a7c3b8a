"""`istrc evaluate learning`: attributes taught anew from few pictures."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from istrc.cli.measuring import Bench, JudgeOption, LimitOption, watched
from istrc.cli.strengths import parse_names


def learning(
    bench: Bench,
    attribute: Annotated[
        list[str],
        typer.Option(
            "-a",
            "--attribute",
            metavar="NAME[,NAME]",
            help="An attribute of the data to learn anew; may be repeated.",
        ),
    ] = ["eyeglasses", "bangs", "smile", "wearing_hat", "makeup", "big_nose"],  # noqa: B006
    count: Annotated[
        list[int], typer.Option(min=5, max=10_000, help="Pictures a side; may be repeated.")
    ] = [20, 50, 100],  # noqa: B006
    draws: Annotated[
        int, typer.Option(min=1, max=1000, help="Draws of the pictures, each learned from.")
    ] = 10,
    faces: Annotated[
        int, typer.Option(min=1, max=10_000, help="Faces edited a direction, at most.")
    ] = 50,
    limit: LimitOption = None,
    judge: JudgeOption = None,
) -> dict[str, Any]:
    """How good istrc learn gets: attributes learned anew from 20, 50, 100 pictures a side.

    As if the model did not know them; the AUC is of faces of other people, beside what learn
    would promise, and a judge looks at the pictures edited at strength 1.
    """
    from istrc.evaluation.learning import evaluate_learning

    return watched(
        "learning",
        evaluate_learning,
        **bench.common,
        attributes=parse_names(attribute),
        counts=count,
        draws=draws,
        judge=bench.judge,
        faces=faces,
        limit=limit,
        seed=bench.seed,
    )


def headline(found: dict[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    means = [f"{count} a side {mean['auc']:.3f}" for count, mean in found["mean"].items()
             if count != "own"]  # fmt: skip
    return f"mean AUC on other people: {', '.join(means)}"
