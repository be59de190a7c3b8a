"""Any folder of pictures with a CSV of labels, or with a folder a class.

A folder a class needs no CSV: its name is the identity and, where no other category is asked for,
an attribute. In a CSV one row is a picture: a column names the file (relative to the CSV), optional
columns hold the identity (or class) and the split, every column of yes and no is an attribute:

    1 / true / yes      yes
    0 / false / no      no
    -1                  no in a file that has no 0 or false anywhere (CelebA's way), else not known
    empty               not known

Columns of anything else are left out and named, unless asked for as `categories`: then each
value becomes an attribute of its own (season=Fall -> season_fall). A column of measures (numbers,
one at least with a fraction) so asked for is one attribute under its own name: yes in its upper
third, no in its lower, not known between, where a picture says little of either.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from istrc.data.sources.celeba_official import SPLITS
from istrc.data.sources.source import (
    LARGEST_LABELS,
    About,
    Chunk,
    Row,
    fingerprint,
    spans,
    text_of,
)
from istrc.errors import InputError
from istrc.photo.read import LARGEST_FILE
from istrc.whole import contents

LABELS = ("labels.csv", "attributes.csv")
FILE = ("file", "filename", "file_name", "image", "image_id", "picture", "path", "name")
IDENTITY = ("identity", "celeb_id", "person", "person_id", "class", "label")
SPLIT = ("split", "partition")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")  # in class folders
VALID_SHARE = 0.1  # held out as `valid` where no column says, chosen by the file's name

_YES, _NO = {"1", "true", "yes"}, {"0", "false", "no"}
_SPLITS = {**SPLITS, "0": 0, "1": 1, "2": 2}


def labels_file(folder: Path) -> Path | None:
    """labels.csv, attributes.csv, or the only .csv in the folder."""
    for name in LABELS:
        if (folder / name).is_file():
            return folder / name
    files = sorted(folder.glob("*.csv"))
    return files[0] if len(files) == 1 else None


def class_folders(folder: Path) -> list[Path]:
    """The pictures in a folder's own folders, sorted; none where it has no such."""
    found = (path for one in folder.iterdir() if one.is_dir() for path in one.iterdir())
    return sorted(path for path in found if path.suffix.lower() in PICTURES)


class FolderCsv:
    """A folder with labels, the CSV itself, or a folder a class.

    Args:
        unseen: share of the identities whose pictures are all held out, as `test`.
    """

    def __init__(
        self,
        path: Path,
        *,
        identity_column: str | None = None,
        categories: Sequence[str] = (),
        unseen: float = 0.0,
    ):
        labels = path if path.is_file() else labels_file(path)
        if labels is None:
            labels, self.folder = path, path
            pictures = [one.relative_to(path).parts for one in class_folders(path)]
            if not pictures:
                raise InputError(
                    f"{path}: no labels file; put a labels.csv there with a column `file` and one "
                    "column of 0 and 1 an attribute, or the pictures of each class into a folder"
                )
            header, categories = ["file", "class"], tuple(categories) or ("class",)
            table = {"file": ["/".join(one) for one in pictures], "class": [n for n, _ in pictures]}
            raw: Any = table["file"]
        else:
            self.folder = labels.parent
            raw = contents(labels, LARGEST_LABELS)
            header, table = _read(labels, raw)

        file_column = _choose(header, FILE)
        if file_column is None:
            raise InputError(f"{labels}: no column names the pictures; call one `file`")
        if identity_column is not None and identity_column not in header:
            raise InputError(f"{labels}: no column {identity_column!r}; it has {', '.join(header)}")
        identity_column = identity_column or _choose(header, IDENTITY)
        split_column = _choose(header, SPLIT)
        for column in categories:
            if column not in header:
                raise InputError(f"{labels}: no column {column!r}; it has {', '.join(header)}")

        self.names = table[file_column]
        for number, name in enumerate(self.names, start=1):
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise InputError(
                    f"{labels}: row {number} names {name}, which is outside of its folder; put the "
                    "picture into the folder, and name it from there"
                )
        self.identity, classes = _identities(table.get(identity_column or ""), len(self.names))
        self.split = _splits(labels, self.names, table.get(split_column or ""))
        held = []
        if unseen:
            if identity_column is None or split_column is not None:
                why = "no column of identities" if identity_column is None else "a split column"
                raise InputError(f"{labels}: it has {why}; leave out --unseen")
            held = _unseen(labels, table[identity_column], unseen)
            self.split[np.isin(table[identity_column], held)] = SPLITS["test"]
        special = {file_column, identity_column, split_column} - set(categories)
        rest = [column for column in header if column not in special]
        names, self.attributes, left_out = _attributes(table, rest, categories)
        if len(set(names)) != len(names):
            raise InputError(f"{labels}: two columns come to the same attribute name; rename one")

        notes = []
        if held:
            notes.append(f"never to be trained on, the test split: {', '.join(held)}")
            seen = self.attributes[self.split == SPLITS["train"]]  # what is left to learn from
            both = ((seen == 1).any(0) & (seen == 0).any(0)).tolist()
            left_out += [name for name, known in zip(names, both, strict=True) if not known]
            names = [name for name, known in zip(names, both, strict=True) if known]
            self.attributes = self.attributes[:, both]
        if split_column is None:
            notes.append(f"no split column: {VALID_SHARE:.0%} held out as valid by file name")
        if left_out:
            notes.append(f"not yes and no, or always the same, left out: {', '.join(left_out)}")
        self.about = About(
            kind="folder",
            name=self.folder.name,
            count=len(self.names),
            attributes=names,
            fingerprint=fingerprint([raw, identity_column, tuple(categories), *held]),
            notes=notes,
            extra={"classes": classes} if classes else {},
        )

    def chunks(self, rows: int) -> list[Chunk]:
        return spans(len(self.names), rows)

    def read(self, chunk: Chunk) -> Iterator[Row]:
        for k in range(*chunk.where):
            data, reason = None, ""
            try:
                data = contents(self.folder / self.names[k], LARGEST_FILE)
            except FileNotFoundError:
                reason = "no such picture"
            except (OSError, ValueError) as error:
                reason = f"cannot be read: {getattr(error, 'strerror', None) or error}"
            yield Row(
                self.names[k],
                data,
                self.attributes[k],
                identity=int(self.identity[k]),
                split=int(self.split[k]),
                reason=reason,
            )


def _choose(header: list[str], wanted: Sequence[str]) -> str | None:
    """The column whose name comes first in `wanted`, whatever its capitals."""
    lower = {column.lower(): column for column in header}
    return next((lower[name] for name in wanted if name in lower), None)


def _read(path: Path, raw: bytes) -> tuple[list[str], dict[Any, list[str]]]:
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
    return header, dict(zip(header, map(list, zip(*lines[1:], strict=True)), strict=True))


def _identities(values: list[str] | None, rows: int) -> tuple[np.ndarray, list[str]]:
    """Whole numbers stay as they are; names become their rank among the sorted names."""
    if values is None:
        return np.full(rows, -1, np.int32), []
    if all(re.fullmatch(r"-1|\d{1,9}", value) or not value for value in values):
        return np.array([int(value or -1) for value in values], np.int32), []
    classes = sorted(set(values) - {""})
    rank = {name: k for k, name in enumerate(classes)} | {"": -1}
    return np.array([rank[value] for value in values], np.int32), classes


def _splits(path: Path, names: list[str], values: list[str] | None) -> np.ndarray:
    if values is None:
        # By a checksum of the name, so that adding pictures moves none from train to valid.
        share = np.array([_spread(name) % 1000 for name in names])
        return (share < VALID_SHARE * 1000).astype(np.int8)
    unknown = sorted({value for value in values if value.lower() not in _SPLITS})
    if unknown:
        raise InputError(f"{path}: split {unknown[0]!r} is none of train, valid, test")
    return np.array([_SPLITS[value.lower()] for value in values], np.int8)


def _unseen(path: Path, identities: list[str], share: float) -> list[str]:
    """The identities that are held out whole, by a checksum of their names."""
    names = sorted(set(identities) - {"", "-1"}, key=lambda name: (_spread(name), name))
    count = max(1, round(share * len(names)))
    if len(names) - count < 2:
        raise InputError(
            f"{path}: --unseen {share:g} holds out {count} of {len(names)} identities, and two at "
            "least are to be trained on"
        )
    return sorted(names[:count])


def _spread(name: str) -> int:
    """A checksum of a name, which may be the bytes of a file's name that are no Unicode."""
    return zlib.crc32(name.encode(errors="surrogateescape"))


def _attributes(
    table: dict[str, list[str]], columns: list[str], categories: Sequence[str]
) -> tuple[list[str], np.ndarray, list[str]]:
    """The yes-and-no columns and the categories as (names, (N, A) int8, columns left out)."""
    rows = len(next(iter(table.values())))
    words = {c: {value.lower() for value in table[c]} for c in columns if c not in categories}
    binary = {c for c, seen in words.items() if seen <= _YES | _NO | {"-1", ""} and seen != {""}}
    minus_is_no = not any(words[c] & _NO for c in binary)
    meaning = dict.fromkeys(_YES, 1) | dict.fromkeys(_NO, 0)
    meaning |= {"-1": 0 if minus_is_no else -1, "": -1}
    names, left_out = [], []
    values: list[Any] = []
    for column in columns:
        if column in binary:
            names.append(_snake(column))
            values.append([meaning[value.lower()] for value in table[column]])
        elif column in categories and (measures := _measures(table[column])) is not None:
            low, high = np.nanquantile(measures, (1 / 3, 2 / 3))
            names.append(_snake(column))
            values.append(np.where(measures > high, 1, np.where(measures < low, 0, -1)))
        elif column in categories:
            for option in sorted(set(table[column]) - {""}):
                names.append(_snake(f"{column}_{option}"))
                values.append([-1 if not v else int(v == option) for v in table[column]])
        else:
            left_out.append(column)
    return names, np.array(values, np.int8).reshape(len(names), rows).T.copy(), left_out


def _measures(values: list[str]) -> np.ndarray | None:
    """A column's numbers (N,), NaN where empty; None where they are words or whole numbers."""
    try:
        numbers = np.array([float(value or "nan") for value in values])
    except ValueError:
        return None
    known = numbers[np.isfinite(numbers)]
    if np.isinf(numbers).any() or not (known % 1).any():
        return None
    return numbers


def _snake(name: str) -> str:
    """Any heading as a name that an option can carry: letters, digits and underscores."""
    return re.sub(r"\W+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)).strip("_").lower()
