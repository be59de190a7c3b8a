"""What `istrc edit` and `istrc reconstruct` share: photographs in, other faces in them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from istrc.cli import options
from istrc.cli.files import Job, find_all, plan_outputs
from istrc.cli.made import Made, command_key
from istrc.cli.many import Outcome, Task, do_all
from istrc.cli.report import Report
from istrc.cli.table import table_file


def redraw_all(
    report: Report,
    inputs: list[str],
    out: str,
    work: Callable[[Any, Job, dict[str, Any]], Outcome],
    settings: dict[str, Any],
    *,
    jobs: int,
    again: bool,
    table: str | None,
    model: str,
    device: str,
    runtime: str,
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
    found = find_all(inputs)
    report.table = table_file(table, found.paths)
    suffix = ".png" if settings["crop"] else None
    todo, clashes = plan_outputs(found.paths, out, several=found.several, suffix=suffix)
    report.all_failed(found.missing + clashes)
    if not todo:
        return
    circle = options.open_circle(model, device, runtime)
    check(circle)
    made = None
    if found.several:
        key = command_key(report.command, settings, circle, names)
        made = Made(Path(out), key, again=again)
    opening = partial(options.open_circle, model, device, circle.runtime)
    task = Task(work, settings, opening, circle.runtime)
    do_all(report, todo, task, circle, processes=jobs, made=made)


def redraw_one(
    circle: Any, job: Job, settings: dict[str, Any], draw: Callable[[Any, Any], Any]
) -> tuple[Outcome, list[Any], list[Any]]:
    """Draw the faces of one photograph anew, and write it whole or by its crops.

    `draw`: (face, what the face before it became or None) -> what becomes of the face.

    Returns what is told of it, the faces that were found, and what became of them.
    """
    from istrc.photo.write import not_kept

    which, crop = settings["face"], settings["crop"]
    where = {key: settings[key] for key in ("face", "aligned", "min_face")}
    faces = options.read_faces(circle, job.source, **where)
    drawn: list[Any] = []
    for seen in faces:
        drawn.append(draw(seen, drawn[-1] if drawn and not crop else None))
    how = dict(provenance=settings["provenance"], location=settings["location"])
    written = [str(path) for path in options.save(drawn, job.output, crop, **how)]
    outcome = Outcome(
        facts=dict(
            input=str(job.source),
            output=written if len(written) > 1 else written[0],
            faces=faces[0].count,
        ),
        line=f"{job.source} -> {', '.join(written)}",
        remarks=options.remarks(job.source, faces, which),
    )
    if not crop and (lost := not_kept(faces[0].picture, job.output)):
        outcome.remarks.append(lost)
    return outcome, faces, drawn
