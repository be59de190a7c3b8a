"""`istrc blend`: the faces between two."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from istrc.cli import options
from istrc.cli.operands import need_pictures, operand_argument, read_one
from istrc.cli.pictures import VerbOutput
from istrc.cli.report import Report


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
