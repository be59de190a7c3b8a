"""The embeddings of a prepared folder's faces, made once by any recogniser and kept.

An outside recogniser may take milliseconds a face, and the mapping and the classifiers both need
all of them. They are kept in one array that grows as faces are asked for; a stopped job goes on.

embeddings.json   which recogniser, of which data
z.npy             (N, 2, D) float32: each face and its mirror image; zeros where not made yet
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.errors import IstrcError
from istrc.models.facenet import FaceNet
from istrc.models.serialization import fingerprint
from istrc.progress import Bar
from istrc.recognisers.load import RECORD, located
from istrc.recognisers.own import Own
from istrc.recognisers.recogniser import Recogniser, key
from istrc.training.settings import OnEmbeddings
from istrc.whole import digest, read_json, write_json

BATCH = 64  # faces embedded at once


class Embeddings:
    """Embeddings of a prepared folder's faces, from the folder's cache or made now.

    Args:
        folder: where they are kept.

    `seconds` and `made` say how long embedding took and how many embeddings were made, in this
    process. Raises IstrcError when the folder holds those of another recogniser or data.
    """

    def __init__(self, recogniser: Recogniser, prepared: Prepared, folder: str | Path):
        self.recogniser, self.prepared, self.folder = recogniser, prepared, Path(folder)
        self.dim = recogniser.dim
        self.key = key(recogniser.record)
        self.seconds, self.made = 0.0, 0
        self.folder.mkdir(parents=True, exist_ok=True)
        described = dict(recogniser=self.key, kind=recogniser.record["kind"])
        described |= dict(data=data_key(prepared), shape=[len(prepared), 2, recogniser.dim])
        path, note = self.folder / "z.npy", self.folder / "embeddings.json"
        if note.exists() and path.exists():
            kept = read_json(note)
            wrong = [name for name, value in described.items() if kept.get(name) != value]
            if wrong:
                raise IstrcError(
                    f"{self.folder}: holds embeddings of another {wrong[0]}; delete it, or give "
                    "another folder"
                )
            self._z = np.load(path, mmap_mode="r+", allow_pickle=False)
        else:
            self._z = np.lib.format.open_memmap(path, "w+", np.float32, tuple(described["shape"]))
            with open(path, "r+b") as file, contextlib.suppress(AttributeError):  # of macOS
                # Or a disk that is full would end the process without a word when it is filled
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            write_json(note, described)

    def of(self, rows: np.ndarray, mirror: bool = True) -> torch.Tensor:
        """Faces and mirror images (N, 2, D), or faces alone (N, D); made where not kept yet."""
        rows = np.asarray(rows)
        sides = 2 if mirror else 1
        missing = [rows[~self._z[rows, side].any(1)] for side in range(sides)]
        total = sum(map(len, missing))
        started, label = time.monotonic(), "embedding faces" + " and mirror images" * mirror
        with Bar(label, total) as bar:
            for side, wanted in enumerate(missing):
                for start in range(0, len(wanted), BATCH):
                    some = wanted[start : start + BATCH]
                    x = self.prepared.batch(some)
                    z = self.recogniser.embed(x.flip(3) if side else x)  # (B, D)
                    self._z[some, side] = z.float().cpu().numpy()
                    bar.at(bar.count + len(some), total)
        self._z.flush()
        self.seconds += time.monotonic() - started
        self.made += total
        return torch.from_numpy(np.array(self._z[rows] if mirror else self._z[rows, 0]))


def source(s: OnEmbeddings, prepared: Prepared, out: str | Path) -> FaceNet | Embeddings:
    """Where a training's embeddings come from: our FaceNet, which is fast, or a cache of any other.

    Raises IstrcError unless exactly one of the two is given.
    """
    if (s.facenet is None) == (s.recogniser is None):
        raise IstrcError("give one of facenet and recogniser: whose embeddings are trained on?")
    if isinstance(s.recogniser, Own):
        return s.recogniser.net
    if s.recogniser is not None:
        return Embeddings(s.recogniser, prepared, s.embeddings or Path(out) / "embeddings")
    assert s.facenet is not None
    return s.facenet


def recorded(facenet: FaceNet | Embeddings) -> dict[str, Any]:
    """What a run's configuration says of its recogniser."""
    if isinstance(facenet, Embeddings):
        return {"facenet": facenet.key, "recogniser": facenet.recogniser.record}
    return {"facenet": fingerprint(facenet)}


def note(recogniser: Recogniser | None, out: str | Path) -> None:
    """Write an outside recogniser's record beside what was trained for it."""
    if recogniser is not None and not isinstance(recogniser, Own):
        write_json(Path(out) / RECORD, located(recogniser))


def data_key(prepared: Prepared) -> str:
    """Tells prepared folders apart without reading all their pictures."""
    some = np.ascontiguousarray(prepared.images[:: max(1, len(prepared) // 64)])
    return digest("\n".join(prepared.names), repr(prepared.images.shape), some.tobytes())
