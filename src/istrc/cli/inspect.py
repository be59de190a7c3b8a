"""`istrc inspect`: what a recogniser knows, as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options, recognisers
from istrc.cli.report import Report
from istrc.errors import InputError
from istrc.shipped import DEFAULT
from istrc.whole import read_json


def inspect(
    report: Report,
    data: str,
    out: str,
    *,
    recogniser: recognisers.RecogniserOption = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER", show_default="the shipped one, unless a recogniser is given"
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=50, max=10_000_000, show_default="all")] = None,
    layers: Annotated[int, typer.Option(min=2, max=12)] = 4,
    steps: Annotated[int, typer.Option(min=1, max=1_000_000)] = 1200,
    faces: Annotated[int, typer.Option(min=1, max=256)] = 16,
    beside: Annotated[list[str], typer.Option(metavar="INSPECT.JSON", show_default="none")] = [],
    seed: options.SeedOption = 0,
    how: recognisers.RecogniserOptions,
    device: options.DeviceOption = "cpu",
) -> None:
    """Show what a recogniser knows: how well each attribute can be read off its embeddings.

    For every attribute a linear probe and the paper's classifier are trained on the train split
    and measured on people of the valid split: area under the curve, 0.5 is guessing, 1 is perfect.

    Args:
        data: A folder made by istrc prepare.
        out: Folder for inspect.json, inspect.md and faces.png; it keeps the embeddings, too.
        model: A circle of this recogniser, for the picture of decode(F(z)).
        limit: Faces to train on and to measure on, at most.
        layers: Layers of the paper's classifier, 4 to 7 there.
        steps: Batches of its training.
        faces: Faces in the picture.
        beside: Columns of another inspection, beside in the table; may be repeated.

    Examples:
        istrc inspect prepared/ inspected/
        istrc inspect prepared/ inspected-dlib/ --recogniser dlib --beside inspected/inspect.json
        istrc inspect prepared/ out/ --recogniser arcface.onnx --limit 5000
    """
    others = [_read(path) for path in beside]
    options.need("inspect", "istrc.evaluation.inspecting")
    from istrc.evaluation.inspecting import inspect_recogniser

    circle: Any = None
    if model is not None or recogniser is None:
        circle = options.open_circle(model or DEFAULT, device)
    chosen = circle.recogniser if recogniser is None else how.open(recogniser, device, report)
    found = inspect_recogniser(
        data,
        out,
        recogniser=chosen,
        circle=circle,
        limit=limit,
        layers=layers,
        steps=steps,
        faces=faces,
        beside=others,
        seed=seed,
        device=device,
    )
    written = [Path(out) / name for name in ("inspect.json", "inspect.md")]
    if circle is not None:
        written.append(Path(out) / "faces.png")
    seconds = found["seconds"]
    report.say(
        f"{found['embeddings_made']} embeddings in {seconds['embedding']:.0f} s, linear probes "
        f"in {seconds['linear']:.0f} s, classifiers in {seconds['classifier']:.0f} s"
    )
    report.done(
        f"{written[1]}: mean AUC {found['mean_linear']:.3f} linear, "
        f"{found['mean_classifier']:.3f} by the paper's classifier",
        output=written,
        **found,
    )


def _read(path: str) -> dict:
    try:
        found = read_json(path)
        found["attributes"], found["recogniser"]["kind"], found["mean_linear"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"--beside {path}: not an inspect.json of istrc inspect") from None
    return found
