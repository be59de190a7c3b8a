"""`istrc vary`: the faces around a face."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.operands import need_pictures, operand_argument, read_one
from istrc.cli.pictures import VerbOutput
from istrc.cli.report import Report


def vary(
    report: Report,
    picture: Annotated[str, operand_argument("INPUT")],
    *,
    out: Annotated[str, options.out_option()] = "vary.png",
    count: Annotated[int, typer.Option(min=1, max=10_000)] = 63,
    angle: Annotated[float, typer.Option(min=0.001, max=3.14)] = 0.3,
    seed: options.SeedOption = 0,
    metric: options.Metric = "data",
    mode: options.RebuildOption = "anchored",
    cell: options.CellOption = 96,
    faces: options.FaceOptions,
    output: VerbOutput,
    model: options.CircleOptions,
) -> None:
    """Draw faces that are all equally far from a face: 63 of them fill 8 by 8 with it.

    Args:
        out: A picture: one sheet, the face itself first. Else a folder of the neighbours.
        count: Neighbours.
        angle: How far each is from the face, radians.
        metric: data: in the directions in which the training faces vary. euclidean: in all
            directions alike, as in the paper.

    Examples:
        istrc vary me.jpg -o neighbours.png
        istrc vary me.jpg --angle 0.6 --count 15 --seed 7 -o neighbours/
        istrc vary me.jpg --metric euclidean --mode circle -o as-in-the-paper.png
    """
    output.check(out, [picture])
    settings: dict[str, Any] = dict(angle=angle, count=count, seed=seed, metric=metric, mode=mode)
    report.facts.update(settings)
    circle = model.open()
    seen = read_one(circle, picture, report, faces)
    need_pictures([seen], mode)

    from istrc.data.prepared import to_pixels
    from istrc.figures import contact_sheet
    from istrc.verbs.vary import vary as neighbours_of

    neighbours = neighbours_of(circle, seen.z, seen.x, **settings)
    pixels = to_pixels(neighbours.faces)

    def sheet() -> Any:
        # An embedding has no picture: the circle's own stands first
        first = to_pixels(circle.decode(seen.z) if seen.x is None else seen.x)[0]
        return contact_sheet([first, *pixels], columns=math.ceil(math.sqrt(count + 1)), cell=cell)

    report.done(
        f"{seen.name} -> {out}: {count} faces at {angle:g} rad",
        input=seen.name,
        **output.write_several(out, pixels, neighbours.z, sheet),
    )
