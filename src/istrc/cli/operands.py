"""Faces that a verb works on: of pictures, or rows of embeddings that were saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from istrc.cli.options import FaceOptions
from istrc.cli.pictures import ARRAY
from istrc.cli.report import Report
from istrc.cli.vectors import read_vectors
from istrc.errors import InputError


def operand_argument(name: str) -> Any:
    """What a parameter that is one face (a str) is told of in the help."""
    return typer.Argument(metavar=name, help="A picture, or a row of saved embeddings.")


@dataclass(frozen=True)
class Operand:
    """One face: its embedding, and its picture where there is one."""

    name: str  # the file, with the row of an array: `z.npy[3]`
    z: Any  # (1, D) on the sphere
    x: Any  # (1, 3, S, S) in [-1, 1]; None for a saved embedding


@dataclass(frozen=True)
class Source:
    """Where operands are to be read: a picture, or an array with or without a row."""

    path: Path
    row: int | None = None

    @property
    def is_array(self) -> bool:
        return self.path.suffix.lower() == ".npy"

    def __str__(self) -> str:
        return str(self.path) if self.row is None else f"{self.path}[{self.row}]"


def find_sources(arguments: list[str], report: Report) -> list[Source]:
    """What the arguments stand for, in their order; one that stands for nothing is reported."""
    sources: list[Source] = []
    for argument in arguments:
        try:
            sources += sources_of(argument)
        except InputError as error:
            report.all_failed([error])
    return sources


def sources_of(argument: str) -> list[Source]:
    """What an argument stands for. Raises InputError where that is nothing."""
    if match := ARRAY.fullmatch(argument):
        return [Source(Path(match["path"]), int(match["row"]) if match["row"] else None)]
    from istrc.photo.inputs import find_inputs

    return [Source(path) for path in find_inputs(argument)]


def read_source(circle: Any, source: Source, report: Report, faces: FaceOptions) -> list[Operand]:
    """The operands of one source: a picture's face or faces, an array's row or rows."""
    if not source.is_array:
        found = faces.read(circle, source.path, report)
        names = [str(source)] if len(found) == 1 else [f"{source} ({one.number})" for one in found]
        return [Operand(name, one.z, one.x) for name, one in zip(names, found, strict=True)]

    z = read_vectors(source.path)
    if z.shape[1] != circle.dim:
        raise InputError(
            f"{source.path}: rows have {z.shape[1]} numbers and the model's sphere {circle.dim}; "
            "use the model that embedded them"
        )
    rows = range(len(z)) if source.row is None else [source.row]
    if source.row is not None and source.row >= len(z):
        raise InputError(f"{source}: no such row; there are {len(z)}, counted from 0")
    names = [str(source)] if len(z) == 1 else [f"{source.path}[{row}]" for row in rows]
    return [
        Operand(name, circle.to_device(z[row : row + 1]), None)
        for name, row in zip(names, rows, strict=True)
    ]


def read_all(
    circle: Any, sources: list[Source], report: Report, faces: FaceOptions
) -> list[Operand]:
    """The operands of all sources that can be read; the others are reported."""
    operands: list[Operand] = []
    report.each(sources, lambda source: operands.extend(read_source(circle, source, report, faces)))
    return operands


def read_one(circle: Any, argument: str, report: Report, faces: FaceOptions) -> Operand:
    """The one operand that an argument stands for. Raises InputError where it is not one."""
    sources = sources_of(argument)
    if len(sources) != 1:
        raise InputError(f"{argument}: {len(sources)} pictures, and one is needed; name it")
    operands = read_source(circle, sources[0], report, faces)
    if len(operands) != 1:
        if sources[0].is_array:
            raise InputError(f"{argument}: {len(operands)} rows; say which: {argument}[0]")
        raise InputError(f"{argument}: {len(operands)} faces, and one is needed; give --face K")
    return operands[0]


def need_pictures(operands: list[Operand], mode: str) -> None:
    """Raises InputError for a saved embedding in a mode that looks at pictures."""
    without = [one.name for one in operands if one.x is None]
    if mode == "anchored" and without:
        raise InputError(
            f"{without[0]}: an embedding has no picture to anchor to; add --mode circle"
        )
