"""Edited pictures in a folder, as they were judged, so that other judges can look at them.

kept.json         which data, method and strength
smile+.npy        (N, S, S, 3) uint8, the edited faces of one edit
smile+.rows.npy   (N,) int64, the rows of the prepared data that they were made of
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.whole import read_json, write_json

if TYPE_CHECKING:
    from istrc.evaluation.editing_measures import Outcome

ABOUT = "kept.json"


class KeptPictures:
    """Writes the pictures of one method at one strength.

    Raises InputError where the folder holds pictures of something else.
    """

    def __init__(self, folder: Path, prepared: Prepared, method: str, strength: float):
        self.folder = folder
        about = {"faces": len(prepared), "size": prepared.size, "source": prepared.info["source"]}
        about |= {"method": method, "strength": strength}
        found = self.folder / ABOUT
        if found.exists() and read_json(found) != about:
            raise InputError(
                f"{folder}: holds other pictures ({found.name} says which); empty it, or name "
                "another folder"
            )
        write_json(found, about)

    def __call__(self, outcome: Outcome) -> None:
        keep(self.folder, outcome.edit.name, outcome.pixels, outcome.edit.rows)


def keep(folder: Path, edit: str, pictures: np.ndarray, rows: np.ndarray) -> None:
    """Write the pictures (N, S, S, 3) uint8 of one edit, and beside them their rows (N,)."""
    np.save(folder / f"{edit}.npy", pictures)
    np.save(folder / f"{edit}.rows.npy", np.asarray(rows, np.int64))
