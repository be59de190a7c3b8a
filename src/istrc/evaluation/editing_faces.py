"""Which faces an edit is measured on: those that lack what it is to give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from istrc.circle import TRANSFORMATIONS
from istrc.data.prepared import Prepared
from istrc.evaluation.judges import Judge

# Measured on men: hardly a woman's face has one to take away
OF_MEN = ("beard", "mustache", "goatee", "sideburns", "five_o_clock_shadow")
CUT = 0.5  # the judge's plain probability


@dataclass(frozen=True)
class Edit:
    """One transformation in one direction, and the faces it is measured on."""

    attribute: str
    sign: int  # +1: to have it, -1: to lose it
    rows: np.ndarray  # rows of the prepared data, ascending

    @property
    def name(self) -> str:
        return f"{self.attribute}{'+' if self.sign > 0 else '-'}"

    def on(self, places: np.ndarray) -> Edit:
        """The same edit of fewer faces: those at these places among its rows."""
        return replace(self, rows=self.rows[places])


def spread(total: int, count: int) -> np.ndarray:
    """`count` places spread evenly over `total`, ascending and none twice; all where it has fewer.

    What is slow or large is measured on these: the same each time, and not one person's pictures
    where a folder is in order of persons.
    """
    count = min(count, total)
    return np.round(np.linspace(0, total - 1, count)).astype(int)


def choose_faces(
    prepared: Prepared,
    probability: np.ndarray,
    judge: Judge,
    *,
    transformations: Sequence[str] = TRANSFORMATIONS,
    split: str = "valid",
    faces: int = 200,
    seed: int = 0,
) -> tuple[list[Edit], dict[str, str]]:
    """The faces of every transformation and direction: those that lack the target.

    A face lacks it when its label says so AND the judge says so. `OF_MEN` are measured on men by
    the same two witnesses, adding and removing. At most `faces` of them are drawn with the seed.

    Args:
        probability: (R, A) the judge's on every face of the split, in the order of its rows.

    Returns the edits, and why any transformation was left out.
    """
    rows = prepared.rows(split)
    edits, left_out = [], {}
    for number, attribute in enumerate(transformations):
        if attribute not in prepared.attribute_names:
            left_out[attribute] = "no labels in this data"
        elif attribute not in judge.attribute_names:
            left_out[attribute] = "the judge does not know it"
        if attribute in left_out:
            continue
        labels = prepared.column(attribute)[rows]
        judged = probability[:, judge.column(attribute)] >= CUT
        eligible = _eligible(attribute, prepared, rows, probability, judge)
        for sign in (+1, -1):
            lack = (labels == 0) & ~judged if sign > 0 else (labels == 1) & judged
            candidates = rows[eligible & lack]
            if not len(candidates):
                left_out[f"{attribute}{'+' if sign > 0 else '-'}"] = "no face lacks the target"
                continue
            rng = np.random.default_rng([seed, number, sign + 1])
            edits.append(Edit(attribute, sign, np.sort(rng.permutation(candidates)[:faces])))
    return edits, left_out


def recognised(
    prepared: Prepared, probability: np.ndarray, judge: Judge, edits: Sequence[Edit], split: str
) -> dict[str, float | None]:
    """Of real faces that have what an edit is to give by their label, the share that the judge
    takes for such: what an edit as good as real gets; None where there are none. See
    `choose_faces` for the arguments.
    """
    rows, found = prepared.rows(split), {}
    for edit in edits:
        have = prepared.column(edit.attribute)[rows] == (edit.sign > 0)
        have &= _eligible(edit.attribute, prepared, rows, probability, judge)
        judged = (probability[have, judge.column(edit.attribute)] >= CUT) == (edit.sign > 0)
        found[edit.name] = float(judged.mean()) if len(judged) else None
    return found


def _eligible(
    attribute: str, prepared: Prepared, rows: np.ndarray, probability: np.ndarray, judge: Judge
) -> np.ndarray:
    """Which faces (R,) an attribute is measured on."""
    if attribute not in OF_MEN:
        return np.ones(len(rows), bool)
    men = prepared.column("male")[rows] == 1
    return men & (probability[:, judge.column("male")] >= CUT)
