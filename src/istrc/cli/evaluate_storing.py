"""`istrc evaluate storing`: what is lost by how weights are stored."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from istrc.cli.measuring import Bench, JudgeOption, SecondOption, watched


def storing(
    bench: Bench,
    judge: JudgeOption = None,
    second: SecondOption = True,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Faces to embed and rebuild, at most.")
    ] = 1000,
    faces: Annotated[
        int,
        typer.Option(min=1, max=100_000, help="Faces to edit, for each attribute and direction."),
    ] = 20,
) -> dict[str, Any]:
    """What is lost by storing weights in half precision and great matrices in eight bits.

    --model is a folder that `istrc train all` made, with its runs: their checkpoints have the
    weights as they were trained. The judges see the same faces rebuilt and edited by either.
    """
    from istrc.evaluation.storing import evaluate_storing

    return watched(
        "storing",
        evaluate_storing,
        **bench.common,
        folder=bench.model,
        judge=bench.judge,
        second=bench.recogniser,
        limit=limit,
        faces=faces,
        seed=bench.seed,
    )


def headline(found: dict[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    success = [f"{name} {100 * one['success']:.1f} %" for name, one in found["edits"].items()]
    return (
        f"{found['stored_mb']:.1f} MB of {found['single_precision_mb']:.1f}; edits that succeed: "
        f"{', '.join(success)}"
    )
