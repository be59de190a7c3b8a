"""`istrc blend`, `istrc average` and `istrc vary`: new faces from given ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from istrc.cli import options
from istrc.cli.operands import find_sources, need_pictures, operand_argument, read_all, read_one
from istrc.cli.pictures import VerbOutput
from istrc.cli.report import Report
from istrc.errors import InputError


def blend(
    report: Report,
    first: Annotated[str, operand_argument("A")],
    second: Annotated[str, operand_argument("B")],
    *,
    out: Annotated[str, options.out_option()] = "blend.png",
    frames: Annotated[int, typer.Option(min=2, max=1000)] = 9,
    path: Literal["slerp", "lerp"] = "slerp",
    mode: options.RebuildOption = "anchored",
    cell: options.CellOption = 128,
    faces: options.FaceOptions,
    output: VerbOutput,
    model: options.CircleOptions,
) -> None:
    """Turn one face into another, in equal steps.

    Under each face of a strip stands how far it is from the first, in radians.

    Args:
        out: A picture: one strip. Else a folder of frames.
        frames: Faces, the two given ones included.
        path: slerp: the shortest arc, at constant speed. lerp: the chord, put back on the sphere.

    Examples:
        istrc blend me.jpg you.jpg -o strip.png
        istrc blend me.jpg you.jpg --frames 25 -o frames/
        istrc blend 'z.npy[0]' 'z.npy[1]' --mode circle --path lerp -o strip.png
    """
    output.check(out, [first, second])
    report.facts.update(mode=mode, path=path, frames=frames)
    circle = model.open()
    two = [read_one(circle, text, report, faces) for text in (first, second)]
    need_pictures(two, mode)

    from istrc.data.prepared import to_pixels
    from istrc.figures import Row, strip
    from istrc.verbs import blend as blending
    from istrc.verbs.anchor import stack

    blended = blending.blend(circle, *stack(two), frames=frames, path=path, mode=mode)
    pixels, angles = to_pixels(blended.faces), [round(a, 4) for a in blended.angles.tolist()]
    row = Row("", list(pixels), [f"{angle:.2f} rad" for angle in angles])
    written = output.write_several(out, pixels, blended.z, lambda: strip([row], cell=cell))
    report.done(
        f"{two[0].name}, {two[1].name} -> {out}: {frames} faces over {angles[-1]:.2f} rad",
        inputs=[one.name for one in two],
        angles=angles,
        **written,
    )


def average(
    report: Report,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...")],
    *,
    out: Annotated[str, options.out_option()] = "average.png",
    mean: Literal["frechet", "euclidean"] = "frechet",
    mode: options.RebuildOption = "anchored",
    faces: options.FaceOptions,
    output: VerbOutput,
    model: options.CircleOptions,
) -> None:
    """Average 2, 4 or hundreds of faces into one.

    Told beside it: how many they are, and their spread, the mean angle from the average. An input
    that cannot be read is named, and the others are averaged.

    Args:
        inputs: Pictures, folders (read flat) or globs, and saved embeddings: z.npy for all its
            rows, 'z.npy[3]' for one. Two faces at least.
        out: The picture to write.
        mean: frechet: the least sum of squared angles; of two faces it is slerp's middle.
            euclidean: the sum, put back on the sphere.

    Examples:
        istrc average me.jpg you.jpg -o between.png
        istrc average family/ -o family.png --json
        istrc average z.npy --mode circle --save mean.npy -o mean.png
    """
    sources = find_sources(inputs, report)
    output.check(out, sources)
    report.facts.update(mode=mode, mean=mean)
    if not sources:
        return
    circle = model.open()
    read = read_all(circle, sources, report, faces)
    if not read:
        return
    if len(read) == 1:
        raise InputError(f"{read[0].name}: the average of one face; give at least two")
    need_pictures(read, mode)

    from istrc.data.prepared import to_pixels
    from istrc.photo.write import output_format
    from istrc.verbs.anchor import stack
    from istrc.verbs.average import average as average_of

    output_format(Path(out))
    middle = average_of(circle, *stack(read), mean=mean, mode=mode)
    written = output.write(out, to_pixels(middle.face)[0], middle.z)
    report.done(
        f"{len(read)} faces -> {out}: spread {middle.spread:.3f} rad (mean angle to it)",
        inputs=[one.name for one in read],
        count=len(read),
        spread=round(middle.spread, 4),
        angles=[round(angle, 4) for angle in middle.angles.tolist()],
        vector_length=round(middle.length, 4),
        **written,
    )


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
