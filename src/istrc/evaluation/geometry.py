"""Edits, judged by where dlib's 68 points lie before and after.

A classifier of pixels can be pleased by a pale mouth drawn over the one that is there. A landmark
predictor answers with places, and what is measured on them (`istrc.shape.measures`) is compared
with what the data's labelled faces measure. dlib's predictor (istrc.data.measured) is a development
dependency.

It is pleased by some ghosts, too: what it says has moved is an upper bound, and whether a mouth was
really shut `istrc.evaluation.pixels` asks of the picture. An edit whose shapes were learnt from
the same predictor's points is judged by its teacher.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from istrc.data import crop
from istrc.data.measured import SIZE, Measurer
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.shape.measures import MEASURED, measures

if TYPE_CHECKING:
    from istrc.evaluation.editing_faces import Edit

HALF = 0.5  # of the gap between the classes: a face that goes farther has moved
OPEN = 0.10  # lip_gap in distances of the eyes: a mouth that is clearly open
TAIL = 1.0  # percent of real faces beyond either end of what is ordinary
SHUTS = (("mouth_open", -1), ("smile", -1))  # the edits that are to shut an open mouth


@dataclass(frozen=True)
class Typical:
    """What labelled faces measure of one attribute; lengths in distances of the eyes."""

    measure: str  # of istrc.shape.measures
    gap: float  # the mean of the faces that have the attribute less that of those that lack it
    low: float  # the 1st percentile of all faces
    high: float  # the 99th
    faces: tuple[int, int]  # how many lack it, how many have it
    middles: tuple[float, float]  # the medians of those that lack it, and that have it

    @classmethod
    def of(cls, measure: str, values: np.ndarray, labels: np.ndarray) -> Typical | None:
        """values (N,), labels (N,) in {1, 0, -1}; None where a class is missing."""
        without, having = values[labels == 0], values[labels == 1]
        if not len(without) or not len(having):
            return None
        low, high = np.percentile(values, [TAIL, 100 - TAIL])
        gap = float(having.mean() - without.mean())
        middles = float(np.median(without)), float(np.median(having))
        return cls(measure, gap, float(low), float(high), (len(without), len(having)), middles)


def change(before: np.ndarray, after: np.ndarray, typical: Typical, sign: int) -> np.ndarray:
    """How far each face went the way that was wanted, in gaps between the classes, (N,).

    1: as far as the mean face with the attribute is from the mean face without. sign: of the edit.
    """
    return sign * (after - before) / typical.gap


def in_tail(after: np.ndarray, typical: Typical, sign: int) -> np.ndarray:
    """Whether each face ended among the last 1 % of real ones on the side it was sent to, (N,)."""
    return after > typical.high if sign * typical.gap > 0 else after < typical.low


def shut(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Whether each open mouth's `lip_gap` became half of what it was or less, (N,) float.

    1 yes, 0 no, NaN where the mouth was not clearly open before.
    """
    return np.where(before > OPEN, after <= before / 2, np.nan)


class Geometry:
    """Finds the points of written pictures and compares them with those of the originals.

    Raises InputError where the data has no landmarks or dlib's predictor is not installed.
    """

    def __init__(self, prepared: Prepared, split: str = "valid"):
        self.points = prepared.landmarks  # (N, 68, 2) in [-1, 1]
        if self.points.shape[1:] != (68, 2):
            raise InputError(
                f"{prepared.folder}: its landmarks are {self.points.shape[1:]} a face, and the "
                "measures are of dlib's 68 points; prepare it again with --measured"
            )
        self._measurer = Measurer()
        rows = prepared.rows(split)
        real = measures(self.points[rows].astype(np.float64))
        told = {
            name: Typical.of(measure, real[measure], prepared.column(name)[rows])
            for name, measure in MEASURED.items()
            if name in prepared.attribute_names
        }
        self.typical = {name: typical for name, typical in told.items() if typical is not None}

    def find(self, pixels: np.ndarray) -> np.ndarray:
        """Points (N, 68, 2) in [-1, 1] of written pictures (N, S, S, 3) uint8, S of any size.

        dlib sees them at the size at which the data's landmarks were found.
        """
        found = [self._measurer.landmarks(crop.resize(Image.fromarray(p), SIZE)) for p in pixels]
        return np.array(found, np.float32).reshape(-1, 68, 2)

    def measure(self, edit: Edit, points: np.ndarray) -> dict[str, np.ndarray]:
        """The figures of one edit, (N,) each, from the points (N, 68, 2) of its pictures.

        For an attribute that is measured: `moved` (0 or 1), whether a face went the right way by
        more than half the gap between the classes; `moved_by`, its way in gaps; `middle`, whether
        it would have moved, had it ended in the middle of real faces that are as asked; `beyond`,
        whether it ended where 1 % of real faces are. For edits that shut mouths: `shut`.
        """
        before = measures(self.points[edit.rows].astype(np.float64))
        after = measures(np.asarray(points, np.float64))
        figures: dict[str, np.ndarray] = {}
        if edit.attribute in self.typical:
            typical = self.typical[edit.attribute]
            own, now = before[typical.measure], after[typical.measure]
            goal = np.full_like(own, typical.middles[edit.sign > 0])
            figures["moved_by"] = change(own, now, typical, edit.sign)
            figures["moved"] = (figures["moved_by"] > HALF).astype(float)
            figures["middle"] = (change(own, goal, typical, edit.sign) > HALF).astype(float)
            figures["beyond"] = in_tail(now, typical, edit.sign).astype(float)
        if (edit.attribute, edit.sign) in SHUTS:
            figures["shut"] = shut(before["lip_gap"], after["lip_gap"])
        return figures

    @property
    def record(self) -> dict[str, Any]:
        """What the figures were compared with, for the results."""
        of = dict(landmarks="dlib's 68 points", moved_over=HALF, open_over=OPEN, tail_percent=TAIL)
        return {**of, "measures": {name: vars(typical) for name, typical in self.typical.items()}}
