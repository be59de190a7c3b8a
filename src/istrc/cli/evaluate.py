"""`istrc evaluate PART`: the measures of istrc.evaluation, one JSON file a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import (
    evaluate_editing,
    evaluate_landmarks,
    evaluate_learning,
    evaluate_photos,
    evaluate_training,
    evaluate_verification,
)
from istrc.cli.group import JsonToFile
from istrc.cli.measuring import (
    Bench,
    JudgeOption,
    LimitOption,
    Measure,
    SecondOption,
    SheetsOption,
    as_command,
    watched,
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


def attributes(bench: Bench, limit: LimitOption = None) -> dict[str, Any]:
    """What the embedding knows: AUC, accuracy and calibration of every attribute."""
    from istrc.evaluation.attributes import evaluate_attributes

    return evaluate_attributes(**bench.common, limit=limit)


def attributes_headline(found: dict[str, Any]) -> str:
    return f"mean AUC {found['mean_auc']:.3f} over {found['mean_over']} attributes"


def reconstruction(
    bench: Bench,
    judge: JudgeOption = None,
    baseline: BaselineOption = None,
    limit: LimitOption = None,
    sheets: SheetsOption = None,
) -> dict[str, Any]:
    """How well faces come back: PSNR, SSIM, sharpness, Fréchet distance.

    PSNR and Fréchet distance also apart for old and young faces, of as many on either side.
    """
    from istrc.evaluation.reconstruction import evaluate_reconstruction
    from istrc.models.store import load_part

    return watched(
        "reconstruction",
        evaluate_reconstruction,
        **bench.common,
        judge=bench.judge,
        baseline=load_part(baseline, bench.circle.device) if baseline else None,
        limit=limit,
        sheet=Path(sheets) / "reconstruction.png" if sheets else None,
        seed=bench.seed,
    )


def reconstruction_headline(found: dict[str, Any]) -> str:
    said = (
        f"auto-encoder {found['auto_encoder']['psnr']:.2f} dB, "
        f"circle {found['circle']['psnr']:.2f} dB"
    )
    for age, one in found.get("by_age", {}).items():
        said += (
            f"; {age} faces {one['auto_encoder']['psnr']:.2f} dB, "
            f"Fréchet {one['auto_encoder']['frechet']:.2f}"
        )
    return said


MEASURES = {
    "attributes": Measure(attributes, attributes_headline),
    "reconstruction": Measure(reconstruction, reconstruction_headline),
    "landmarks": Measure(
        evaluate_landmarks.landmarks,
        evaluate_landmarks.headline,
        "istrc.evaluation.landmarks:landmarks_markdown",
    ),
    "editing": Measure(
        evaluate_editing.editing,
        evaluate_editing.headline,
        "istrc.evaluation.editing_report:editing_markdown",
    ),
    "verification": Measure(
        evaluate_verification.verification,
        evaluate_verification.headline,
        "istrc.evaluation.verification:verification_markdown",
        data=evaluate_verification.DataOption,
        lfw=True,
    ),
    "learning": Measure(
        evaluate_learning.learning,
        evaluate_learning.headline,
        "istrc.evaluation.learning:learning_markdown",
        split="tune",
    ),
    "photos": Measure(
        evaluate_photos.photos,
        evaluate_photos.headline,
        "istrc.evaluation.photos:photos_markdown",
    ),
}


def everything(
    faces: evaluate_editing.FacesOption = 200,
    strengths: evaluate_editing.StrengthsOption = evaluate_editing.STRENGTHS,
    judge: JudgeOption = None,
    second: SecondOption = True,
    baseline: BaselineOption = None,
    limit: LimitOption = None,
    sheets: SheetsOption = None,
) -> dict[str, dict[str, Any]]:
    """What an embedding knows, what comes back of a face, and edits, into one object.

    LFW and peers of the edits have options of their own commands, and the rest commands.
    """
    return {
        "attributes": dict(limit=limit),
        "verification": dict(limit=limit),
        "reconstruction": dict(limit=limit, baseline=baseline, sheets=sheets),
        "editing": dict(faces=faces, strengths=strengths, sheets=sheets),
    }


for _part in MEASURES:
    app.command(_part, cls=JsonToFile)(as_command(_part, MEASURES))
app.command("all", cls=JsonToFile)(as_command("all", MEASURES, everything))
# It looks at no face, and so has options of its own
app.command("training", cls=JsonToFile)(evaluate_training.training)
