"""The pictures that `istrc evaluate editing --keep-pictures` left, for other judges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from istrc.data.prepared import Prepared, to_pixels
from istrc.errors import InputError
from istrc.evaluation.viewers import ABOUT
from istrc.whole import read_json


@dataclass(frozen=True)
class Kept:
    """The pictures of one edit."""

    pictures: np.ndarray  # (N, S, S, 3) uint8, from a memory map
    rows: np.ndarray  # (N,) of the prepared data


def read_kept(folder: str | Path, prepared: Prepared) -> dict[str, Kept]:
    """Edit -> its pictures, in order of names.

    Raises InputError where the folder has none, or they are of other data or another size.
    """
    folder = Path(folder)
    found: dict[str, Kept] = {}
    for path in sorted(folder.glob("*.rows.npy")):
        edit = path.name.removesuffix(".rows.npy")
        rows = np.load(path, allow_pickle=False)
        try:
            pictures = np.load(folder / f"{edit}.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{folder / edit}.npy: {error}; make the folder again") from None
        if pictures.shape != (len(rows), prepared.size, prepared.size, 3):
            raise InputError(
                f"{folder / edit}.npy: pictures {pictures.shape} of {len(rows)} rows, and the data "
                f"has faces of {prepared.size} px; keep pictures of the same data and size"
            )
        found[edit] = Kept(pictures, rows)
    if not found:
        raise InputError(f"{folder}: no pictures here; istrc evaluate editing --keep-pictures")
    about = folder / ABOUT
    faces = read_json(about)["faces"] if about.exists() else len(prepared)
    if faces != len(prepared):
        raise InputError(
            f"{folder}: its pictures are of data with {faces} faces, and {prepared.folder} has "
            f"{len(prepared)}; rows of other data are other faces"
        )
    return found


def people_of(prepared: Prepared, rows: np.ndarray) -> np.ndarray:
    """Who is on each of these pictures, (N,); one whose identity is not known is somebody alone."""
    known = prepared.identity[rows].astype(np.int64)
    return np.where(known >= 0, known, -1 - np.asarray(rows, np.int64))


def faces_of(prepared: Prepared, rows: np.ndarray, batch: int = 256) -> np.ndarray:
    """The untouched faces of these rows at the size at which they are edited, (N, S, S, 3) uint8.

    Rounded to 8 bits as the edited ones are.
    """
    parts = [np.zeros((0, prepared.size, prepared.size, 3), np.uint8)]
    return np.concatenate([*parts, *map(to_pixels, prepared.batches(rows, batch))])
