"""`istrc blend`: the faces between two."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from istrc.cli import options
from istrc.cli.operands import need_pictures, read_one, stack
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

istrc blend me.jpg you.jpg -o strip.png

istrc blend me.jpg you.jpg --frames 25 -o frames/

istrc blend 'z.npy[0]' 'z.npy[1]' --mode circle --path lerp -o strip.png"""


class Way(str, Enum):
    """Which way a blend goes."""

    slerp = "slerp"
    lerp = "lerp"


def operand_argument(name: str, help: str = "A picture, or a row of saved embeddings."):
    return Annotated[str, typer.Argument(metavar=name, help=help, show_default=False)]


MakeOption = Annotated[
    options.Rebuild,
    typer.Option(
        help="anchored: pose, light and background come from the pictures, and are mixed as the "
        "faces are. circle: decode(F(z)), as in the paper; for saved embeddings, too."
    ),
]
CellOption = Annotated[
    int, typer.Option(min=16, max=1024, help="Side of a face in the figure, pixels.")
]


def blend(
    first: operand_argument("A"),
    second: operand_argument("B"),
    out: Annotated[
        str,
        typer.Option(
            "-o", "--out", metavar="OUT", help="A picture: one strip. Else a folder of frames."
        ),
    ] = "blend.png",
    frames: Annotated[
        int, typer.Option(min=2, max=1000, help="Faces, the two given ones included.")
    ] = 9,
    path: Annotated[
        Way,
        typer.Option(
            help="slerp: the shortest arc, at constant speed. lerp: the chord, put back on the "
            "sphere."
        ),
    ] = Way.slerp,
    mode: MakeOption = options.Rebuild.anchored,
    cell: CellOption = 128,
    save: EmbeddingOption = None,
    face: options.FaceOption = "largest",
    aligned: options.AlignedOption = False,
    provenance: options.ProvenanceOption = True,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    runtime: options.RuntimeOption = options.Runtime.auto,
    as_json: options.JsonOption = False,
) -> None:
    """Turn one face into another, in equal steps.

    Under each face of a strip stands how far it is from the first, in radians.
    """
    with Report("blend", as_json) as report:
        which = options.parse_face(face)
        check_outputs(out, [first, second], save)
        report.facts.update(mode=mode.value, path=path.value, frames=frames)
        circle = options.open_circle(model, device, runtime.value)
        two = [read_one(circle, text, report, which, aligned) for text in (first, second)]
        need_pictures(two, mode.value)

        from istrc.data.prepared import to_pixels
        from istrc.figures import Row, strip
        from istrc.verbs import blend as blending

        z, x = stack(two)
        made = blending.blend(circle, z, x, frames=frames, path=path.value, mode=mode.value)
        pixels, angles = to_pixels(made.faces), [round(a, 4) for a in made.angles.tolist()]
        if is_figure(out):
            row = Row("", list(pixels), [f"{angle:.2f} rad" for angle in angles])
            written = write_figure(strip([row], cell=cell), out, provenance)
        else:
            written = write_faces(pixels, out, provenance)
        save_embeddings(made.z, save)
        report.done(
            f"{two[0].name}, {two[1].name} -> {out}: {frames} faces over {angles[-1]:.2f} rad",
            inputs=[one.name for one in two],
            output=written,
            embeddings=save and Path(save),
            angles=angles,
        )
