"""Does an edit grow evenly? Along the frames of a walk, and along the strength.

The paper shows rows of pictures that change bit by bit (section 3.4). Here the judge looks at every
frame: its probability of the wanted outcome must not fall from one frame to the next, and should be
in the order of the frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.evaluation.editing_faces import Edit, spread
from istrc.evaluation.editing_measures import Outcome
from istrc.evaluation.embedding import Progress, silent
from istrc.evaluation.judges import Judge, finite_mean

FALL = 0.01  # probability; a smaller one is not told from 8-bit rounding
FRAMES = 9  # as `istrc walk` draws


def monotonicity(wanted: np.ndarray) -> dict[str, float]:
    """Of the probabilities of the wanted outcome, frame by frame (T, N), T >= 2.

    rising: share of consecutive frames, over all faces, at which it does not fall by over `FALL`.
    spearman: rank correlation with the number of the frame, over the frames of each face, then the
        mean over faces; a face that nothing changes on has none.
    """
    steps = np.diff(wanted, axis=0)
    place = np.arange(len(wanted)) - (len(wanted) - 1) / 2  # centred, (T,)
    # Of each frame how many are lower, equal ones counted half; centred, (T, N)
    lower = (wanted[:, None] > wanted).sum(1) + (wanted[:, None] == wanted).sum(1) / 2
    ranks = lower - len(wanted) / 2
    length = np.linalg.norm(place) * np.linalg.norm(ranks, axis=0)  # (N,)
    moves = length > 0
    correlation = (place @ ranks)[moves] / length[moves]
    return {
        "rising": float((steps >= -FALL).mean()),
        "spearman": float(correlation.mean()) if moves.any() else float("nan"),
    }


def along_walks(
    circle: Any,
    prepared: Prepared,
    judge: Judge,
    edits: Sequence[Edit],
    *,
    modes: Sequence[str],
    keep: Iterable[str] | None = None,
    strength: float = 1.0,
    faces: int = 25,  # of each edit, spread evenly over its faces
    frames: int = FRAMES,
    batch_size: int = 64,
    progress: Progress = silent,
) -> dict[str, Any]:
    """`monotonicity` of each edit along its walk, rebuilt in each mode as a picture of 8 bits."""
    found: dict[str, dict[str, Any]] = {mode: {} for mode in modes}
    for number, edit in enumerate(edits):
        few = edit.on(spread(len(edit.rows), faces))
        column, seen = judge.column(edit.attribute), {mode: [] for mode in modes}
        for start in range(0, len(few.rows), batch_size):
            x = prepared.batch(few.rows[start : start + batch_size])
            z = circle.embed(x)
            walk = circle.walk(z, {edit.attribute: edit.sign * strength}, keep=keep)
            points = walk.frames(frames)  # (T, B, D)
            for mode in modes:
                pictures = [to_pixels(circle.rebuild(x, z, point, mode)) for point in points]
                judged = [judge.probabilities(to_tensor(p))[:, column] for p in pictures]
                seen[mode].append(np.stack(judged))  # (T, B)
        for mode in modes:
            found[mode][edit.name] = monotonicity(_wanted(np.concatenate(seen[mode], 1), edit))
        progress(number + 1, len(edits))
    return {
        "methods": {mode: _with_mean(per_edit) for mode, per_edit in found.items()},
        "strength": strength,
        "frames": frames,
        "faces_per_edit": faces,
        "fall": FALL,
    }


class AlongStrengths:
    """Collects outcomes of a sweep; `found` says how evenly each method grows with its strength.

    The original is strength 0. That needs no picture more than the sweep makes.
    """

    def __init__(self, judge: Judge):
        self.judge = judge
        self.seen: dict[str, dict[str, tuple[Edit, dict[float, np.ndarray]]]] = {}

    def add(self, method: str, strength: float, outcome: Outcome) -> None:
        edit, column = outcome.edit, self.judge.column(outcome.edit.attribute)
        _, frames = self.seen.setdefault(method, {}).setdefault(
            edit.name, (edit, {0.0: outcome.before[:, column]})
        )
        frames[strength] = outcome.after[:, column]

    def found(self) -> dict[str, Any]:
        """By method: edit by edit, and their mean; a method of a single strength is left out."""
        methods = {}
        for method, per_edit in self.seen.items():
            ordered = {
                name: _wanted(np.stack([frames[s] for s in sorted(frames)]), edit)
                for name, (edit, frames) in per_edit.items()
                if len(frames) > 2
            }
            if ordered:
                methods[method] = _with_mean({n: monotonicity(p) for n, p in ordered.items()})
        return {"methods": methods, "fall": FALL}


def _wanted(probability: np.ndarray, edit: Edit) -> np.ndarray:
    return probability if edit.sign > 0 else 1 - probability


def _with_mean(per_edit: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    keys = ("rising", "spearman")
    mean = {key: finite_mean([one[key] for one in per_edit.values()]) for key in keys}
    return {"mean": mean, "edits": dict(per_edit)}
