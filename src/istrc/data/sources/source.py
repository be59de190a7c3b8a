"""What the engine of `prepare` asks of a source: rows in a fixed order, readable in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from istrc.errors import InputError
from istrc.whole import digest

LARGEST_LABELS = 100_000_000  # bytes: four times CelebA's; as text and columns they take 1 GB


def text_of(name: object, raw: bytes) -> str:
    """A text in UTF-8, with a mark at its begin or without. Raises InputError naming it."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8 text; save it as UTF-8") from None


class Source(Protocol):
    """One layout of N pictures and labels. It is pickled to the workers, so it holds no handles."""

    kind: str
    name: str
    fingerprint: str  # changes whenever rows, labels or their order do: guards a resumed run
    celeba: bool  # the pictures are CelebA's frame or its crop; nothing else is accepted
    notes: list[str]
    extra: dict[str, Any]  # for prepared.json: the names of classes...
    attribute_names: list[str]  # A of them
    names: list[str]  # they come back in names.txt or among the skipped
    attributes: np.ndarray  # (N, A) int8: 1 yes, 0 no, -1 not known
    identity: np.ndarray  # (N,) int32, -1 not known
    split: np.ndarray  # (N,) int8
    points: np.ndarray | None  # (N, K, 2) pixels of the upright picture, NaN where not known

    def read(self, rows: range) -> Iterator[tuple[bytes | None, str]]:
        """Each of these pictures as it is encoded, or None and why it cannot even be fetched."""
        ...


def fingerprint(parts: Iterable[object]) -> str:
    """A short digest of the parts' text (bytes as they are)."""
    encoded = (part if isinstance(part, bytes) else repr(part).encode() for part in parts)
    return digest(*(part + b"\0" for part in encoded), digits=32)


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
