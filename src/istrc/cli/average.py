"""`istrc average`: the face in the middle of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from istrc.cli import options
from istrc.cli.operands import find_sources, need_pictures, read_all
from istrc.cli.pictures import VerbOutput
from istrc.cli.report import Report
from istrc.errors import InputError


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
