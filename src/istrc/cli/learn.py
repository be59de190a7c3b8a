"""`istrc learn`: an attribute of the user's own, from pictures with and without it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.files import find_some
from istrc.cli.report import EXPECTED, Report, describe
from istrc.cli.strengths import snake_case
from istrc.errors import InputError, IstrcError


def learn(
    report: Report,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]")] = None,
    *,
    with_: Annotated[list[str], typer.Option("--with", metavar="INPUT")] = [],
    without: Annotated[list[str], typer.Option(metavar="INPUT")] = [],
    table: Annotated[str | None, typer.Option("--csv", metavar="FILE")] = None,
    column: Annotated[str | None, typer.Option(metavar="COLUMN", show_default="NAME")] = None,
    out: Annotated[
        str | None,
        options.out_option(
            "FILE", show_default="istrc/learned in the user's data folder, or $ISTRC_LEARNED"
        ),
    ] = None,
    add: Annotated[str | None, typer.Option(metavar="FILE")] = None,
    listed: Annotated[bool, typer.Option("--list")] = False,
    forget: bool = False,
    faces: options.FaceOptions,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    model: options.CircleOptions,
) -> None:
    """Teach a new attribute with two folders of pictures, in seconds.

    What is learned stands beside the model and belongs to its recogniser; edit, walk, --keep and
    Python know it from then on. Told is the AUC on faces left out, and how far to trust it.

    Args:
        name: What -a will call it: letters a to z, digits and _.
        with_: Pictures, a folder or a glob of faces that have it: 5 at least, 20 are better. May be
            repeated.
        without: The same of faces that lack it, and are like the others in all else.
        table: Instead of --with and --without: a CSV with a column `file` and columns of 0 and 1,
            as istrc prepare reads it.
        column: Of the CSV: who has it.
        out: Write it to this .safetensors file, to give away, and not to the user's folder.
        add: Take over what --out wrote, from wherever it comes; no NAME, no pictures.
        listed: Show what was learned, and how far to trust it.
        forget: Delete what was learned as NAME, for every recogniser.
        seed: Seed of the folds of cross-validation.

    Examples:
        istrc learn freckles --with freckled/ --without others/
        istrc edit me.jpg -a freckles=+1 -o out.jpg
        istrc learn freckles --csv people.csv --column has_freckles
        istrc learn --list
    """
    wishes = {
        "--with or --without": bool(with_ or without),
        "--csv": table is not None,
        "--list": listed,
        "--forget": forget,
        "--add": add is not None,
    }
    asked = [wish for wish, there in wishes.items() if there]
    if not asked:
        raise IstrcError(
            "say what to learn from: NAME --with DIR --without DIR, or NAME --csv FILE"
        )
    if len(asked) > 1:
        raise IstrcError(f"{' and '.join(asked)}: give one of them")
    if listed:
        return _list(report)
    if add is not None:
        return _add(report, add, model.open())
    if name is None:
        raise IstrcError(f"{asked[0]}: say of which NAME")
    name = snake_case(name)
    if forget:
        return _forget(report, name)

    # What can be refused is refused before a picture is read
    if out is not None and not out.endswith(".safetensors"):
        raise InputError(f"-o {out}: end the name in .safetensors")
    sources = _sources(report, name, with_, without, table, column)
    return _learn(report, model.open(), name, sources, faces, out, seed)


def _sources(
    report: Report,
    name: str,
    with_: list[str],
    without: list[str],
    table: str | None,
    column: str | None,
) -> dict[str, tuple[str, list[Path]]]:
    """side -> (what it is called, its pictures)."""
    if table is not None:
        return _of_csv(table, column or name)
    if column is not None:
        raise IstrcError(f"--column {column}: is a column of a CSV; give --csv FILE")
    sources = {}
    for side, inputs in (("with", with_), ("without", without)):
        if not inputs:
            raise InputError(f"--{side} INPUT is missing; give faces with and without it")
        sources[side] = f"--{side} {' '.join(inputs)}", find_some(inputs, report)
    return sources


def _of_csv(table: str, column: str) -> dict[str, tuple[str, list[Path]]]:
    """side -> (what it is called, its pictures), from a column of yes and no."""
    from istrc.data.sources.folder import FolderCsv

    if not Path(table).exists():
        raise InputError(f"{table}: no such file; name a CSV or a folder with labels.csv")
    source = FolderCsv(Path(table))
    wanted = {snake_case(attribute): k for k, attribute in enumerate(source.attribute_names)}
    if snake_case(column) not in wanted:
        raise InputError(
            f"{table}: no column {column!r} of yes and no; give --column: "
            f"{', '.join(source.attribute_names) or 'there is none'}"
        )
    labels = source.attributes[:, wanted[snake_case(column)]]
    sources = {}
    for side, value in (("with", 1), ("without", 0)):
        paths = [source.folder / source.names[row] for row in (labels == value).nonzero()[0]]
        if not paths:
            raise InputError(f"{table}: no picture {side} {column}; both kinds are needed")
        sources[side] = f"{table}, {side} {column}", paths
    return sources


def _read(
    report: Report, circle: Any, called: str, paths: list[Path], faces: options.FaceOptions
) -> list[Any]:
    """The faces of the pictures of one side. A picture that has none is named; where none has any
    that is one line, which `Report.each` would write for every picture.
    """
    read: list[Any] = []
    failed: list[tuple[Path, str]] = []
    for path in report.track(paths, "learn"):
        try:
            read.extend(faces.read(circle, path))
        except EXPECTED as error:
            failed.append((path, describe(error)))
    if not read:
        raise InputError(
            f"{called}: no face in any of {len(paths)} pictures; the first: {failed[0][1]}"
        )
    for path, message in failed:
        report.failed(path, message)
    return read


def _learn(
    report: Report,
    circle: Any,
    name: str,
    sources: dict[str, tuple[str, list[Path]]],
    which: options.FaceOptions,
    out: str | None,
    seed: int,
) -> None:
    from istrc.arrays import numpy
    from istrc.learning.learn import ENOUGH, checked_name, differing
    from istrc.verbs.anchor import stack

    circle.refuse_taken(checked_name(name))
    sides = {side: _read(report, circle, *sources[side], which) for side in sources}
    # Before it is known: it would differ in itself
    known = circle.attribute_names
    having, lacking = (numpy(circle.scores(stack(faces)[0])) for faces in sides.values())
    also = differing(having, lacking, known)
    learned = circle.learn(name, with_=sides["with"], without=sides["without"], seed=seed)
    target = Path(out) if out else circle.place_of(name)
    _save(report, learned, target, differ=also)
    notes = learned.notes
    for side, faces in sides.items():
        if twice := len(faces) - notes[side]:
            report.say(f"{twice} of the pictures {side} {name} are there twice, and count once")
    if few := [f"{notes[side]} {side}" for side in sides if notes[side] < ENOUGH]:
        report.say(f"{' and '.join(few)}: {ENOUGH} on each side would tell more")
    for other, auc in also.items():
        more = "more" if auc > 0.5 else "less"
        report.say(
            f"faces with {name} have {more} {other} (AUC {max(auc, 1 - auc):.2f}), which was "
            f"learned with it; balance the pictures, or edit with --keep {other}"
        )
    usage = f"istrc edit me.jpg -a {name}" if out is None else f"istrc learn --add {out}"
    report.say(f"{target}: {notes['with']} faces with, {notes['without']} without; {usage}")


def _save(report: Report, learned: Any, target: Path, **facts: Any) -> None:
    """Keep what was learned, and tell how far to trust it."""
    from istrc.learning.learn import trust_of

    trusted = trust_of(learned)
    learned.save(target)
    facts = {"name": learned.name, "output": target, "trust": trusted.word, **facts}
    report.done(f"{learned.name}: {trusted}", **facts, **_noted(learned))


def _noted(learned: Any) -> dict[str, Any]:
    """What was noted when it was learned; a file from elsewhere may say more, under any name."""
    known = ("auc", "auc_low", "auc_high", "with", "without", "ridge", "seed")
    return {key: learned.notes[key] for key in known if key in learned.notes}


def _list(report: Report) -> None:
    from istrc.learning import user_attributes
    from istrc.learning.learn import trust_of
    from istrc.models.learned import LearnedAttribute

    def one(path: Path) -> None:
        learned = LearnedAttribute.load(path, "onnx")  # its notes are asked for alone
        trusted = trust_of(learned)
        noted = _noted(learned)
        report.done(
            f"{learned.name}: {trusted} ({noted.get('with')} faces with, "
            f"{noted.get('without')} without; recogniser {path.parent.name})",
            name=learned.name,
            file=path,
            recogniser=path.parent.name,
            trust=trusted.word,
            **noted,
        )

    paths, folder = user_attributes.kept(), user_attributes.folder()
    report.facts["folder"] = folder
    report.each(paths, one)
    if not paths:
        report.say(f"{folder}: nothing learned yet; istrc learn NAME --with A --without B")


def _forget(report: Report, name: str) -> None:
    from istrc.learning import user_attributes

    paths = user_attributes.kept(name)
    if not paths:
        known = ", ".join(sorted({path.stem for path in user_attributes.kept()}))
        raise InputError(f"{name}: nothing was learned as this; there is: {known or 'nothing'}")
    for path in paths:
        path.unlink()
        report.done(f"{path}: deleted", name=name, file=path)


def _add(report: Report, file: str, circle: Any) -> None:
    from istrc.learning.learn import checked_name

    learned = circle.add(file)
    target = circle.place_of(checked_name(learned.name))
    _save(report, learned, target)
    report.say(f"{target}: istrc edit me.jpg -a {learned.name}")
