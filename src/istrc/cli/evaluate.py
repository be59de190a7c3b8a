"""`istrc evaluate PART`: the measures of istrc.evaluation, one JSON file a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import (
    evaluate_editing,
    evaluate_holding,
    evaluate_learning,
    evaluate_photos,
    evaluate_space,
    evaluate_verification,
    options,
)
from istrc.cli.group import JsonToFile
from istrc.cli.measuring import (
    Bench,
    DataOption,
    JsonOption,
    JudgeOption,
    LimitOption,
    ResultsOption,
    SecondOption,
    SeedOption,
    SheetsOption,
    SplitOption,
    measure,
)

app = typer.Typer(
    help="Measure a circle on held-out faces with judges that took no part in making it. "
    "--json FILE writes what README's tables are made of.",
    no_args_is_help=True,
)

BaselineOption = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER", help="Another auto-encoder to measure beside.", show_default="none"
    ),
]


def _attributes(bench: Bench, *, limit: int | None) -> dict[str, Any]:
    from istrc.evaluation.attributes import evaluate_attributes

    return evaluate_attributes(**bench.common, limit=limit)


def _reconstruction(
    bench: Bench, *, limit: int | None, baseline: str | None, sheets: str | None
) -> dict[str, Any]:
    from istrc.evaluation.reconstruction import evaluate_reconstruction
    from istrc.models.store import load_part

    return evaluate_reconstruction(
        **bench.common,
        judge=bench.judge,
        baseline=load_part(baseline, bench.circle.device) if baseline else None,
        limit=limit,
        sheet=Path(sheets) / "reconstruction.png" if sheets else None,
        seed=bench.seed,
    )


def _headline(part: str, found: dict[str, Any]) -> str:
    """The one or two numbers that a reader looks for first."""
    if part == "attributes":
        return f"mean AUC {found['mean_auc']:.3f} over {found['mean_over']} attributes"
    if part == "verification":
        return evaluate_verification.headline(part, found)
    if part in ("classification", "smoothness"):
        return evaluate_space.headline(part, found)
    if part == "reconstruction":
        return (
            f"auto-encoder {found['auto_encoder']['psnr']:.2f} dB, "
            f"circle {found['circle']['psnr']:.2f} dB"
        )
    return evaluate_editing.headline(part, found)


@app.command("attributes", cls=JsonToFile)
def attributes(
    data: DataOption,
    limit: LimitOption = None,
    split: SplitOption = "valid",
    seed: SeedOption = 0,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    as_json: JsonOption = False,
    results: ResultsOption = None,
) -> None:
    """What the embedding knows: AUC, accuracy and calibration of every attribute."""
    parts = {"attributes": lambda bench: _attributes(bench, limit=limit)}
    place = dict(data=data, split=split, seed=seed, model=model, device=device)
    measure("attributes", parts, as_json, results, _headline, **place)


@app.command("reconstruction", cls=JsonToFile)
def reconstruction(
    data: DataOption,
    judge: JudgeOption = None,
    baseline: BaselineOption = None,
    limit: LimitOption = None,
    sheets: SheetsOption = None,
    split: SplitOption = "valid",
    seed: SeedOption = 0,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    as_json: JsonOption = False,
    results: ResultsOption = None,
) -> None:
    """How well faces come back: PSNR, SSIM, sharpness, Fréchet distance."""
    parts = {
        "reconstruction": lambda bench: _reconstruction(
            bench, limit=limit, baseline=baseline, sheets=sheets
        )
    }
    place = dict(data=data, split=split, seed=seed, model=model, device=device, judge_folder=judge)
    measure("reconstruction", parts, as_json, results, _headline, **place)


app.command("editing", cls=JsonToFile)(evaluate_editing.editing)
app.command("verification", cls=JsonToFile)(evaluate_verification.verification)
app.command("classification", cls=JsonToFile)(evaluate_space.classification)
app.command("smoothness", cls=JsonToFile)(evaluate_space.smoothness)
app.command("averages", cls=JsonToFile)(evaluate_space.averages)
app.command("mapping", cls=JsonToFile)(evaluate_space.mapping)
app.command("learning", cls=JsonToFile)(evaluate_learning.learning)
app.command("holding", cls=JsonToFile)(evaluate_holding.holding)
app.command("photos", cls=JsonToFile)(evaluate_photos.photos)


@app.command("all", cls=JsonToFile)
def everything(
    data: DataOption,
    faces: evaluate_editing.FacesOption = 200,
    strengths: evaluate_editing.StrengthsOption = evaluate_editing.STRENGTHS,
    judge: JudgeOption = None,
    second: SecondOption = True,
    baseline: BaselineOption = None,
    limit: LimitOption = None,
    sheets: SheetsOption = None,
    split: SplitOption = "valid",
    seed: SeedOption = 0,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    as_json: JsonOption = False,
    results: ResultsOption = None,
) -> None:
    """All that is measured on prepared faces, one after the other, into one object.

    Averages, the mapping's ablation, LFW and peers of the edits have commands of their own.
    """
    parts = {
        "attributes": lambda bench: _attributes(bench, limit=limit),
        "verification": lambda bench: evaluate_verification.prepared_pairs(bench, limit=limit),
        "classification": lambda bench: evaluate_space.classified(bench, limit=limit),
        # A minute of it; the command of its own takes more pairs and neighbours
        "smoothness": lambda bench: evaluate_space.smooth(
            bench, limit=limit, pairs=50, neighbours=4
        ),
        "reconstruction": lambda bench: _reconstruction(
            bench, limit=limit, baseline=baseline, sheets=sheets
        ),
        "editing": lambda bench: evaluate_editing.measured(
            bench, faces=faces, strengths=strengths, sheets=sheets
        ),
    }
    place = dict(data=data, split=split, seed=seed, model=model, device=device)
    measure("all", parts, as_json, results, _headline, **place, judge_folder=judge, second=second)
