"""What `istrc edit` and `istrc reconstruct` share: photographs in, other faces in them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from istrc.cli.files import Job
from istrc.cli.looking import Seen, embedded, look
from istrc.cli.manifest import Manifest, command_key
from istrc.cli.many import ResumeOptions, do_all
from istrc.cli.options import CircleOptions, WriteOptions
from istrc.cli.pictures import write_face
from istrc.cli.report import Report
from istrc.cli.task import Outcome, Task, attempted

AT_ONCE = 8  # faces drawn together: more are hardly quicker, and a stop waits for them


def redraw_all(
    report: Report,
    inputs: list[str],
    out: str,
    together: Callable[[Any, Sequence[tuple[Job, Seen]], dict[str, Any]], list[Outcome]],
    settings: dict[str, Any],
    *,
    batch: ResumeOptions,
    model: CircleOptions,
    names: Iterable[str] = (),
    check: Callable[[Any], None] = lambda circle: None,
) -> None:
    """Redraw every picture that the inputs stand for.

    Args:
        together: `redraw_some` of some pictures, with what draws them. Of those that are there
            nothing is written.
        settings: all that an output depends on beside the picture and the circle.
        names: the attributes among them.
        check: raises IstrcError where the circle cannot do what is asked.
    """
    todo, folder = batch.plan(report, inputs, out, ".png" if settings["crop"] else None)
    if not todo:
        return
    circle = model.open()
    check(circle)
    manifest = None
    if folder:
        key = command_key(report.command, settings, circle, names)
        manifest = Manifest(Path(out), key, again=batch.again)
    opening = replace(model, runtime=circle.runtime).open
    task = Task(None, settings, opening, circle.runtime, look, together, AT_ONCE)
    do_all(report, todo, task, circle, processes=batch.jobs, engine=batch.engine, manifest=manifest)


def redraw_some(
    circle: Any,
    looked: Sequence[tuple[Job, Seen]],
    settings: dict[str, Any],
    draw: Callable[[list[Any]], list[Any]],
    tell: Callable[[list[Any], list[Any]], dict[str, Any]] = lambda faces, edited: {},
) -> list[Outcome]:
    """Draw the faces of some photographs anew, together, and write each whole or by its crops.

    Args:
        draw: faces -> their `istrc.face.Drawn`.
        tell: (a photograph's faces, what became of them) -> further facts of it.
    """
    from istrc.face import Face

    x, z = embedded(circle, [seen.crops for _, seen in looked])
    x, row = circle.to_device(x), 0
    pictures: list[list[Any]] = []
    for job, seen in looked:
        pictures.append([])
        for number, frame in enumerate(seen.frames, seen.first):
            parts = x[row : row + 1], z[row : row + 1]
            pictures[-1].append(
                Face(circle, job.source, seen.picture, frame, *parts, number, seen.count)
            )
            row += 1
    every = [face for faces in pictures for face in faces]
    drawn: list[Any] = []
    for start in range(0, len(every), AT_ONCE):
        drawn += draw(every[start : start + AT_ONCE])
    still = iter(drawn)

    def write(job: Job, faces: list[Any]) -> Outcome:
        own, edited = [next(still) for _ in faces], list[Any]()
        if job.there:
            return Outcome()
        for one in own:
            edited.append(one.put(edited[-1] if edited and not settings["crop"] else None))
        outcome = _written(job, faces, edited, settings)
        outcome.facts.update(tell(faces, edited))
        return outcome

    return [attempted(write, job, faces) for (job, _), faces in zip(looked, pictures, strict=True)]


def _written(job: Job, faces: list[Any], edited: list[Any], settings: dict[str, Any]) -> Outcome:
    """Write a photograph with its new faces; what is told of it."""
    from istrc.photo.write import not_kept

    which, crop = settings["faces"], settings["crop"]
    written = [str(path) for path in _save(edited, job.output, crop, settings["output"])]
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
    return outcome


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
