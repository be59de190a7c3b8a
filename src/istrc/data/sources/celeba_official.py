"""CelebA as its authors publish it: pictures in img_align_celeba and labels in text files.

The pictures may lie in a folder or in img_align_celeba.zip, or everything in one zip; the text
files may be Kaggle's .csv forms, and may lie in folders of their own (Anno, Eval). The identities
are a separate file, identity_CelebA.txt: without it they are not known.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from istrc.data.sources.source import LARGEST_LABELS, find, fingerprint, text_of
from istrc.errors import InputError, reason
from istrc.photo.read import LARGEST_FILE
from istrc.whole import contents

PICTURES = "img_align_celeba"
ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITION = ("list_eval_partition.txt", "list_eval_partition.csv")
IDENTITY = ("identity_CelebA.txt", "identity_CelebA.csv")
SPLITS = {"train": 0, "valid": 1, "validation": 1, "val": 1, "test": 2}

RENAMED = {
    "5_o_Clock_Shadow": "five_o_clock_shadow",
    "Heavy_Makeup": "makeup",
    "Mouth_Slightly_Open": "mouth_open",
    "No_Beard": "beard",
    "Smiling": "smile",
}
INVERTED = ("No_Beard",)  # labelled by their absence in CelebA; here 1 means that it is there
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def translate(columns: Sequence[str], labels: np.ndarray) -> tuple[list[str], np.ndarray]:
    """CelebA's columns and (N, A) yes, no or -1 -> our names and int8, No_Beard turned to beard."""
    values = labels.astype(np.int8)
    for column in INVERTED:
        if column in columns:
            own = values[:, list(columns).index(column)]
            own[own >= 0] = 1 - own[own >= 0]
    return [RENAMED.get(column, column.lower()) for column in columns], values


class CelebaOfficial:
    """CelebA's official folder, or a zip of it."""

    kind, celeba = "celeba-official", True
    points: np.ndarray | None = None
    extra: dict[str, Any] = {}

    def __init__(self, path: Path):
        self._archive: zipfile.ZipFile | None = None
        self._pick(path)
        labels = self._text(path, ATTRIBUTES)
        partition = self._text(path, PARTITION)
        identity = self._text(path, IDENTITY, needed=False)
        columns, self.names, present = _attributes(*labels)
        self.attribute_names, self.attributes = translate(columns, present)
        split = _pairs(*partition)
        person = _pairs(*identity) if identity else {}
        # int8 and int32 columns, not dictionaries: the source travels to every worker. Pictures of
        # no split are not used
        self.split = np.array([split.get(name, -1) for name in self.names], np.int8)
        self.identity = np.array([person.get(name, -1) for name in self.names], np.int32)
        self.notes = [] if identity else [f"no {IDENTITY[0]}: identities are not known"]
        unlabelled = len(self.members.keys() - set(self.names))
        if unlabelled:
            self.notes.append(f"{unlabelled} pictures have no line in {labels[0]} and are not used")
        self.name = path.name
        self.fingerprint = fingerprint(
            text for _, text in (labels, partition, identity or ("", ""))
        )

    def _pick(self, path: Path) -> None:
        """Find the pictures: sets `zip`, or `folder`, and `members`, {picture name: where}."""
        found = path if path.is_file() else find(path, PICTURES, f"{PICTURES}.zip")
        if found is None:
            raise InputError(f"{path}: neither a folder {PICTURES} nor {PICTURES}.zip in it")
        self.zip = found if found.is_file() else None
        # Kaggle's archive nests the folder in itself
        self.folder = found / PICTURES if (found / PICTURES).is_dir() else found
        inside = self._zip().namelist() if self.zip else [f.name for f in self.folder.iterdir()]
        pictures = {PurePosixPath(m).name: m for m in inside if m.lower().endswith(SUFFIXES)}
        self.members = {name: m for name, m in pictures.items() if not name.startswith(".")}

    def _zip(self) -> zipfile.ZipFile:
        if self._archive is None:
            try:
                self._archive = zipfile.ZipFile(str(self.zip))
            except Exception as error:  # of a damaged one nearly anything
                raise InputError(
                    f"{self.zip}: not a readable zip ({reason(error)}); fetch it again"
                ) from None
        return self._archive

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_archive": None}  # a file handle does not travel

    def _text(self, path: Path, names: tuple[str, ...], needed: bool = True) -> tuple[str, ...]:
        """(name, text) of a label file, beside the pictures or in their zip; () if not there."""
        if path.is_file():
            for member in self._zip().namelist():
                if (name := PurePosixPath(member).name) in names:
                    try:
                        return name, text_of(name, self._unpacked(member, LARGEST_LABELS))
                    except ValueError as error:
                        raise InputError(f"{path}: {member} {error}; fetch it again") from None
        file = find(path.parent if path.is_file() else path, *names)
        if file is not None:
            return file.name, text_of(file, contents(file, LARGEST_LABELS))
        if needed:
            raise InputError(f"{path}: no {names[0]} (or .csv) here; it comes with CelebA's labels")
        return ()

    def read(self, rows: range) -> Iterator[tuple[bytes | None, str]]:
        for k in rows:
            member = self.members.get(self.names[k])
            if self.split[k] < 0:
                yield None, f"not in {PARTITION[0]}"
            elif member is None:
                yield None, "no such picture"
            else:
                try:
                    where, most = self.folder / member, LARGEST_FILE
                    yield self._unpacked(member, most) if self.zip else contents(where, most), ""
                except OSError as error:
                    yield None, f"cannot be read: {error}"
                except ValueError as error:
                    yield None, str(error)

    def _unpacked(self, member: str, most: int) -> bytes:
        """A file of the zip, of at most so many bytes. Raises ValueError, which says why not."""
        try:
            # What it says of its size is all that is unpacked, true or not
            if self._zip().getinfo(member).file_size > most:
                raise OSError(f"over {most // 1_000_000} MB")
            return self._zip().read(member)
        except Exception as error:  # of a damaged zip nearly anything: zlib.error, EOFError...
            if type(error) is RuntimeError:  # zipfile's way of asking for a password
                raise ValueError("is encrypted in the zip") from None
            raise ValueError(f"cannot be read: {reason(error)}") from None


def _fields(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a label file with their numbers, split at spaces or, in a .csv, at commas."""
    separator = "," if name.endswith(".csv") else None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, [field.strip() for field in line.split(separator)]


def _attributes(name: str, text: str) -> tuple[list[str], list[str], np.ndarray]:
    """list_attr_celeba: the column names, the picture names and (N, A) bool."""
    lines = list(_fields(name, text))
    first = 0 if name.endswith(".csv") else 1  # of a .txt the first line is the count
    columns = lines[first][1][1 - first :] if len(lines) > first else []
    body = lines[first + 1 :]
    if not columns or not body:
        raise InputError(f"{name}: no attribute names and lines in it; not CelebA's file")
    present = np.zeros((len(body), len(columns)), bool)
    for k, (number, fields) in enumerate(body):
        if len(fields) != len(columns) + 1 or not set(fields[1:]) <= {"1", "-1", "0"}:
            raise InputError(
                f"{name}: line {number} is not a name and {len(columns)} values of 1 or -1"
            )
        present[k] = [field == "1" for field in fields[1:]]
    names = [fields[0] for _, fields in body]
    if len(set(names)) != len(names):
        raise InputError(f"{name}: names a picture twice")
    return columns, names, present


def _pairs(name: str, text: str) -> dict[str, int]:
    """A label file of two columns: picture name -> number; a heading is passed over."""
    pairs = {}
    for number, fields in _fields(name, text):
        if len(fields) == 2 and re.fullmatch(r"-?[0-9]{1,9}", fields[1]):  # fits 32 bits
            pairs[fields[0]] = int(fields[1])
        elif number > 1:
            raise InputError(f"{name}: line {number} is not a picture name and a number")
    if any(value not in (0, 1, 2) for value in pairs.values()) and name in PARTITION:
        raise InputError(f"{name}: a partition other than 0 (train), 1 (valid), 2 (test)")
    return pairs
