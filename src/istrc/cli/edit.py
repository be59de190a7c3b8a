"""`istrc edit` and `istrc walk`: photographs in, photographs or strips out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.files import Job, find_all, plan_outputs
from istrc.cli.many import ResumeOptions
from istrc.cli.photographs import redraw_all
from istrc.cli.pictures import write_face
from istrc.cli.report import Report
from istrc.cli.strengths import parse_edits, parse_keep
from istrc.errors import InputError, IstrcError
from istrc.whole import checksum


def edit(
    report: Report,
    inputs: options.InputsArgument,
    *,
    attribute: options.AttributeOption,
    out: options.OutOption,
    keep: options.KeepOption = [],
    mode: options.Mode = "photo",
    faces: options.FaceOptions,
    landmarks: Annotated[str | None, typer.Option(metavar="FILE.csv")] = None,
    crop: bool = False,
    metric: options.Metric = "data",
    output: options.WriteOptions,
    batch: ResumeOptions,
    model: options.CircleOptions,
) -> None:
    """Change attributes of the faces in photographs.

    Each face is found and aligned, its embedding is walked to the wanted attributes, and the
    change is put back into the photograph: its own pixels are moved and shaded. Every pixel that
    is neither keeps its value. A PNG is written without loss; a JPEG is encoded anew with its own
    tables, after which 80 to 99 % of the other pixels are what they were, by its quality, and 98 %
    or more are within 2 of 255 levels (measured: docs/command-line.md).

    Args:
        landmarks: Of a model of landmarks that are no face's: where they are in the pictures, in
            columns as for istrc prepare; found by the model otherwise.

    Examples:
        istrc edit me.jpg -a smile=+1 -o out.jpg
        istrc edit me.jpg -a beard -a young=-0.5 --keep gray_hair -o out.png
        istrc edit faces/ --aligned --crop -a eyeglasses -o out/ --json
    """
    edits = parse_edits(attribute)
    kept = parse_keep(keep, edits)
    report.facts.update(edits=edits, keep=kept, mode=mode, metric=metric)
    how = dict(keep=kept, mode=mode, metric=metric)
    settings: dict[str, Any] = dict(edits=edits, walk=how, faces=faces, crop=crop, output=output)
    if landmarks is not None:
        settings["landmarks"] = landmarks, checksum(Path(landmarks))
    redraw_all(report, inputs, out, settings, batch=batch, model=model)


def walk(
    report: Report,
    picture: Annotated[str, typer.Argument(metavar="INPUT")],
    *,
    attribute: options.AttributeOption,
    out: Annotated[str, options.out_option()],
    frames: Annotated[int, typer.Option(min=2, max=64)] = 9,
    cell: options.CellOption = 128,
    keep: options.KeepOption = [],
    mode: options.Mode = "photo",
    faces: options.FaceOptions,
    metric: options.Metric = "data",
    provenance: bool = True,
    model: options.CircleOptions,
) -> None:
    """Draw the walk of a face to each attribute: one labelled row for every -a.

    Unlike in edit, several -a are several walks, each from the face as it is. The faces of a row
    are evenly spaced in angle; under each stands how far it is, in radians.

    Args:
        picture: One picture.
        out: The strip to write.
        frames: Faces in a row, from the unchanged to the end.

    Examples:
        istrc walk me.jpg -a smile -o strip.png
        istrc walk me.jpg -a smile=-1 -a beard -a young=-1 --frames 7 -o rows.png
    """
    edits, kept = parse_edits(attribute), parse_keep(keep, {})
    found = find_all([picture])
    if found.several:
        raise InputError(f"{picture}: walk takes one picture; name one in the folder")
    if faces.face == "all":
        raise IstrcError("--face all: walk takes one face; give largest or a number")
    jobs, clashes = plan_outputs(found.paths, out, several=False, suffix=".png")
    report.all_failed(found.missing + clashes)
    report.facts.update(edits=edits, keep=kept, mode=mode, metric=metric)
    if not jobs:
        return
    circle = model.open()
    options.check_attributes(circle, edits, kept, report)

    import numpy as np

    from istrc.figures import strip
    from istrc.verbs.strips import walk_row

    def one(job: Job) -> None:
        [face] = faces.read(circle, job.source)
        rows, angles = [], {}
        how: dict[str, Any] = dict(frames=frames, cell=cell, keep=kept, mode=mode, metric=metric)
        for name, strength in report.track(list(edits.items()), "walk"):
            row, walked = walk_row(face, name, strength, **how)
            rows.append(row)
            angles[name] = [round(angle, 4) for angle in walked]
        write_face(np.asarray(strip(rows, cell=cell)), job.output, provenance)
        report.done(
            f"{job.source} -> {job.output}",
            input=job.source,
            output=job.output,
            faces=face.count,
            angles=angles,
        )
        report.say(*faces.remarks(job.source, [face]))

    report.each(jobs, one, lambda job: job.source)
