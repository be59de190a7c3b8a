"""`istrc film`: a film in, the same film with an edited face out."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.report import Report
from istrc.cli.strengths import parse_edits, parse_keep
from istrc.errors import IstrcError
from istrc.progress import Bar

_FIELDS = ("frames", "faces", "size", "sound", "losses", "doubts")


def film(
    report: Report,
    source: Annotated[str, typer.Argument(metavar="INPUT")],
    *,
    attribute: options.AttributeOption,
    out: Annotated[str, options.out_option()],
    keep: options.KeepOption = [],
    mode: options.Mode = "photo",
    face: Annotated[str, typer.Option(metavar="largest|K")] = "largest",
    smooth: Annotated[float, typer.Option(min=0, max=5, metavar="SECONDS")] = 0.3,
    crf: Annotated[int, typer.Option(min=0, max=51)] = 18,
    metric: options.Metric = "data",
    provenance: bool = True,
    keep_location: bool = False,
    model: options.TorchCircleOptions,
) -> None:
    """Change attributes of one face through a film.

    The face is followed and gets one edit, the same in every frame. Frames without it, and all
    outside the face, stay as they were decoded; the sound is copied. What OUT cannot hold as it was
    is said, a line each. Needs PyAV (the extra `film`).

    Args:
        source: One film, of any kind.
        out: The film to write: .mp4, .mov, .m4v, .mkv or .webm; or a folder.
        face: Which face: the largest or the K-th largest (1, 2, ...) of the first frame with faces;
            it is followed from there.
        smooth: Over how long the face's place is smoothed; 0 is not at all, and flickers.
        crf: Quality of the film: 0 is lossless, 18 very good, 28 small.
        provenance: Say in the film's comment that a model made parts of it.
        keep_location: Keep where the film was taken; left out otherwise.

    Examples:
        istrc film in.mp4 -a smile=+1 -o out.mp4
        istrc film in.mov -a young=-1 --face 2 -o older.mp4
        istrc film in.mp4 -a beard --smooth 0.5 --crf 14 -o out.mkv --json
    """
    began = time.monotonic()
    edits, which = parse_edits(attribute), options.parse_face(face)
    if which == "all":
        raise IstrcError("--face all: film follows one face; give largest or a number")
    kept = parse_keep(keep, edits)

    from istrc.runtime import need_torch

    need_torch("istrc film", "pip install 'istrc[film]'")
    from istrc.film import check_output, edit_film, need_av

    need_av()
    output = _output(source, out)
    check_output(output)
    settings: dict[str, Any] = dict(mode=mode, metric=metric, face=which, smooth=smooth, crf=crf)
    report.facts.update(edits=edits, keep=kept, **settings)
    circle = model.open()
    if circle.whole:
        raise IstrcError(
            f"--model {model.model}: of pictures of anything; a film is of a face, and needs a "
            "model of faces"
        )
    options.check_attributes(circle, edits, kept)
    with Bar("film") as bar:
        done = edit_film(
            circle,
            source,
            output,
            edits,
            keep=kept,
            **settings,
            provenance=provenance,
            location=keep_location,
            progress=lambda stage, count, total: bar.at(count, total, stage),
            tell=lambda line: report.say(f"{source}: {line}"),
        )
    ratio = done.flicker["ratio"]
    text = "" if ratio is None else f", flicker {ratio:.2f}"
    report.done(
        f"{source} -> {output}: face in {done.faces} of {done.frames} frames{text}",
        input=source,
        output=output,
        **{name: getattr(done, name) for name in _FIELDS},
        fps=round(done.fps, 3),
        angle=round(done.angle, 4),
        flicker={k: v if v is None else round(v, 4) for k, v in done.flicker.items()},
        seconds=round(time.monotonic() - began, 3),
    )
    if which == "largest" and done.people > 1:
        report.say(f"{source}: {done.people} faces found, the largest followed; --face K chooses")


def _output(source: str, out: str) -> Path:
    """OUT itself, or a film of the input's name in the folder OUT."""
    if not Path(out).is_dir() and not out.endswith(("/", os.sep)):
        return Path(out)
    from istrc.film import ENDINGS

    suffix = Path(source).suffix
    return Path(out) / f"{Path(source).stem}{suffix if suffix.lower() in ENDINGS else '.mp4'}"
