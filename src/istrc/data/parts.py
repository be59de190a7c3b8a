"""The pieces of a prepared folder in the making: each is written whole or not at all.

A part is one .npz of arrays, written under a temporary name and renamed, so that whatever is
found under its own name after a kill is complete.
"""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.connection
import os
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from istrc.data import crop, measured
from istrc.data.sources.source import Chunk, Row, Source
from istrc.errors import InputError, IstrcError
from istrc.whole import parse_json, whole


@dataclass
class Part:
    """The decoded rows of one chunk (n kept pictures), and what was left out of it."""

    images: np.ndarray  # (n, S, S, 3) uint8
    attributes: np.ndarray  # (n, A) int8
    identity: np.ndarray  # (n,) int32
    split: np.ndarray  # (n,) int8
    measures: np.ndarray  # (n, 6) float32, NaN where not measured
    landmarks: np.ndarray  # (n, K, 2) float32, NaN where not known
    names: list[str]
    skipped: list[dict[str, str]]


class PartMaker:
    """Decodes chunks; every worker process has one, with its own handles and landmark model."""

    def __init__(self, source: Source, size: int, measure: bool, folder: Path):
        self.source, self.size, self.folder = source, size, folder
        self.measurer = measured.Measurer() if measure else None

    def __call__(self, number: int, chunk: Chunk) -> int:
        """Writes part `number` and returns how many rows the chunk has."""
        part = self._make(chunk)
        arrays = dict(vars(part))
        # JSON as bytes: an array of strings pads every name to the longest.
        text = json.dumps({key: arrays.pop(key) for key in ("names", "skipped")})
        arrays["text"] = np.frombuffer(text.encode(), np.uint8)
        write_whole(part_path(self.folder, number), lambda stream: np.savez(stream, **arrays))
        return len(part.names) + len(part.skipped)

    def _make(self, chunk: Chunk) -> Part:
        about, size = self.source.about, self.size
        kept: list[Row] = []
        images, measures, landmarks = [], [], []
        names: list[str] = []
        skipped: list[dict[str, str]] = []
        for row in self.source.read(chunk):
            name = " ".join(row.name.splitlines())  # names.txt holds one a line
            try:
                if row.data is None:
                    raise InputError(row.reason)
                face, box = crop.square(row.data, about.celeba)
            except InputError as error:
                skipped.append({"name": name, "reason": str(error)})
                continue
            kept.append(row)
            names.append(name)
            images.append(crop.resize(face, size))
            if row.points is not None:
                landmarks.append(crop.within(row.points, box))
            elif self.measurer:
                native = crop.resize(face, measured.SIZE)
                measures.append(self.measurer(native))
                landmarks.append(self.measurer.landmarks(native))
        n = len(kept)
        attributes = np.array([row.attributes for row in kept], np.int8)
        return Part(
            images=np.array(images, np.uint8).reshape(n, size, size, 3),
            attributes=attributes.reshape(n, len(about.attributes)),
            identity=np.array([row.identity for row in kept], np.int32),
            split=np.array([row.split for row in kept], np.int8),
            measures=np.array(measures or np.full((n, len(measured.MEASURES)), np.nan), np.float32),
            landmarks=np.array(landmarks, np.float32) if landmarks else np.zeros((n, 0, 2)),
            names=names,
            skipped=skipped,
        )


def part_path(folder: Path, number: int) -> Path:
    return folder / f"part-{number:06d}.npz"


def load_part(folder: Path, number: int) -> Part:
    """Reads a part back. One that is damaged is removed, so that running again makes it anew."""
    path = part_path(folder, number)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            fields = {key: arrays[key] for key in arrays.files}
        text = parse_json(fields.pop("text").tobytes())
        return Part(**fields, **text)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        path.unlink(missing_ok=True)
        raise IstrcError(
            f"{path}: damaged ({error}), removed; run the same command again"
        ) from None


def write_whole(path: Path, write: Callable[[Any], object]) -> None:
    """Calls `write(stream)` on a temporary file, then renames it: all of it or nothing."""
    with whole(path) as temporary, temporary.open("wb") as stream:
        write(stream)
        stream.flush()
        os.fsync(stream.fileno())


_maker: Any = None  # the PartMaker of a worker


def start_worker(*arguments: Any) -> None:
    """The initialiser of a worker process: makes its PartMaker, and ends with its parent."""
    global _maker
    _maker = PartMaker(*arguments)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A killed parent cannot tell its workers; without this they would wait for ever.
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def make_in_worker(number: int, chunk: Chunk) -> tuple[int, int]:
    """In a worker: makes one part; returns (number, rows)."""
    return number, _maker(number, chunk)
