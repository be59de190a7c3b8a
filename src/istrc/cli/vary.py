"""`istrc vary`: the faces around a face."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from istrc.cli import options
from istrc.cli.blend import CellOption, MakeOption, operand_argument
from istrc.cli.operands import need_pictures, read_one
from istrc.cli.pictures import (
    EmbeddingOption,
    check_outputs,
    is_figure,
    save_embeddings,
    write_faces,
    write_figure,
)
from istrc.cli.report import Report

EXAMPLES = """Examples:

istrc vary me.jpg -o neighbours.png

istrc vary me.jpg --angle 0.6 --count 15 --seed 7 -o neighbours/

istrc vary me.jpg --metric euclidean --mode circle -o as-in-the-paper.png"""

SeedOption = Annotated[int, typer.Option(min=0, help="Seed of every random choice.")]


def vary(
    picture: operand_argument("INPUT"),
    out: Annotated[
        str,
        typer.Option(
            "-o",
            "--out",
            metavar="OUT",
            help="A picture: one sheet, the face itself first. Else a folder of the neighbours.",
        ),
    ] = "vary.png",
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Neighbours.")] = 63,
    angle: Annotated[
        float, typer.Option(min=0.001, max=3.14, help="How far each is from the face, radians.")
    ] = 0.3,
    seed: SeedOption = 0,
    metric: Annotated[
        options.Metric,
        typer.Option(
            help="data: in the directions in which the training faces vary. euclidean: in all "
            "directions alike, as in the paper."
        ),
    ] = options.Metric.data,
    mode: MakeOption = options.Rebuild.anchored,
    cell: CellOption = 96,
    save: EmbeddingOption = None,
    face: options.FaceOption = "largest",
    aligned: options.AlignedOption = False,
    provenance: options.ProvenanceOption = True,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    runtime: options.RuntimeOption = options.Runtime.auto,
    as_json: options.JsonOption = False,
) -> None:
    """Draw faces that are all equally far from a face: 63 of them fill 8 by 8 with it."""
    with Report("vary", as_json) as report:
        which = options.parse_face(face)
        check_outputs(out, [picture], save)
        settings = dict(angle=angle, count=count, seed=seed, metric=metric.value, mode=mode.value)
        report.facts.update(settings)
        circle = options.open_circle(model, device, runtime.value)
        seen = read_one(circle, picture, report, which, aligned)
        need_pictures([seen], mode.value)

        from istrc.data.prepared import to_pixels
        from istrc.figures import contact_sheet
        from istrc.verbs.vary import vary as neighbours_of

        made = neighbours_of(circle, seen.z, seen.x, **settings)
        pixels = to_pixels(made.faces)
        if is_figure(out):
            # An embedding has no picture: the circle's own stands first
            first = circle.decode(seen.z) if seen.x is None else seen.x
            sheet = contact_sheet(
                [to_pixels(first)[0], *pixels],
                columns=math.ceil(math.sqrt(count + 1)),
                cell=cell,
            )
            written = write_figure(sheet, out, provenance)
        else:
            written = write_faces(pixels, out, provenance)
        save_embeddings(made.z, save)
        report.done(
            f"{seen.name} -> {out}: {count} faces at {angle:g} rad",
            input=seen.name,
            output=written,
            embeddings=save and Path(save),
        )
