"""Photographs in: their faces found, embedded together, drawn anew, and written.

`istrc edit`, `istrc reconstruct` and `istrc embed` share this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from istrc.cli.files import Job
from istrc.cli.manifest import Manifest, command_key
from istrc.cli.many import ResumeOptions, do_all
from istrc.cli.options import CircleOptions, FaceOptions, check_attributes
from istrc.cli.pictures import write_face
from istrc.cli.report import Report
from istrc.cli.task import Outcome, Task, attempted
from istrc.errors import InputError
from istrc.whole import resolved

if TYPE_CHECKING:
    import numpy as np

    from istrc.photo.align import Frame
    from istrc.photo.picture import Picture

TOGETHER = 64  # faces embedded at once: more are not quicker
AT_ONCE = 8  # faces drawn at once: more are hardly quicker, and a stop waits for them


@dataclass(frozen=True)
class Photograph:
    """A photograph and those of its faces that are asked for, not embedded yet."""

    picture: Picture
    frames: list[Frame]  # where these faces are in it, K
    crops: np.ndarray  # (K, S, S, 3) uint8
    first: int  # the number of the first of them, from 1
    count: int  # faces that it has
    found: Any = None  # (1, N, 3) see `Face.found`

    @property
    def pixels(self) -> int:
        """Of the photograph: so many are held until it is done."""
        return self.picture.pixels[..., 0].size


def read_photograph(circle: Any, job: Job, settings: dict[str, Any]) -> Photograph:
    """Read a photograph and find the faces that `settings["faces"]` asks for.

    Raises InputError where it cannot be read or has no such face.
    """
    from istrc.circle import number_of

    which: FaceOptions = settings["faces"]
    where = dict(aligned=which.aligned, min_face=which.min_face)
    picture, frames, crops = circle.crops(job.source, **where)
    count, first = len(frames), 1
    if which.face != "all":
        first = number_of(which.face, count, job.source)
        frames, crops = frames[first - 1 : first], crops[first - 1 : first]
    if "landmarks" not in settings:
        return Photograph(picture, frames, crops, first, count)
    from istrc.data.sources.folder import landmarks_of

    table, digest = settings["landmarks"]
    points = landmarks_of(table, digest).get(resolved(job.source))
    if points is None:
        raise InputError(f"{job.source}: no landmarks in {table}; leave it out to find them")
    return Photograph(picture, frames, crops, first, count, circle.placed(points, frames[0]))


def embedded(circle: Any, crops: Sequence[np.ndarray]) -> tuple[Any, Any]:
    """The faces x (N, 3, S, S) of all of these crops, and their embeddings z (N, D)."""
    import numpy as np

    from istrc.data.prepared import to_array
    from istrc.verbs.anchor import in_batches

    x = to_array(np.concatenate(crops))
    return x, in_batches(circle.embed, x, TOGETHER)


def redraw_all(
    report: Report,
    inputs: list[str],
    out: str,
    settings: dict[str, Any],
    *,
    batch: ResumeOptions,
    model: CircleOptions,
) -> None:
    """Redraw every picture that the inputs stand for.

    Args:
        settings: all that an output depends on beside the picture and the circle; with `edits`,
            and how these `walk`, faces are edited, and otherwise rebuilt.

    Raises IstrcError where the circle cannot do what is asked.
    """
    todo, folder = batch.plan(report, inputs, out, ".png" if settings["crop"] else None)
    if not todo:
        return
    circle = model.open()
    names: list[str] = []
    if edits := settings.get("edits"):
        kept = settings["walk"]["keep"]
        check_attributes(circle, edits, kept, report)
        names = [*edits, *(kept or [])]
    manifest = None
    if folder:
        key = command_key(report.command, settings, circle, names)
        manifest = Manifest(Path(out), key, again=batch.again)
    opening = replace(model, runtime=circle.runtime).open
    task = Task(read_photograph, settings, opening, circle.runtime, redraw_some, AT_ONCE)
    do_all(report, todo, task, circle, processes=batch.jobs, engine=batch.engine, manifest=manifest)


def redraw_some(
    circle: Any, photographs: Sequence[tuple[Job, Photograph]], settings: dict[str, Any]
) -> list[Outcome]:
    """Edit or rebuild the faces of some photographs, together, and write each photograph whole or
    by its crops; nothing of those that are there.
    """
    from istrc.face import Face, edited, rebuilt

    x, z = embedded(circle, [one.crops for _, one in photographs])
    x = circle.to_device(x)
    every: list[Any] = []
    for job, one in photographs:
        for number, frame in enumerate(one.frames, one.first):
            own = slice(len(every), len(every) + 1)
            seen = one.picture, frame, x[own], z[own], number, one.count, one.found
            every.append(Face(circle, job.source, *seen))
    drawn: list[Any] = []
    for start in range(0, len(every), AT_ONCE):
        some = every[start : start + AT_ONCE]
        if "edits" in settings:
            drawn += edited(some, settings["edits"], **settings["walk"])
        else:
            drawn += rebuilt(some, settings["mode"])
    still = iter(drawn)

    def write(job: Job, photograph: Photograph) -> Outcome:
        own, new = [next(still) for _ in photograph.frames], list[Any]()
        if job.done:
            return Outcome()
        for one in own:
            new.append(one.put(new[-1] if new and not settings["crop"] else None))
        outcome = _written(job, new, settings)
        if "edits" in settings:
            outcome.facts["edited"] = [one.face.number for one in new]
            outcome.facts["angle"] = [round(one.angle, 4) for one in new]
        return outcome

    return [attempted(write, *one) for one in photographs]


def _written(job: Job, edited: list[Any], settings: dict[str, Any]) -> Outcome:
    """Write the photograph with its new faces (the last of a chain), or one crop a face:
    `out.png` for one, `out-1.png`, `out-2.png`... for several.
    """
    from istrc.photo.write import not_kept

    which, crop, how = settings["faces"], settings["crop"], settings["output"]
    paths, faces = [job.output], [one.face for one in edited]
    if not crop:
        job.output.parent.mkdir(parents=True, exist_ok=True)
        edited[-1].save(job.output, provenance=how.provenance, location=how.keep_location)
    else:
        if len(edited) > 1:
            stem = job.output.stem
            paths = [job.output.with_stem(f"{stem}-{k}") for k in range(1, len(edited) + 1)]
        for one, path in zip(edited, paths, strict=True):
            write_face(one.crop, path, how.provenance)
    written = [str(path) for path in paths]
    output = written if len(written) > 1 else written[0]
    facts: dict[str, Any] = dict(input=str(job.source), output=output, faces=faces[0].count)
    line = f"{job.source} -> {', '.join(written)}"
    outcome = Outcome(facts, line, which.remarks(job.source, faces))
    if not crop and (lost := not_kept(faces[0].picture, job.output)):
        outcome.remarks.append(lost)
    return outcome
