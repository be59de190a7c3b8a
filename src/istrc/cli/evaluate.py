"""`istrc evaluate PART`: the measures of istrc.evaluation, one JSON file a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import evaluate_editing
from istrc.cli.evaluate_verification import LfwOption, verification
from istrc.cli.measuring import (
    Bench,
    JudgeOption,
    LimitOption,
    Measure,
    SecondOption,
    SheetsOption,
    measure_command,
)
from istrc.cli.strengths import parse_names

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

    return bench.measured(
        "learning",
        evaluate_learning,
        attributes=parse_names(attribute),
        counts=count,
        draws=draws,
        judge=bench.judge,
        faces=faces,
        limit=limit,
    )


def learning_headline(found: dict[str, Any]) -> str:
    means = [f"{count} a side {mean['auc']:.3f}" for count, mean in found["mean"].items()
             if count != "own"]  # fmt: skip
    return f"mean AUC on other people: {', '.join(means)}"


def photos(
    bench: Bench,
    photos: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Photographs to find the faces of and to edit.",
            show_default="none: what is measured on them is left out",
        ),
    ] = None,
    whole: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="CelebA's official folder, whose held-out faces have their surroundings.",
            show_default="the crops of --data",
        ),
    ] = None,
    faces: Annotated[
        int,
        typer.Option(min=1, max=100_000, help="Faces of each condition of detection, at most."),
    ] = 50,
    moved: Annotated[
        int, typer.Option(min=1, max=100_000, help="Faces that are moved and aligned, at most.")
    ] = 500,
) -> dict[str, Any]:
    """How faces are found and aligned in photographs, and what an edit leaves of them.

    On photographs put together from held-out faces, whose places are known; and on a folder of
    real ones: sharpness, seam, what changed outside, seconds and memory at 12 megapixels.
    """
    from istrc.evaluation.photos import evaluate_photos

    own = dict(photos=photos, whole=whole, faces=faces, moved=moved)
    return bench.measured("photos", evaluate_photos, **own)


def photos_headline(found: dict[str, Any]) -> str:
    aligned = found["alignment"]["aligned"]
    text = f"eyes {aligned['median']:.3f} eye distances off (90 %: {aligned['p90']:.3f})"
    if found["photographs"]:
        own = found["photographs"]["resolutions"]["own"]
        sharp = [own[mode]["sharpness"] for mode in ("photo", "anchored")]
        text += "; sharpness {:.2f}, of a pasted face {:.2f}".format(*sharp)
    return text


MEASURES = {
    "attributes": Measure(
        attributes,
        lambda found: f"mean AUC {found['mean_auc']:.3f} over {found['mean_over']} attributes",
    ),
    "reconstruction": Measure(reconstruction, reconstruction_headline),
    "editing": Measure(
        evaluate_editing.editing,
        evaluate_editing.headline,
        "istrc.evaluation.editing_report:editing_markdown",
    ),
    "verification": Measure(
        verification,
        lambda found: (
            "accuracy {accuracy:.4f} +- {accuracy_standard_error:.4f}, AUC {auc:.3f}".format(
                **found["angle"]
            )
        ),
        "istrc.evaluation.verification:verification_markdown",
        data=LfwOption,
        lfw=True,
    ),
    "learning": Measure(
        learning, learning_headline, "istrc.evaluation.learning:learning_markdown", split="tune"
    ),
    "photos": Measure(photos, photos_headline, "istrc.evaluation.photos:photos_markdown"),
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

    LFW and peers of the edits have options of their own commands, and the rest commands.
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
