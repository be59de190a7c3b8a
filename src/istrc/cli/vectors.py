"""`istrc embed`, `istrc decode` and `istrc reconstruct`: between the picture and the sphere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.files import Job, plan_outputs, write_lines
from istrc.cli.many import BatchOptions, ResumeOptions, do_all
from istrc.cli.photographs import TOGETHER, embedded, read_photograph, redraw_all
from istrc.cli.pictures import write_array, write_face
from istrc.cli.report import Report
from istrc.cli.task import Outcome, Task
from istrc.errors import InputError
from istrc.whole import regular, resolved

BATCH = 64  # embeddings decoded at once


def embed(
    report: Report,
    inputs: options.InputsArgument,
    *,
    out: Annotated[str, options.out_option("Z.NPY")],
    faces: options.FaceOptions,
    batch: BatchOptions,
    model: options.CircleOptions,
) -> None:
    """Write the embeddings of faces: points of the unit hypersphere.

    With --face all a picture has a row for each of its faces, largest first, and its name is
    repeated in the list.

    Args:
        out: Array to write: float32 (N, D), rows of unit norm, one an input in order. Z.txt beside
            it lists the inputs, one a line.

    Examples:
        istrc embed me.jpg you.jpg -o z.npy
        istrc embed faces/ --aligned -o z.npy --json
    """
    import numpy as np

    target = Path(out)
    if target.suffix != ".npy":
        raise InputError(f"-o {out}: embeddings are written as .npy; end the name in .npy")
    todo, _ = batch.plan(report, inputs)
    if not todo:
        return
    listed = target.with_suffix(".txt")
    ours = target.exists() and resolved(listed) not in {resolved(job.source) for job in todo}
    if listed.exists() and not ours:
        raise InputError(f"-o {out}: would overwrite {listed}; give another name")
    circle = model.open()
    rows: list[np.ndarray] = []
    names: list[Path] = []

    def tell(report: Report, job: Job, outcome: Outcome) -> None:
        for z in outcome.facts["z"]:
            report.done(input=job.source, row=len(rows), faces=outcome.facts["faces"])
            rows.append(z)  # (D,)
            names.append(job.source)

    opening = replace(model, runtime=circle.runtime).open
    # Aligned pictures are small, and nothing is to be found in them: only decoding takes time
    settings = dict(faces=faces)
    task = Task(
        read_crops,
        settings,
        opening,
        circle.runtime,
        embed_some,
        TOGETHER,
        side_by_side=faces.aligned,
    )
    do_all(report, todo, task, circle, processes=batch.jobs, engine=batch.engine, tell=tell)
    if rows:
        write_array(target, np.stack(rows))  # (N, D)
        write_lines(listed, names)
        report.facts.update(output=target, list=listed)
        if not report.as_json:
            report.say(f"{target}: {len(rows)} x {circle.dim}")


def read_crops(circle: Any, job: Job, settings: dict[str, Any]) -> tuple[Any, int, list[str]]:
    """Of one photograph, of which no more is kept: crops (K, S, S, 3) of the faces that are asked
    for, how many it has, and notes of how it was read.
    """
    one = read_photograph(circle, job, settings)
    return one.crops, one.count, one.picture.notes


def embed_some(
    circle: Any, read: Sequence[tuple[Job, tuple[Any, int, list[str]]]], settings: dict[str, Any]
) -> list[Outcome]:
    """Embed faces together: of each photograph their `z` (K, D) float32."""
    import numpy as np

    from istrc.arrays import numpy

    _, z = embedded(circle, [crops for _, (crops, _, _) in read])
    ends = np.cumsum([len(crops) for _, (crops, _, _) in read])
    parts = np.split(numpy(z).astype(np.float32), ends[:-1])
    return [
        Outcome(dict(z=part, faces=count), remarks=[f"{job.source}: {note}" for note in notes])
        for (job, (_, count, notes)), part in zip(read, parts, strict=True)
    ]


def decode(
    report: Report,
    vectors: Annotated[str, typer.Argument(metavar="Z.NPY")],
    *,
    out: options.OutOption,
    provenance: bool = True,
    model: options.CircleOptions,
) -> None:
    """Draw the faces that embeddings stand for: decode(F(z)).

    One row becomes the file OUT. Several become OUT/STEM.png, where the stems are those of the
    inputs if istrc embed has left its list beside the array, and else 00000, 00001, ...

    Args:
        vectors: Embeddings: an array (N, D) or (D,) of any length but 0; rows are normalised.

    Examples:
        istrc embed me.jpg -o z.npy && istrc decode z.npy -o face.png
    """
    from istrc.data.prepared import to_pixels

    path = Path(vectors)
    z = read_vectors(path)
    names = _row_names(path, len(z), report)
    rows = {name: row for row, name in enumerate(names)}
    jobs, clashes = plan_outputs(names, out, several=len(z) > 1, suffix=".png")
    report.all_failed(clashes)
    if not jobs:
        return
    circle = model.open()
    if z.shape[1] != circle.dim:
        raise InputError(
            f"{path}: rows have {z.shape[1]} numbers and the model's sphere {circle.dim}; "
            "decode with the model that embedded them"
        )

    def some(batch: list[Job]) -> None:
        picked = z[[rows[job.source] for job in batch]]
        for job, face in zip(batch, to_pixels(circle.decode(picked)), strict=True):
            write_face(face, job.output, provenance, generated=True)
            report.done(row=rows[job.source], output=job.output)

    batches = [jobs[start : start + BATCH] for start in range(0, len(jobs), BATCH)]
    report.each(batches, some, lambda _: path)
    report.say(f"{path}: {len(report.results)} faces -> {out}")


def reconstruct(
    report: Report,
    inputs: options.InputsArgument,
    *,
    out: options.OutOption,
    mode: options.Rebuild = "circle",
    faces: options.FaceOptions,
    crop: bool = False,
    output: options.WriteOptions,
    batch: ResumeOptions,
    model: options.CircleOptions,
) -> None:
    """Replace faces by what the model keeps of them, in the photograph or (--crop) alone.

    Args:
        mode: circle: decode(F(z)), the recogniser's idea of the face. anchored: decode(E(x)), what
            the auto-encoder keeps of it.

    Examples:
        istrc reconstruct me.jpg --crop -o what-the-recogniser-knows.png
        istrc reconstruct faces/ --mode anchored -o out/
    """
    report.facts.update(mode=mode)
    settings = dict(mode=mode, faces=faces, crop=crop, output=output)
    redraw_all(report, inputs, out, settings, batch=batch, model=model)


def read_vectors(path: Path) -> Any:
    """float32 (N, D) of unit norm from an .npy file. Raises InputError naming the file or row."""
    import numpy as np

    try:
        z = np.load(regular(path), allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; make it with istrc embed") from None
    except MemoryError:
        raise
    except Exception:  # a damaged header makes NumPy raise nearly anything
        raise InputError(f"{path}: not a NumPy array; make it with istrc embed") from None
    if not isinstance(z, np.ndarray):
        raise InputError(f"{path}: an .npz archive; give one array, saved as .npy")
    z = z[None] if z.ndim == 1 else z
    if z.ndim != 2 or 0 in z.shape or z.dtype.kind not in "fiu":
        raise InputError(f"{path}: has shape {z.shape} of {z.dtype}; give numbers (N, D) or (D,)")
    z = z.astype(np.float32)
    norm = np.linalg.norm(z, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(norm[:, 0]) & (norm[:, 0] > 1e-6)))
    if len(bad):
        raise InputError(f"{path}: row {bad[0]} has no direction (zero, NaN or infinite)")
    return z / norm


def _row_names(path: Path, count: int, report: Report) -> list[Path]:
    """A name a row: the inputs that `istrc embed` listed, or the row's number."""
    listed = path.with_suffix(".txt")
    if listed.is_file():
        lines = listed.read_text("utf-8", "surrogateescape").removesuffix("\n").split("\n")
        different = len({Path(line).stem for line in lines})
        if len(lines) == different == count:
            return [Path(line) for line in lines]
        report.say(f"{listed}: {different} different names for {count} rows; faces are numbered")
    width = max(5, len(str(count - 1)))
    return [Path(f"{row:0{width}d}") for row in range(count)]
