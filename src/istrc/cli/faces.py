"""`istrc faces`: which faces are found in photographs, and which number is whose."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, Any

from istrc.cli import options
from istrc.cli.files import Job
from istrc.cli.many import BatchOptions, do_all
from istrc.cli.report import Report
from istrc.cli.task import Outcome, Task


def faces(
    report: Report,
    inputs: options.InputsArgument,
    *,
    out: Annotated[str | None, options.out_option(show_default="not written")] = None,
    min_face: options.MinFaceOption = None,
    batch: BatchOptions,
    runtime: options.RuntimeOption = "auto",
) -> None:
    """List the faces of photographs, the largest first, by the number that --face takes.

    Told of each: the side of its frame and where its centre is, in pixels of the photograph from
    the top left, how far it is turned, and its score: how surely it is a face, 0.5 to 1. The frame
    is what an edit may change.

    Args:
        out: Also write a preview with numbered frames; with several inputs a folder, where each
            preview keeps its input's stem.

    Examples:
        istrc faces wedding.jpg -o numbered.jpg
        istrc faces wedding.jpg && istrc edit wedding.jpg --face 2 -a smile -o out.jpg
        istrc faces holiday/ --json
    """
    todo, _ = batch.plan(report, inputs, out)
    if not todo:
        return
    from istrc.pretrained import shipped_aligner
    from istrc.runtime import choose_runtime

    chosen = choose_runtime(runtime, prefer="onnx")
    task = Task(list_one, {"min_face": min_face}, partial(shipped_aligner, chosen), chosen)
    do_all(report, todo, task, task.open(), processes=batch.jobs, engine=batch.engine)


def list_one(aligner: Any, job: Job, settings: dict[str, Any]) -> Outcome:
    """List the faces of one photograph, and write the preview if there is to be one.

    Raises InputError when it cannot be read or has no face.
    """
    from istrc.photo.find import find_faces
    from istrc.photo.picture import Picture
    from istrc.photo.read import read_picture
    from istrc.photo.write import write_picture

    picture = read_picture(job.source)
    faces = find_faces(picture.pixels, job.source, aligner, min_face=settings["min_face"])
    found = [
        {
            "number": number,
            "corners": [[round(float(v), 1) for v in corner] for corner in one.frame.corners()],
            "side": round(one.frame.side, 1),
            "angle": round(one.frame.angle, 4),
            "score": round(one.score, 3),
        }
        for number, one in enumerate(faces, 1)
    ]
    output = {}
    if job.output is not None:
        from istrc.photo.mark import mark

        output = {"output": str(job.output)}
        job.output.parent.mkdir(parents=True, exist_ok=True)
        preview = mark(picture.pixels, [one.frame for one in faces], picture.alpha)
        write_picture(Picture(preview, icc=picture.icc), preview, job.output)
    return Outcome(
        facts={"input": str(job.source), **output, "faces": len(found), "found": found},
        listed=[f"{job.source} {face['number']}: {described(face)}" for face in found],
        remarks=[f"{job.source}: {note}" for note in picture.notes],
    )


def described(face: dict[str, Any]) -> str:
    """`134 px at (222, 115), upright, score 0.99`: how large a face is, where, how it is turned,
    and how surely it is one.
    """
    x, y = (sum(corner[axis] for corner in face["corners"]) / 4 for axis in (0, 1))
    degrees = round(math.degrees(face["angle"]))
    way = "clockwise" if degrees > 0 else "counter-clockwise"
    many = "degree" if abs(degrees) == 1 else "degrees"
    turned = f"turned {abs(degrees)} {many} {way}" if degrees else "upright"
    return f"{face['side']:.0f} px at ({x:.0f}, {y:.0f}), {turned}, score {face['score']:.2f}"
