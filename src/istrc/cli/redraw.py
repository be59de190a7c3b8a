"""What `istrc edit` and `istrc reconstruct` share: photographs in, other faces in them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from istrc.cli.files import Job
from istrc.cli.made import Made, command_key
from istrc.cli.many import Outcome, ResumeOptions, Task, do_all
from istrc.cli.options import CircleOptions, FaceOptions, WriteOptions
from istrc.cli.pictures import write_face
from istrc.cli.report import Report


def redraw_all(
    report: Report,
    inputs: list[str],
    out: str,
    work: Callable[[Any, Job, dict[str, Any]], Outcome],
    settings: dict[str, Any],
    *,
    batch: ResumeOptions,
    model: CircleOptions,
    names: Iterable[str] = (),
    check: Callable[[Any], None] = lambda circle: None,
) -> None:
    """Do `work` on every picture that the inputs stand for.

    Args:
        settings: all that an output depends on beside the picture and the circle, as `redraw_one`
            and `work` take it.
        names: the attributes among them.
        check: raises IstrcError where the circle cannot do what is asked.
    """
    todo, folder = batch.plan(report, inputs, out, ".png" if settings["crop"] else None)
    if not todo:
        return
    circle = model.open()
    check(circle)
    made = None
    if folder:
        key = command_key(report.command, settings, circle, names)
        made = Made(Path(out), key, again=batch.again)
    task = Task(work, settings, replace(model, runtime=circle.runtime).open, circle.runtime)
    do_all(report, todo, task, circle, processes=batch.jobs, made=made)


def redraw_one(
    circle: Any, job: Job, settings: dict[str, Any], draw: Callable[[Any, Any], Any]
) -> tuple[Outcome, list[Any], list[Any]]:
    """Draw the faces of one photograph anew, and write it whole or by its crops.

    `draw`: (face, what the face before it became or None) -> what becomes of the face.

    Returns what is told of it, the faces that were found, and what became of them.
    """
    from istrc.photo.write import not_kept

    which: FaceOptions = settings["faces"]
    crop, faces = settings["crop"], which.read(circle, job.source)
    drawn: list[Any] = []
    for seen in faces:
        drawn.append(draw(seen, drawn[-1] if drawn and not crop else None))
    written = [str(path) for path in _save(drawn, job.output, crop, settings["output"])]
    outcome = Outcome(
        facts=dict(
            input=str(job.source),
            output=written if len(written) > 1 else written[0],
            faces=faces[0].count,
        ),
        line=f"{job.source} -> {', '.join(written)}",
        remarks=which.remarks(job.source, faces),
    )
    if not crop and (lost := not_kept(faces[0].picture, job.output)):
        outcome.remarks.append(lost)
    return outcome, faces, drawn


def _save(drawn: list, output: Path, crop: bool, how: WriteOptions) -> list[Path]:
    """Write the photograph with its new faces (the last of a chain), or one crop a face:
    `out.png` for one, `out-1.png`, `out-2.png`... for several.
    """
    if not crop:
        output.parent.mkdir(parents=True, exist_ok=True)
        drawn[-1].save(output, provenance=how.provenance, location=how.keep_location)
        return [output]
    names = [output]
    if len(drawn) > 1:
        names = [output.with_stem(f"{output.stem}-{k}") for k in range(1, len(drawn) + 1)]
    for one, name in zip(drawn, names, strict=True):
        write_face(one.crop, name, how.provenance)
    return names
