"""Which inputs a command has, and which file each output becomes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from istrc.cli.report import Report
from istrc.errors import InputError, IstrcError
from istrc.photo.plugins import WRITTEN
from istrc.whole import resolved, write_whole


@dataclass
class Inputs:
    """The pictures that the arguments stand for."""

    paths: list[Path]
    missing: list[InputError]  # one for each argument that stands for nothing
    several: bool  # then OUT is a folder, even if the folder holds but one picture


def find_all(arguments: Sequence[str]) -> Inputs:
    """Each argument is a picture, a folder (read flat, sorted by name) or a glob."""
    from istrc.photo.inputs import find_inputs

    found = Inputs([], [], len(arguments) > 1)
    for argument in arguments:
        try:
            paths = find_inputs(argument)
        except InputError as error:
            found.missing.append(error)
            continue
        found.paths += paths
        # A folder or a glob: the argument is not itself the one picture
        found.several |= paths != [Path(argument)]
    return found


def find_some(arguments: Sequence[str], report: Report) -> list[Path]:
    """The pictures that the arguments stand for. Raises InputError where they are none; an argument
    that stands for nothing beside others is reported.
    """
    found = find_all(arguments)
    if not found.paths:
        raise found.missing[0]
    report.all_failed(found.missing)
    return found.paths


@dataclass(frozen=True)
class Job:
    """One input and the file it becomes; None where a command writes no file an input.

    done: it was done before, and only keeps others company: see `istrc.cli.many.parts`.
    """

    source: Path
    output: Any  # Path | None; a command that plans files asks for no None
    done: bool = False


def check_out(out: str) -> None:
    """Raises InputError for an OUT that no picture or folder can have."""
    if not out:
        raise InputError("-o: is empty; name a file or a folder")
    path = Path(out)
    if out == "-" or (path.exists() and not path.is_file() and not path.is_dir()):
        raise InputError(f"-o {out}: is no file; name one, as nothing is written to a stream")


def plan_outputs(
    sources: Sequence[Path], out: str, *, several: bool, suffix: str | None = None
) -> tuple[list[Job], list[InputError]]:
    """Where each output goes: OUT itself for one input, OUT/stem.ext for several.

    `suffix` (".png") is the ending of outputs in a folder; None keeps the input's own where that
    can be written. Two inputs never share an output, and an input is never overwritten: the
    second of a pair is returned as an error, and the others are still done.
    """
    check_out(out)
    target = Path(out)
    into_folder = several or target.is_dir() or out.endswith(("/", os.sep))
    # A folder called so is a slip: `-o out.jpg` with several inputs
    names_picture = target.suffix.lower() in WRITTEN
    if into_folder and target.exists() and not target.is_dir():
        raise IstrcError(f"-o {out}: is a file, and several inputs need a folder")
    if into_folder and not target.exists() and names_picture:
        raise IstrcError(f"-o {out}: several inputs need a folder, and this names a picture")
    jobs: list[Job] = []
    errors: list[InputError] = []
    taken: dict[Path, Path] = {}
    inputs = {resolved(source) for source in sources}
    for source in sources:
        # A format that is read and not written becomes PNG
        ending = suffix or (source.suffix if source.suffix.lower() in WRITTEN else ".png")
        output = target / f"{source.stem}{ending}" if into_folder else target
        if not output.suffix:
            output = output.with_name(output.name + ending)
        if output in taken:
            wrong = f"would be written to {output} like {taken[output]}; rename one, or run them "
            errors.append(InputError(f"{source}: {wrong}into two folders"))
        elif resolved(output) in inputs:
            wrong = f"-o would overwrite the input {output}; give another OUT"
            errors.append(InputError(f"{source}: {wrong}"))
        else:
            taken[output] = source
            jobs.append(Job(source, output))
    return jobs, errors


def write_lines(path: Path, lines: Iterable[object]) -> None:
    """A text file, one item a line, written whole; a line's break in an item is spelled out."""
    broken = str.maketrans({"\n": "\\n", "\r": "\\r"})
    text = "".join(f"{str(line).translate(broken)}\n" for line in lines)
    # A name that is no Unicode as the bytes that it is
    write_whole(path, text.encode("utf-8", "surrogateescape"))
