"""Edited pictures in a folder, as they were judged, so that other judges can look at them.

kept.json         which data, method and strength
smile+.npy        (N, S, S, 3) uint8, the edited faces of one edit
smile+.rows.npy   (N,) int64, the rows of the prepared data that they were made of
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.whole import read_json, write_json

if TYPE_CHECKING:
    from istrc.evaluation.editing_measures import Outcome

ABOUT = "kept.json"


@dataclass(frozen=True)
class Kept:
    """The pictures of one edit."""

    pictures: np.ndarray  # (N, S, S, 3) uint8, from a memory map
    rows: np.ndarray  # (N,) of the prepared data


class KeptPictures:
    """Writes the pictures of one method at one strength; pass it as `show` to evaluate_editing.

    Raises InputError where the folder holds pictures of something else.
    """

    def __init__(
        self, folder: str | Path, prepared: Prepared, *, method: str = "photo", strength: float = 1
    ):
        self.folder, self.method, self.strength = Path(folder), method, strength
        about = {"faces": len(prepared), "size": prepared.size, "source": prepared.info["source"]}
        about |= {"method": method, "strength": strength}
        found = self.folder / ABOUT
        if found.exists() and read_json(found) != about:
            raise InputError(
                f"{folder}: holds other pictures ({found.name} says which); empty it, or name "
                "another folder"
            )
        write_json(found, about)

    def __call__(self, method: str, strength: float, outcome: Outcome) -> None:
        if (method, strength) == (self.method, self.strength):
            keep(self.folder, outcome.edit.name, outcome.pixels, outcome.edit.rows)


def keep(folder: Path, edit: str, pictures: np.ndarray, rows: np.ndarray) -> None:
    """Write the pictures (N, S, S, 3) uint8 of one edit, and beside them their rows (N,)."""
    np.save(folder / f"{edit}.npy", pictures)
    np.save(folder / f"{edit}.rows.npy", np.asarray(rows, np.int64))


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
