"""`istrc evaluate PART`: the measures of istrc.evaluation, one JSON file a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import evaluate_editing
from istrc.cli.measuring import (
    Bench,
    JudgeOption,
    LimitOption,
    Measure,
    SecondOption,
    SheetsOption,
    measure_command,
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


PhotosOption = Annotated[
    str, typer.Option("--photos", "--data", metavar="FOLDER", help="A folder of photographs.")
]


def attributes(bench: Bench, limit: LimitOption = None) -> dict[str, Any]:
    """What the embedding knows: AUC, accuracy and calibration of every attribute."""
    from istrc.evaluation.attributes import evaluate_attributes

    return watched("attributes", evaluate_attributes, **bench.common, limit=limit)


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
    from istrc.models.serialization import load_part

    return bench.measured(
        "reconstruction",
        evaluate_reconstruction,
        judge=bench.judge,
        baseline=load_part(baseline, bench.circle.device) if baseline else None,
        limit=limit,
        sheet=Path(sheets) / "reconstruction.png" if sheets else None,
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


def verification(
    bench: Bench,
    count: Annotated[
        int,
        typer.Option(min=4, max=10_000_000, help="Pairs to draw, half of them of one person."),
    ] = 20_000,
    limit: LimitOption = None,
    second: SecondOption = True,
    roc: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also draw the ROC here (PNG).", show_default="none"),
    ] = None,
) -> dict[str, Any]:
    """Same person or not, for people never trained on: AUC, accuracy, TAR at fixed FAR.

    By the angle and by the Euclidean distance, over ten folds: each fold's threshold is found on
    the others.
    """
    from istrc.evaluation.verification import draw_roc, evaluate_verification
    from istrc.photo.write import output_format

    if roc:
        output_format(roc)  # before, and not after, an hour
    own = dict(pairs=count, limit=limit, second=bench.recogniser)
    found = bench.measured("verification", evaluate_verification, **own)
    if roc:
        draw_roc(found, roc)
        bench.report.facts["roc_figure"] = roc
        bench.report.say(roc)
    return found


def photos(bench: Bench) -> dict[str, Any]:
    """What an edit leaves of whole photographs, at their own size and at 12 megapixels.

    The largest face of each is edited both ways by every transformation: sharpness, seam, what
    changed outside, and seconds.
    """
    from istrc.evaluation.photos import evaluate_photos

    return watched("photos", evaluate_photos, circle=bench.circle, photos=bench.data)


def photos_headline(found: dict[str, Any]) -> str:
    own = found["resolutions"]["own"]
    sharp = [own[mode]["sharpness"] for mode in ("photo", "anchored")]
    return "sharpness {:.2f}, of a pasted face {:.2f}".format(*sharp)


MEASURES = {
    "attributes": Measure(
        attributes,
        lambda found: f"mean AUC {found['mean_auc']:.3f} over {found['mean_over']} attributes",
    ),
    "reconstruction": Measure(reconstruction, reconstruction_headline),
    "editing": Measure(evaluate_editing.editing, evaluate_editing.headline),
    "verification": Measure(
        verification,
        lambda found: (
            "accuracy {accuracy:.4f} +- {accuracy_standard_error:.4f}, AUC {auc:.3f}".format(
                **found["angle"]
            )
        ),
    ),
    "photos": Measure(photos, photos_headline, data=PhotosOption),
}


def all_parts(
    faces: evaluate_editing.FacesOption = 200,
    strengths: evaluate_editing.StrengthsOption = evaluate_editing.STRENGTHS,
    judge: JudgeOption = None,
    second: SecondOption = True,
    baseline: BaselineOption = None,
    limit: LimitOption = None,
    sheets: SheetsOption = None,
) -> dict[str, dict[str, Any]]:
    """What an embedding knows, what comes back of a face, and edits, into one object.

    Peers of the edits have options of their own command, and photographs a command.
    """
    return {
        "attributes": dict(limit=limit),
        "verification": dict(limit=limit),
        "reconstruction": dict(limit=limit, baseline=baseline, sheets=sheets),
        "editing": dict(faces=faces, strengths=strengths, sheets=sheets),
    }


for _part in MEASURES:
    app.command(_part)(measure_command(_part, MEASURES))
app.command("all")(measure_command("all", MEASURES, all_parts))
