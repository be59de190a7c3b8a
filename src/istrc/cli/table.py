"""`--report FILE`: what became of every input, one row each, for a spreadsheet or a script."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.errors import InputError
from istrc.whole import whole

COLUMNS = ("input", "output", "faces", "edited", "angle", "error", "seconds")
SUFFIXES = (".csv", ".json")

ReportOption = Annotated[
    str | None,
    typer.Option(
        "--report",
        metavar="FILE.csv|FILE.json",
        help="Also write what became of every input: output, faces found and edited, angle in "
        "radians, error, seconds. Written when the command ends, however it ends.",
        show_default="not written",
    ),
]


def table_file(name: str | None, inputs: Sequence[Path] = ()) -> Path | None:
    """Where --report goes. Raises InputError where that cannot be, before the work is done."""
    if name is None:
        return None
    path = Path(name)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"--report {name}: end the name in {' or '.join(SUFFIXES)}")
    if path.is_dir() or path.resolve() in {one.resolve() for one in inputs}:
        raise InputError(f"--report {name}: is a folder or an input; give another name")
    return path


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """The rows in order, whole. Raises OSError.

    As CSV the columns are COLUMNS, and several values of one cell are divided by "; ". As JSON
    they are a list of objects with at least these keys.
    """
    filled = [{**dict.fromkeys(COLUMNS), **row} for row in rows]
    if path.suffix.lower() == ".json":
        text = json.dumps(filled, indent=1) + "\n"
    else:
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(row[name]) for name in COLUMNS] for row in filled)
        text = written.getvalue()
    with whole(path) as temporary:
        # A name that is not Unicode keeps its bytes
        temporary.write_bytes(text.encode("utf-8", "surrogateescape"))


def _cell(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value))
    return value
