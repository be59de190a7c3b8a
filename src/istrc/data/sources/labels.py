"""What a table says of pictures: who or what each shows, the attributes, the split, the points.

Every layout of a user's own data comes to a table of text, a row a picture. A column names the
picture, optional columns hold the identity (or class) and the split, every column of yes and no is
an attribute:

    1 / true / yes      yes
    0 / false / no      no
    -1                  no in a file that has no 0 or false anywhere (CelebA's way), else not known
    empty               not known

Columns of anything else are left out and named, unless asked for as `categories`: then each
value becomes an attribute of its own (season=Fall -> season_fall). A column of measures (numbers,
one at least with a fraction) so asked for is one attribute under its own name: yes in its upper
third, no in its lower, not known between, where a picture says little of either.

Columns x0, y0, x1, y1, ... are landmarks: the same point of every picture, pixels of the upright
picture from its upper left corner. An empty field, and the picture's landmarks are not known.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from istrc.data.sources.celeba_official import SPLITS
from istrc.data.sources.source import fingerprint
from istrc.errors import InputError

FILE = ("file", "filename", "file_name", "image", "image_id", "picture", "path", "name")
IDENTITY = ("identity", "celeb_id", "person", "person_id", "class", "label")
SPLIT = ("split", "partition")
VALID_SHARE = 0.1  # held out as `valid` where no column says, chosen by the file's name

_YES, _NO = {"1", "true", "yes"}, {"0", "false", "no"}
_SPLITS = {**SPLITS, "0": 0, "1": 1, "2": 2}


class Labels:
    """A table's labels, one a picture; `kind` is the layout's.

    Args:
        where: names the table in what is raised.
        table: columns of stripped text of one length, by their headings.
        raw: what tells the table from another (istrc.data.sources.source.fingerprint).
        unseen: share of the identities whose pictures are all held out, as `test`.

    Its attributes are those of istrc.data.sources.source.Source.
    """

    kind: str
    celeba = False

    def __init__(
        self,
        where: Path,
        table: dict[str, list[str]],
        raw: Any,
        *,
        name: str,
        identity_column: str | None = None,
        categories: Sequence[str] = (),
        unseen: float = 0.0,
    ):
        header, self.name = list(table), name
        file_column = _choose(header, FILE)
        if file_column is None:
            raise InputError(f"{where}: no column names the pictures; call one `file`")
        if identity_column is not None and identity_column not in header:
            raise InputError(f"{where}: no column {identity_column!r}; it has {', '.join(header)}")
        identity_column = identity_column or _choose(header, IDENTITY)
        split_column = _choose(header, SPLIT)
        for column in categories:
            if column not in header:
                raise InputError(f"{where}: no column {column!r}; it has {', '.join(header)}")

        self.names = table[file_column]
        self.identity, classes = _identities(table.get(identity_column or ""), len(self.names))
        self.split = _splits(where, self.names, table.get(split_column or ""))
        held_out = []
        if unseen:
            if identity_column is None or split_column is not None:
                why = "no column of identities" if identity_column is None else "a split column"
                raise InputError(f"{where}: it has {why}; leave out --unseen")
            held_out = _unseen(where, table[identity_column], unseen)
            self.split[np.isin(table[identity_column], held_out)] = SPLITS["test"]
        self.points, marks = _points(where, table)
        special = {file_column, identity_column, split_column, *marks} - set(categories)
        rest = [column for column in header if column not in special]
        names, self.attributes, left_out = _attributes(table, rest, categories)
        if len(set(names)) != len(names):
            raise InputError(f"{where}: two columns come to the same attribute name; rename one")

        notes = []
        if held_out:
            notes.append(f"never to be trained on, the test split: {', '.join(held_out)}")
            seen = self.attributes[self.split == SPLITS["train"]]  # what is left to learn from
            both = ((seen == 1).any(0) & (seen == 0).any(0)).tolist()
            left_out += [name for name, known in zip(names, both, strict=True) if not known]
            names = [name for name, known in zip(names, both, strict=True) if known]
            self.attributes = self.attributes[:, both]
        if split_column is None:
            notes.append(f"no split column: {VALID_SHARE:.0%} held out as valid by file name")
        if not names:
            notes.append("no attributes, and so nothing to edit: see --category COLUMN")
        if left_out:
            notes.append(f"not yes and no, or always the same, left out: {', '.join(left_out)}")
        self.attribute_names, self.notes = names, notes
        self.fingerprint = fingerprint([raw, identity_column, tuple(categories), *held_out])
        self.extra: dict[str, Any] = {"classes": classes} if classes else {}


def _choose(header: list[str], wanted: Sequence[str]) -> str | None:
    """The column whose name comes first in `wanted`, whatever its capitals."""
    lower = {column.lower(): column for column in header}
    return next((lower[name] for name in wanted if name in lower), None)


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


def _points(path: Path, table: dict[str, list[str]]) -> tuple[np.ndarray | None, list[str]]:
    """The landmarks of a table, (N, K, 2) float32 pixels, and their columns."""
    numbers = sorted(int(c[1:]) for c in table if re.fullmatch(r"x(0|[1-9]\d{0,3})", c))
    columns = [f"{axis}{k}" for k in numbers for axis in "xy"]
    if not numbers or not all(column in table for column in columns):
        return None, []  # an x0 alone is a column as any other
    if numbers != list(range(len(numbers))):
        raise InputError(f"{path}: landmarks x0, y0, x1, y1, ... with gaps; number them anew")
    values = []
    for column in columns:
        try:
            values.append([float(value or "nan") for value in table[column]])
        except ValueError:
            raise InputError(f"{path}: column {column}, of landmarks, is not of numbers") from None
    points = np.array(values, np.float32).T.reshape(-1, len(numbers), 2)
    points[~np.isfinite(points).all((1, 2))] = np.nan
    return points, columns


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
