"""What the engine of `prepare` asks of a source: rows in a fixed order, readable in chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from istrc.errors import InputError

LARGEST_LABELS = 100_000_000  # bytes: four times CelebA's; as text and columns they take 1 GB


def text_of(name: object, raw: bytes) -> str:
    """A text in UTF-8, with a mark at its begin or without. Raises InputError naming it."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8 text; save it as UTF-8") from None


@dataclass
class Row:
    """One picture of a source, not yet decoded."""

    name: str  # in its source; it comes back in names.txt or among the skipped
    data: bytes | None  # encoded, or None if it could not even be fetched: `reason` says why
    attributes: np.ndarray  # (A,) int8: 1 yes, 0 no, -1 not known
    identity: int = -1
    split: int = 0
    points: np.ndarray | None = None  # (K, 2) pixels of the upright picture, NaN where not known
    reason: str = ""


@dataclass
class About:
    """What a source says of itself before any picture is read."""

    kind: str
    name: str
    count: int  # how many pictures it names; kept + skipped must come to this number
    attributes: list[str]
    fingerprint: str  # changes whenever rows, labels or their order do: guards a resumed run
    points: int = 0  # K, landmarks of every picture
    celeba: bool = False  # the pictures are CelebA's frame or its crop; nothing else is accepted
    notes: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(
        default_factory=dict
    )  # for prepared.json: the names of classes...


class Chunk(NamedTuple):
    """Consecutive rows of a source: how many, and where they lie, in the source's own terms."""

    rows: int
    where: tuple[int, ...]


class Source(Protocol):
    """One layout of pictures and labels. It is pickled to the workers, so it holds no handles."""

    about: About

    def chunks(self, rows: int) -> list[Chunk]:
        """All rows, in order, in chunks of at most `rows`."""
        ...

    def read(self, chunk: Chunk) -> Iterator[Row]:
        """The rows of one chunk, in order, always the same ones."""
        ...


def spans(count: int, rows: int) -> list[Chunk]:
    """0..count in chunks of at most `rows`, each at (start, stop)."""
    pieces = [(start, min(start + rows, count)) for start in range(0, count, rows)]
    return [Chunk(stop - start, (start, stop)) for start, stop in pieces]


def fingerprint(parts: Iterable[object]) -> str:
    """A short digest of the parts' text (bytes as they are)."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:32]


def shown(folder: Path, pattern: str = "*") -> list[Path]:
    """What matches in a folder, sorted; not what is hidden, such as what a killed program left."""
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def find(folder: Path, *names: str) -> Path | None:
    """The first of these names in the folder or one level below it, where archives nest."""
    for name in names:
        for path in (folder / name, *sorted(folder.glob(f"*/{name}"))):
            if path.exists():
                return path
    return None
