"""`istrc evaluate verification`: pairs of a prepared folder, or LFW's protocol."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.measuring import Bench, LimitOption, SecondOption, watched

SHOWN = 20  # pictures that are named one by one; --json has them all
LfwOption = Annotated[
    str,
    typer.Option(
        metavar="FOLDER",
        help="A folder made by istrc prepare, or LFW's layout: a folder a person, in it "
        "NAME_0001.jpg.",
        show_default=False,
    ),
]


def verification(
    bench: Bench,
    pairs: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="LFW's pairs.txt (first line '10 300', or '1100' for one set).",
            show_default="pairs.txt in --data",
        ),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            min=4,
            max=10_000_000,
            help="Pairs to draw from prepared faces, half of them of one person.",
        ),
    ] = 20_000,
    aligned: options.AlignedOption = False,
    allow_missing: Annotated[
        bool,
        typer.Option(
            "--allow-missing", help="End with 0 though pairs name pictures that cannot be used."
        ),
    ] = False,
    limit: LimitOption = None,
    second: SecondOption = True,
    roc: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also draw the ROC here (PNG).", show_default="none"),
    ] = None,
) -> dict[str, Any]:
    """Same person or not, for people never trained on: AUC, accuracy, TAR at fixed FAR.

    By the angle and by the Euclidean distance, over ten folds: each fold's threshold is found on
    the others. --pairs, --aligned and --allow-missing are for LFW's layout, --count and --split
    for prepared faces; there --limit counts faces, and pairs in LFW's.
    """
    from istrc.evaluation.verification import evaluate_verification
    from istrc.photo.write import output_format

    if roc:
        output_format(roc)  # before, and not after, an hour
    if bench.is_prepared:
        own = dict(pairs=count, limit=limit, second=bench.recogniser)
        found = bench.measured("verification", evaluate_verification, **own)
    else:
        found = _lfw(bench, aligned, limit, allow_missing)
    if roc:
        from istrc.evaluation.verification import draw_roc

        draw_roc(found, roc)
        bench.report.facts["roc_figure"] = roc
        bench.report.say(roc)
    return found


def _lfw(bench: Bench, aligned: bool, limit: int | None, allow_missing: bool) -> dict[str, Any]:
    from istrc.evaluation.lfw import bad_pictures, evaluate_lfw

    found = watched(
        "verification",
        evaluate_lfw,
        circle=bench.circle,
        folder=bench.data,
        pairs=bench.pairs_file,
        aligned=aligned,
        limit=limit,
        second=bench.recogniser,
    )
    bad = bad_pictures(found)
    for number, (picture, reason) in enumerate(bad):
        if not allow_missing:
            bench.report.failed(picture, reason, quiet=number >= SHOWN)
        elif number < SHOWN:
            bench.report.say(f"{picture}: {reason}")
    if bad:
        left_out = found["pairs"]["left_out"]
        bench.report.say(
            f"{len(bad)} pictures cannot be used and {left_out} pairs are left out"
            + ("" if allow_missing else "; --allow-missing accepts that")
        )
    if found["centre_crops"]["count"]:
        bench.report.say(
            f"{found['centre_crops']['count']} pictures without a found face: their middle is taken"
        )
    return found
