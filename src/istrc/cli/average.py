"""`istrc average`: the face in the middle of several."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from istrc.cli import options
from istrc.cli.blend import MakeOption
from istrc.cli.operands import find_sources, need_pictures, read_all, stack
from istrc.cli.pictures import EmbeddingOption, check_outputs, save_embeddings
from istrc.cli.report import Report
from istrc.cli.vectors import write_face
from istrc.errors import InputError

EXAMPLES = """Examples:

istrc average me.jpg you.jpg -o between.png

istrc average family/ -o family.png --json

istrc average z.npy --mode circle --save mean.npy -o mean.png"""


class Mean(str, Enum):
    """Which mean of points on a sphere."""

    frechet = "frechet"
    euclidean = "euclidean"


def average(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Pictures, folders (read flat) or globs, and saved embeddings: z.npy for all its "
            "rows, 'z.npy[3]' for one. Two faces at least.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="OUT", help="The picture to write.")
    ] = "average.png",
    mean: Annotated[
        Mean,
        typer.Option(
            help="frechet: the least sum of squared angles; of two faces it is slerp's middle. "
            "euclidean: the sum, put back on the sphere."
        ),
    ] = Mean.frechet,
    mode: MakeOption = options.Rebuild.anchored,
    save: EmbeddingOption = None,
    face: options.FaceOption = "largest",
    aligned: options.AlignedOption = False,
    provenance: options.ProvenanceOption = True,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    runtime: options.RuntimeOption = options.Runtime.auto,
    as_json: options.JsonOption = False,
) -> None:
    """Average 2, 4 or hundreds of faces into one.

    Told beside it: how many they are, and their spread, the mean angle from the average. An input
    that cannot be read is named, and the others are averaged.
    """
    with Report("average", as_json) as report:
        which = options.parse_face(face)
        sources = find_sources(inputs, report)
        check_outputs(out, sources, save)
        report.facts.update(mode=mode.value, mean=mean.value)
        if not sources:
            return
        circle = options.open_circle(model, device, runtime.value)
        faces = read_all(circle, sources, report, which, aligned)
        if not faces:
            return
        if len(faces) == 1:
            raise InputError(f"{faces[0].name}: the average of one face; give at least two")
        need_pictures(faces, mode.value)

        from istrc.data.prepared import to_pixels
        from istrc.photo.write import output_format
        from istrc.verbs.average import average as average_of

        output_format(Path(out))
        z, x = stack(faces)
        made = average_of(circle, z, x, mean=mean.value, mode=mode.value)
        write_face(to_pixels(made.face)[0], Path(out), provenance)
        save_embeddings(made.z, save)
        report.done(
            f"{len(faces)} faces -> {out}: spread {made.spread:.3f} rad (mean angle to it)",
            inputs=[one.name for one in faces],
            output=Path(out),
            embeddings=save and Path(save),
            count=len(faces),
            spread=round(made.spread, 4),
            angles=[round(angle, 4) for angle in made.angles.tolist()],
            vector_length=round(made.length, 4),
        )
