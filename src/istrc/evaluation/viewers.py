"""What sees edits while they are measured: contact sheets, and folders that keep the pictures.

Nobody picks what a sheet shows: the worst, the middle and the best by the judge. A folder has the
edited pictures as they were judged, so that other judges can look at them:

kept.json         which data, method and strength
smile+.npy        (N, S, S, 3) uint8, the edited faces of one edit
smile+.rows.npy   (N,) int64, the rows of the prepared data that they were made of
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from istrc import figures
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation.editing_measures import Outcome
from istrc.evaluation.judges import Judge
from istrc.whole import read_json, write_json

ABOUT = "kept.json"


def ranked(verdict: np.ndarray, each: int = 4) -> dict[str, np.ndarray]:
    """Places of the worst, the middle and the best by the judge, `each` of them, worst first.

    verdict (N,): the judge's probability of the wanted outcome. No place is shown twice.
    """
    order = np.argsort(verdict, kind="stable")
    if len(order) < 3:
        return {"all": order}
    each = min(each, len(order) // 3)
    start = (len(order) - each) // 2
    return {"worst": order[:each], "median": order[start : start + each], "best": order[-each:]}


class Sheets:
    """Collects outcomes while they are measured and writes one PNG a transformation.

    Args:
        of: the method and strength that they are of, for the titles.
    """

    def __init__(self, folder: Path, prepared: Prepared, judge: Judge, of: str, each: int = 4):
        self.folder, self.prepared, self.judge = folder, prepared, judge
        self.of, self.each = of, each
        self.rows: dict[str, list[figures.Row]] = {}

    def __call__(self, outcome: Outcome) -> None:
        edit = outcome.edit
        column = outcome.after[:, self.judge.column(edit.attribute)]
        verdict = column if edit.sign > 0 else 1 - column
        groups = ranked(verdict, self.each)
        places = np.concatenate(list(groups.values()))
        words = [word for word, group in groups.items() for _ in group]
        captions = [f"{w} {v:.2f}" for w, v in zip(words, verdict[places], strict=True)]
        rows = self.rows.setdefault(edit.attribute, [])
        rows.append(figures.Row("before", list(self.prepared.images[edit.rows[places]])))
        rows.append(figures.Row(edit.name, list(outcome.pixels[places]), captions))
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{edit.attribute}.png"
        title = (
            f"{edit.attribute}, {self.of}: worst, median and best "
            "by the judge's probability of the wanted outcome"
        )
        figures.strip(rows, cell=96, title=title).save(path, format="PNG")


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
