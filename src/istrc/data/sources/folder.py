"""Any folder of pictures with a CSV of labels, or with a folder a class.

A folder a class needs no CSV: its name is the identity and, where no other category is asked for,
an attribute. In a CSV one row is a picture, whose file is named relative to the CSV;
`istrc.data.sources.labels` has what its columns may hold.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from istrc.data.sources.labels import Labels
from istrc.data.sources.source import LARGEST_LABELS, shown, text_of
from istrc.errors import InputError
from istrc.photo.inputs import is_picture
from istrc.photo.read import LARGEST_FILE
from istrc.whole import contents, resolved

LABELS = ("labels.csv", "attributes.csv")


def labels_file(folder: Path) -> Path | None:
    """labels.csv, attributes.csv, or the only .csv in the folder."""
    for name in LABELS:
        if (folder / name).is_file():
            return folder / name
    files = shown(folder, "*.csv")
    return files[0] if len(files) == 1 else None


def class_folders(folder: Path) -> list[Path]:
    """The pictures in a folder's own folders, sorted; none where it has no such."""
    found = (path for one in shown(folder) if one.is_dir() for path in shown(one))
    return [path for path in found if not path.is_dir() and is_picture(path)]


class FolderCsv(Labels):
    """A folder with labels, the CSV itself, or a folder a class; `how` is for `Labels`."""

    kind = "folder"

    def __init__(self, path: Path, *, categories: Sequence[str] = (), **how: Any):
        labels = path if path.is_file() else labels_file(path)
        if labels is None:
            labels, self.folder = path, path
            pictures = [one.relative_to(path).parts for one in class_folders(path)]
            if not pictures:
                raise InputError(
                    f"{path}: no labels file; put a labels.csv there with a column `file` and one "
                    "column of 0 and 1 an attribute, or the pictures of each class into a folder"
                )
            categories = tuple(categories) or ("class",)
            table = {"file": ["/".join(one) for one in pictures], "class": [n for n, _ in pictures]}
            raw: Any = table["file"]
        else:
            self.folder = labels.parent
            raw = contents(labels, LARGEST_LABELS)
            table = _read(labels, raw)
        how |= dict(name=self.folder.name, categories=categories)
        super().__init__(labels, table, raw, **how)
        for number, name in enumerate(self.names, start=1):
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise InputError(
                    f"{labels}: row {number} names {name}, which is outside of its folder; put the "
                    "picture into the folder, and name it from there"
                )

    def read(self, rows: range) -> Iterator[tuple[bytes | None, str]]:
        for k in rows:
            try:
                yield contents(self.folder / self.names[k], LARGEST_FILE), ""
            except FileNotFoundError:
                yield None, "no such picture"
            except (OSError, ValueError) as error:
                yield None, f"cannot be read: {getattr(error, 'strerror', None) or error}"


@cache
def landmarks_of(labels: str, checksum: str) -> dict[Path, np.ndarray]:
    """Where a CSV says that landmarks are, (N, 2) pixels each, by the pictures that it names. It is
    read once, while its checksum is the same.
    """
    table = FolderCsv(Path(labels))
    if table.points is None:
        raise InputError(f"{labels}: no landmarks, which are columns x0, y0, x1, y1, ...")
    pairs = zip(table.names, table.points, strict=True)
    return {resolved(table.folder / name): one for name, one in pairs if np.isfinite(one).all()}


def _read(path: Path, raw: bytes) -> dict[str, list[str]]:
    """The CSV as columns of stripped strings; comma, semicolon or tab."""
    text = text_of(path, raw)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise InputError(f"{path}: not a readable CSV ({error})") from None
    lines = [[field.strip() for field in line] for line in lines if any(map(str.strip, line))]
    if len(lines) < 2:
        raise InputError(f"{path}: no rows in it")
    header = lines[0]
    if len(set(header)) != len(header):
        raise InputError(f"{path}: a column name appears twice in its first line")
    for number, line in enumerate(lines[1:], start=1):
        if len(line) != len(header):
            raise InputError(
                f"{path}: row {number} has {len(line)} fields, the heading has {len(header)}"
            )
    return dict(zip(header, map(list, zip(*lines[1:], strict=True)), strict=True))
