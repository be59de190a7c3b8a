"""Contact sheets of edits that nobody picked: the worst, the middle and the best by the judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from istrc import figures
from istrc.data.prepared import Prepared
from istrc.evaluation.editing_measures import Outcome
from istrc.evaluation.judges import Judge


def ranked(verdict: np.ndarray, each: int = 4) -> dict[str, np.ndarray]:
    """Places of the worst, the middle and the best by the judge, `each` of them, worst first.

    verdict (N,): the judge's probability of the wanted outcome. No place is shown twice.
    """
    order = np.argsort(verdict, kind="stable")
    if len(order) < 3:
        return {"all": order}
    each = min(each, len(order) // 3)
    start = (len(order) - each) // 2
    return {
        "worst": order[:each],
        "median": order[start : start + each],
        "best": order[len(order) - each :],
    }


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
