"""`istrc evaluate decoders`: what a lighter or heavier decoder would give."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from istrc.cli.measuring import Bench, JudgeOption, watched


def decoders(
    bench: Bench,
    width: Annotated[
        list[float],
        typer.Option(
            min=0.05,
            max=8,
            metavar="SHARE",
            help="Channels, beside the shipped decoder's; may be repeated.",
        ),
    ] = [0.25, 0.5, 1.0, 1.5],  # noqa: B006  typer copies it
    steps: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Steps of each decoder's training.")
    ] = 1500,
    judge: JudgeOption = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Faces to measure on, at most.")
    ] = 2000,
) -> dict[str, Any]:
    """What a lighter or heavier decoder would give: quality against arithmetic and speed.

    Decoders of other widths are trained anew on the codes of the model's encoder, all for as long;
    the shipped one and its principal components alone stand beside them.
    """  # fmt: skip
    from istrc.evaluation.decoders import evaluate_decoders

    return watched(
        "decoders",
        evaluate_decoders,
        **bench.common,
        judge=bench.judge,
        widths=width,
        steps=steps,
        limit=limit,
        seed=bench.seed,
    )


def headline(found: dict[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    return "; ".join(
        f"{one['name']}: {one['million_multiply_adds']:.0f} million multiply-adds, "
        f"{one['psnr']:.2f} dB"
        for one in found["decoders"]
    )
