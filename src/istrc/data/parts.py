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
from pathlib import Path
from typing import Any

import numpy as np

from istrc.data import crop, measured
from istrc.data.sources.source import Source
from istrc.errors import InputError, IstrcError
from istrc.whole import parse_json, whole


class PartMaker:
    """Decodes chunks; every worker process has one, with its own handles and landmark model.

    A part has of its n kept pictures:
        rows: (n,) int64, which of the source's pictures they are.
        images: (n, S, S, 3) uint8.
        measures: (n, 6) float32, NaN where no face was found; () of none.
        landmarks: (n, K, 2) float32, NaN where not known; () of none.
    and `skipped`, {name, reason} of each that was left out.
    """

    def __init__(self, source: Source, size: int, measure: bool, folder: Path):
        self.source, self.size, self.folder = source, size, folder
        self.measurer = measured.Measurer() if measure else None

    def __call__(self, number: int, chunk: range) -> None:
        """Writes part `number`, of these rows of the source."""
        source, size = self.source, self.size
        rows, images, measures, landmarks = [], [], [], []
        skipped: list[dict[str, str]] = []
        for row, (data, reason) in zip(chunk, source.read(chunk), strict=True):
            try:
                if data is None:
                    raise InputError(reason)
                face, box = crop.square(data, source.celeba)
            except InputError as error:
                skipped.append({"name": one_line(source.names[row]), "reason": str(error)})
                continue
            rows.append(row)
            images.append(crop.resize(face, size))
            if source.points is not None:
                landmarks.append(crop.within(source.points[row], box))
            elif self.measurer:
                native = crop.resize(face, measured.SIZE)
                measures.append(self.measurer(native))
                landmarks.append(self.measurer.landmarks(native))
        arrays: dict[str, Any] = dict(
            rows=np.array(rows, np.int64),
            images=np.array(images, np.uint8).reshape(len(rows), size, size, 3),
            measures=np.array(measures, np.float32),
            landmarks=np.array(landmarks, np.float32),
            # JSON as bytes: an array of strings pads every name to the longest.
            skipped=np.frombuffer(json.dumps(skipped).encode(), np.uint8),
        )
        with whole(part_path(self.folder, number), durable=True) as temporary:
            np.savez(temporary, **arrays)


def one_line(name: str) -> str:
    """A picture's name as names.txt holds it."""
    return " ".join(name.splitlines())


def part_path(folder: Path, number: int) -> Path:
    return folder / f"rows-{number:06d}.npz"


def load_part(folder: Path, number: int) -> dict[str, Any]:
    """Reads a part back. One that is damaged is removed, so that running again makes it anew."""
    path = part_path(folder, number)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            part: dict[str, Any] = {key: arrays[key] for key in arrays.files}
        return part | {"skipped": parse_json(part["skipped"].tobytes())}
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        path.unlink(missing_ok=True)
        raise IstrcError(
            f"{path}: damaged ({error}), removed; run the same command again"
        ) from None


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


def make_in_worker(number: int, chunk: range) -> None:
    """In a worker: makes one part."""
    _maker(number, chunk)
