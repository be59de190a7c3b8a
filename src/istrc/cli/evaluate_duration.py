"""`istrc evaluate duration`: how long the small networks must be trained."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from istrc.cli.measuring import Bench, LimitOption, watched


def duration(
    bench: Bench,
    attributes: Annotated[
        list[int],
        typer.Option(
            min=1,
            max=10_000_000,
            metavar="STEPS",
            help="Steps of the classifiers' training; may be repeated.",
        ),
    ] = [300, 600, 1200, 6000],  # noqa: B006  typer copies it
    mapping: Annotated[
        list[int],
        typer.Option(
            min=1,
            max=10_000_000,
            metavar="STEPS",
            help="Steps of the mapping's training; may be repeated.",
        ),
    ] = [2000, 4000, 6000, 8000, 16000],  # noqa: B006
    faces: Annotated[
        int | None,
        typer.Option(
            min=1, max=10_000_000, help="Faces to learn from, at most.", show_default="all of fit"
        ),
    ] = None,
    limit: LimitOption = None,
) -> dict[str, Any]:
    """How long the classifiers and the mapping must be trained: quality against steps.

    Each length is a training of its own, from embeddings made once; AUC, explained variance and
    PSNR (dB) are of faces of other people.
    """  # fmt: skip
    from istrc.evaluation.duration import evaluate_duration

    return watched(
        "duration",
        evaluate_duration,
        **bench.common,
        attributes=attributes,
        mapping=mapping,
        faces=faces,
        limit=limit,
        seed=bench.seed,
    )


def headline(found: dict[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    said = []
    for network, measure in (("attributes", "auc"), ("mapping", "explained")):
        lengths = found.get(network, {})
        each = (f"{one[measure]:.3f} in {steps} steps" for steps, one in lengths.items())
        if lengths:
            said.append(f"{network}: {', '.join(each)}")
    return "; ".join(said)
