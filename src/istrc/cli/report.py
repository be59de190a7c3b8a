"""What a command tells: progress and errors on standard error, one JSON object on standard output.

A bad input is one line and the next input is done; the exit code is 0 only when every one was.
`--report FILE` has a row of every input, for a spreadsheet or a script.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import typer

from istrc.errors import InputError, IstrcError, reason
from istrc.progress import Bar
from istrc.runtime import REMEDY, without_torch
from istrc.whole import plain, resolved, write_whole

T = TypeVar("T")

# What a user can do something about; anything else is a defect of ours and keeps its traceback.
EXPECTED = (IstrcError, OSError, MemoryError)

COLUMNS = ("input", "output", "faces", "edited", "angle", "error", "seconds")
SUFFIXES = (".csv", ".json")


def one_line(message: object) -> str:
    """The message with every run of white space made one space: one line, always.

    What a terminal would obey and not show, in the name of a file or in a file, is spelled out.
    """
    text = " ".join(str(message).split())
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def print_json(value: dict[str, Any]) -> None:
    """The one object that --json puts on standard output; NaN is null, as JSON has none.

    In ASCII, which every console's encoding holds, and names that are no Unicode as well.
    """
    try:
        print(json.dumps(plain(value), allow_nan=False, default=str), flush=True)
    except OSError as error:
        # What could not be written would be tried again when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # whoever closed it knows
            print(f"istrc: standard output: {reason(error)}", file=sys.stderr)
        sys.exit(1)


class Report:
    """The account of one command; use it as a context manager around the command's body.

    On leaving, the JSON object is printed (if asked for) and the command ends with exit code 1
    if anything failed. An IstrcError from the body becomes one line; other exceptions go on, so
    that a defect of ours keeps its traceback.
    """

    def __init__(self, command: str, as_json: bool):
        self.command, self.as_json = command, as_json
        self.results: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {}  # further keys of the object, beside results and errors
        self.rows: list[dict[str, Any]] = []  # results and errors in the order of the inputs
        self.table: Path | None = None  # where the rows are written, if anywhere
        self.started = time.monotonic()

    def done(self, line: str | None = None, **facts: Any) -> None:
        """One input was done: `facts` go into the object, `line` to a human's eye."""
        self.results.append(facts)
        self.rows.append(facts)
        if line and not self.as_json:
            self.say(line)

    def failed(self, source: object, message: object, *, quiet: bool = False) -> None:
        """One input (or the whole command: None) could not be done; `quiet` only records it."""
        message = one_line(message)
        name = None if source is None else str(source)
        self.errors.append({"input": name, "message": message})
        if name is not None:
            self.rows.append({"input": name, "error": message})
        if quiet:
            return
        # Errors of ours begin with the input's name already
        named = name is None or message.startswith(one_line(name))
        self.say(f"istrc {self.command}: {'' if named else f'{name}: '}{message}")

    def all_failed(self, errors: Sequence[Exception]) -> None:
        """Inputs that cannot even be begun."""
        for error in errors:
            self.failed(None, error)
            # Errors of ours begin with the input's name
            self.rows.append({"input": str(error).partition(": ")[0], "error": one_line(error)})

    def say(self, *lines: str) -> None:
        for line in lines:
            print(one_line(line), file=sys.stderr, flush=True)

    def each(
        self, items: Sequence[T], work: Callable[[T], None], name: Callable[[T], object] = str
    ) -> None:
        """Do `work` on every item; an item that fails is named, and the others are still done."""
        for item in self.track(items, self.command):
            try:
                work(item)
            except EXPECTED as error:
                self.failed(name(item), describe(error))

    def track(self, items: Sequence[T], label: str) -> Iterator[T]:
        """The items one by one, under a bar if they take long."""
        with Bar(label, len(items)) as bar:
            for item in items:
                yield item
                bar.advance()

    def __enter__(self) -> Report:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, _trace: object) -> bool:
        if without_torch(error):
            error = IstrcError(f"istrc {self.command} needs torch: {REMEDY}")
        if isinstance(error, EXPECTED):
            self.failed(None, describe(error))
            error = None
        if isinstance(error, (typer.Exit, typer.BadParameter)):
            return False
        if isinstance(error, KeyboardInterrupt):
            self.errors.append({"input": None, "message": "stopped"})
        elif error is not None:
            said = one_line(f"{type(error).__name__}: {error}")
            self.errors.append({"input": None, "message": said})
        if self.table is not None:
            if self.errors and not self.rows:
                self.rows.append({"input": None, "error": self.errors[-1]["message"]})
            try:
                write_table(self.table, [plain(row) for row in self.rows])
            except OSError as failure:
                self.failed(self.table, describe(failure))
        if self.as_json:
            account = {"command": self.command, "ok": not self.errors, **self.facts}
            account |= {"results": self.results, "errors": self.errors}
            print_json({**account, "seconds": round(time.monotonic() - self.started, 3)})
        if error is not None:
            return False
        if self.errors:
            raise typer.Exit(1)
        return True


def describe(error: BaseException) -> str:
    """The line for an expected failure; an OSError is told as `file: reason`."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror.lower()}"
    if isinstance(error, MemoryError):
        return "not enough memory for it; give a smaller picture or close other programs"
    return str(error)


def table_file(name: str | None, inputs: Sequence[Path] = ()) -> Path | None:
    """Where --report goes. Raises InputError where that cannot be, before the work is done."""
    if name is None:
        return None
    path = Path(name)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"--report {name}: end the name in {' or '.join(SUFFIXES)}")
    if path.is_dir() or resolved(path) in {resolved(one) for one in inputs}:
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
    # A name that is not Unicode keeps its bytes
    write_whole(path, text.encode("utf-8", "surrogateescape"))


def _cell(value: Any) -> Any:
    return "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
