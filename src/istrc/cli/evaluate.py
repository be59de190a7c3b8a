"""`istrc evaluate PART`: the measures of istrc.evaluation, one JSON file a command."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.attributes import TAUGHT
from istrc.cli import options
from istrc.cli.command import as_command
from istrc.cli.evaluate_editing import STRENGTHS, FacesOption, StrengthsOption, editing
from istrc.cli.measuring import Bench, Found, JudgeOption, LimitOption, ResultsOptions, TuneBench
from istrc.cli.report import Report
from istrc.cli.strengths import parse_names
from istrc.progress import Bar

COUNTS = [20, 50, 100]  # pictures a side, from which learning is measured
app = typer.Typer(
    help="Measure a circle on held-out faces with judges that took no part in making it. "
    "--json FILE writes what README's tables are made of.",
    no_args_is_help=True,
)


def attributes(report: Report, *, bench: Bench, limit: LimitOption = None) -> Found:
    """What the embedding knows: AUC, accuracy and calibration of every attribute."""
    from istrc.evaluation.attributes import evaluate_attributes

    with Bar("attributes") as bar:
        return evaluate_attributes(**bench.common, limit=limit, progress=bar.at)


def reconstruction(
    report: Report,
    *,
    bench: Bench,
    judge: JudgeOption = None,
    baseline: options.FolderOption = None,
    limit: LimitOption = None,
    sheets: options.FolderOption = None,
) -> Found:
    """How well faces come back: PSNR, SSIM, sharpness, Fréchet distance.

    PSNR and Fréchet distance also apart for old and young faces, of as many on either side.
    """
    from istrc.evaluation.reconstruction import evaluate_reconstruction
    from istrc.models.serialization import load_part

    return bench.measured(
        "reconstruction",
        evaluate_reconstruction,
        judge=bench.judge(judge),
        baseline=load_part(baseline, bench.circle.device) if baseline else None,
        limit=limit,
        sheet=Path(sheets) / "reconstruction.png" if sheets else None,
    )


def verification(
    report: Report,
    *,
    bench: Bench,
    count: Annotated[int, typer.Option(min=4, max=10_000_000)] = 20_000,
    limit: LimitOption = None,
    second: bool = True,
    roc: Annotated[str | None, typer.Option(metavar="FILE", show_default="none")] = None,
) -> Found:
    """Same person or not, for people never trained on: AUC, accuracy, TAR at fixed FAR.

    By the angle and by the Euclidean distance, over ten folds: each fold's threshold is found on
    the others.

    Args:
        count: Pairs to draw, half of them of one person.
        roc: Also draw the ROC here (PNG).
    """
    from istrc.evaluation.verification import draw_roc, evaluate_verification
    from istrc.photo.write import output_format

    if roc:
        output_format(roc)  # before, and not after, an hour
    own = dict(pairs=count, limit=limit, second=bench.recogniser(second))
    found = bench.measured("verification", evaluate_verification, **own)
    if roc:
        draw_roc(found, roc)
        report.facts["roc_figure"] = roc
        report.say(roc)
    return found


def learning(
    report: Report,
    *,
    bench: TuneBench,  # learn's interval is chosen by what this finds
    attribute: Annotated[
        list[str],
        typer.Option("--attribute", "--attributes", "-a", metavar="NAME[,NAME]"),
    ] = [*TAUGHT],
    count: Annotated[list[int], typer.Option("--count", "--counts", min=5, max=10_000)] = COUNTS,
    draws: Annotated[int, typer.Option(min=1, max=1000)] = 10,
    faces: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    limit: LimitOption = None,
    judge: JudgeOption = None,
) -> Found:
    """How good istrc learn gets: attributes learned anew from 20, 50 and 100 pictures a side.

    As if the model did not know them: the AUC on faces of other people, beside what learn would
    promise. A judge looks at the pictures edited at strength 1.

    Args:
        attribute: Attributes of the data to learn anew.
        count: Pictures a side; may be repeated.
        draws: Draws of the pictures, each learned from.
        faces: Faces edited a direction, at most.
    """
    from istrc.evaluation.learning import evaluate_learning

    return bench.measured(
        "learning",
        evaluate_learning,
        attributes=parse_names(attribute),
        counts=count,
        draws=draws,
        judge=bench.judge(judge),
        faces=faces,
        limit=limit,
    )


def photos(
    report: Report,
    *,
    folder: Annotated[str, typer.Option("--photos", "--data", metavar="FOLDER")],
    seed: options.SeedOption = 0,
    model: options.TorchCircleOptions,
    results: ResultsOptions,
) -> None:
    """What an edit leaves of whole photographs, at their own size and at 12 megapixels.

    The largest face of each is edited both ways by every transformation: sharpness, seam, what
    changed outside, and seconds.

    Args:
        folder: A folder of photographs.
    """
    options.need("evaluate", "sklearn", "torchmetrics")
    from istrc.evaluation.photos import evaluate_photos

    def measure(report: Report) -> Found:
        with Bar("photos") as bar:
            return evaluate_photos(circle=circle, photos=folder, progress=bar.at)

    circle = model.open()
    found = {"photos": timed(report, "photos", measure)}
    tell(report, results, found, seed, data="photographs", device=str(circle.device))


def evaluate_all(
    report: Report,
    *,
    bench: Bench,
    faces: FacesOption = 200,
    strengths: StrengthsOption = STRENGTHS,
    judge: JudgeOption = None,
    second: bool = True,
    baseline: options.FolderOption = None,
    limit: LimitOption = None,
    sheets: options.FolderOption = None,
) -> None:
    """What an embedding knows, what comes back of a face, and edits, into one object.

    Peers of the edits have options of their own command; photographs and learning have commands.
    """
    drawn = dict(judge=judge, sheets=sheets)
    asked: dict[str, dict[str, Any]] = {
        "attributes": dict(limit=limit),
        "verification": dict(limit=limit, second=second),
        "reconstruction": dict(limit=limit, baseline=baseline, **drawn),
        "editing": dict(faces=faces, strengths=strengths, second=second, **drawn),
    }
    measure_all(report, bench, asked)


Measure = Callable[..., Found]  # (report, bench=, options of its own) -> results
PARTS: tuple[Measure, ...] = (attributes, reconstruction, editing, verification, learning)
MEASURES = {measure.__name__: measure for measure in PARTS}


def measure_command(part: str, measure: Measure) -> Callable[..., None]:
    """The command `istrc evaluate PART`, of the measure's options."""

    @wraps(measure)
    def command(report: Report, *, bench: Bench, **own: Any) -> None:
        measure_all(report, bench, {part: own})

    return as_command(f"evaluate {part}", command)


def measure_all(report: Report, bench: Bench, asked: dict[str, dict[str, Any]]) -> None:
    """Measure these parts, each with options of its own, and tell what was found."""
    prepared = bench.prepared  # what can be refused is, before anything is measured
    found = {
        part: timed(report, part, MEASURES[part], bench=bench, **own) for part, own in asked.items()
    }
    about = {"data": prepared.info.get("source"), "device": str(bench.circle.device)}
    tell(report, bench, found, bench.seed, **about)


def timed(report: Report, part: str, measure: Measure, **own: Any) -> Found:
    """What a measure finds, and how many seconds it takes."""
    started = time.monotonic()
    report.say(f"measuring {part} ...")
    found = measure(report, **own)
    return {**found, "seconds": round(time.monotonic() - started, 1)}


def tell(
    report: Report, results: ResultsOptions, found: dict[str, Found], seed: int, **about: Any
) -> None:
    """Write what each part's measure found, and tell the numbers that a reader looks for first."""
    results.write(report, {**found, **about}, seed=seed)
    for part, value in found.items():
        report.done(f"{part}: {headline(part, value)}", part=part, **value)
    if len(found) == 1:
        # The measures of one part stand at the top as well, for scripts that ask for one
        taken = {"part", "seconds", "command", "ok", "results", "errors", *report.facts}
        report.facts |= {k: v for k, v in value.items() if k not in taken}


def headline(part: str, found: Found) -> str:
    """The numbers that a reader looks for first."""
    if part == "attributes":
        return f"mean AUC {found['mean_auc']:.3f} over {found['mean_over']} attributes"
    if part == "verification":
        said = "accuracy {accuracy:.4f} +- {accuracy_standard_error:.4f}, AUC {auc:.3f}"
        return said.format(**found["angle"])
    if part == "learning":
        means = {count: one for count, one in found["mean"].items() if count != "own"}
        said = ", ".join(f"{count} a side {one['auc']:.3f}" for count, one in means.items())
        return f"mean AUC on other people's faces: {said}"
    if part == "photos":
        own = found["resolutions"]["own"]
        sharp = [own[mode]["sharpness"] for mode in ("photo", "anchored")]
        return "sharpness {:.2f}, of a pasted face {:.2f}".format(*sharp)
    if part == "editing":
        method, by_strength = next(iter(found["methods"].items()))
        strength, measures = next(iter(by_strength.items()))
        return f"{method}, strength {strength}: success {measures['mean']['success']:.3f}"
    if part == "reconstruction":
        drawn, circle = found["auto_encoder"], found["circle"]
        said = f"auto-encoder {drawn['psnr']:.2f} dB, circle {circle['psnr']:.2f} dB"
        for age, one in found.get("by_age", {}).items():
            drawn = one["auto_encoder"]
            said += f"; {age} faces {drawn['psnr']:.2f} dB, Fréchet {drawn['frechet']:.2f}"
        return said
    return ", ".join(f"{name} {one:.4g}" for name, one in found.items() if isinstance(one, float))


for _part, _measure in MEASURES.items():
    app.command(_part)(measure_command(_part, _measure))
app.command("photos")(as_command("evaluate photos", photos))
app.command("all")(as_command("evaluate all", evaluate_all))
