"""The numbers of an edit: of its faces, over all edits, and as one set of pictures.

Each is the mean over the faces of an edit:

success: share that the judge says have the target afterwards (probability >= 0.5, plain).
sex_flips: share whose judged sex changes; not counted for `male` itself.
leakage: mean |change| of the judge's probability over all attributes but the target; flips: the
    share of those verdicts that change.
same_person: share within the second recogniser's threshold, found on train pairs of different
    people at FAR 1e-3; descriptor_angle in radians.
background_psnr: dB outside the face ellipse, each face capped at 60.
pose_shift: how far landmarks that no expression moves were moved, in eye distances.
moved: of what is measured on landmarks (istrc.shape.measures), the share of faces that went the
    right way by more than half the gap between labelled faces with and without it; middle, the
    share that would have, had each ended in the middle of real faces that are as asked; moved_by,
    the median way in gaps; beyond, the share that ended where 1 % of real faces are; shut, of
    clearly open mouths (open_before) those that mouth_open-1 and smile-1 at least half shut,
    inside_seen, those whose inside still shows where it was, and closed, the shut ones whose inside
    does not.
tone_inside, tone_outside: CIEDE2000 of the skin's mean tone before and after, in the edit's part of
    the face and in the rest; chroma_added, C* of the skin of grey photographs.
seconds_per_edit: embed, walk and rebuild, in batches, without the measuring.
groups: the same of each group of faces (istrc.evaluation.groups); edit by edit only how many
    succeed, are the same person, and change the judged sex.
standard_error: of each mean, over the faces of an edit and of all edits.
frechet, kernel: distances of all edited faces to the split's real ones in the judge's penultimate
    layer; compare them with those of doing nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from istrc.data.prepared import Prepared
from istrc.evaluation import metrics
from istrc.evaluation.editing_faces import CUT, Edit, spread
from istrc.evaluation.groups import by_label
from istrc.evaluation.judges import Judge
from istrc.evaluation.metrics import finite_mean, standard_error

COMPARED = 4000  # faces of a set behind its kernel distance, which costs their square
MEANS = (
    "success", "same_person", "sex_flips", "leakage", "flips", "background_psnr", "pose_shift",
    "descriptor_angle", "moved", "middle", "moved_by", "shut", "inside_seen", "closed", "beyond",
    "tone_inside", "tone_outside", "chroma_added", "seconds_per_edit",
)  # fmt: skip
OF_GROUPS = ("success", "same_person", "sex_flips")  # what is told of groups edit by edit
MEDIANS = ("moved_by",)  # over faces; all else is a mean


@dataclass
class Outcome:
    """What became of the faces of one edit. N faces, A attributes of the judge."""

    edit: Edit
    after: np.ndarray  # (N, A) the judge's probabilities
    figures: dict[str, np.ndarray]  # (N,) each; NaN: not defined
    seconds: float  # in all
    features: np.ndarray  # (N, F) of the edited faces
    groups: dict[str, np.ndarray] | None = None  # (N,) bool each; None: by label alone
    pixels: Any = field(default=None, repr=False)  # until they are seen: (N, S, S, 3) uint8, edited

    def on(self, places: np.ndarray) -> Outcome:
        """The same of fewer faces; the time is shared out evenly."""

        def few(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: one[places] for name, one in values.items()}

        return Outcome(
            self.edit.on(places),
            self.after[places],
            few(self.figures),
            self.seconds * len(places) / len(self.edit.rows),
            self.features[places],
            None if self.groups is None else few(self.groups),
        )


def verdicts(
    edit: Edit, before: np.ndarray, after: np.ndarray, judge: Judge
) -> dict[str, np.ndarray]:
    """What the judge's probabilities (N, A) of an edit's faces come to, (N,) each."""
    target = judge.column(edit.attribute)
    others = np.arange(after.shape[1]) != target
    flips = (before >= CUT) != (after >= CUT)  # (N, A)
    found = {
        "success": (after[:, target] >= CUT) == (edit.sign > 0),
        "leakage": np.abs(after - before)[:, others].mean(1),
        "flips": flips[:, others].mean(1),
    }
    if edit.attribute != "male" and "male" in judge.attribute_names:
        found["sex_flips"] = flips[:, judge.column("male")]
    return found


def measure(outcome: Outcome, prepared: Prepared) -> dict[str, Any]:
    """The numbers of one edit, and of each group of its faces."""
    edit, faces = outcome.edit, outcome.figures
    found: dict[str, Any] = {"faces": len(edit.rows), **_summary(faces)}
    found["seconds_per_edit"] = outcome.seconds / len(edit.rows)
    means = {name: values for name, values in faces.items() if name not in MEDIANS}
    found["standard_error"] = {name: standard_error(values) for name, values in means.items()}
    if "shut" in faces:
        found["open_before"] = int(np.isfinite(faces["shut"]).sum())
    found["groups"] = {}
    groups = by_label(prepared, edit.rows) if outcome.groups is None else outcome.groups
    for word, inside in groups.items():
        if word.removeprefix("not ") != edit.attribute and inside.any():
            of_these = _summary({name: values[inside] for name, values in faces.items()})
            found["groups"][word] = {"faces": int(inside.sum()), **of_these}
    return found


def _summary(faces: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Each number's mean or median over the faces of which it is defined; left out of none."""
    found = {}
    for name, values in faces.items():
        values = np.asarray(values, np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            found[name] = float(np.median(values) if name in MEDIANS else values.mean())
    return found


def averages(per_edit: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Every number averaged over the edits (not over faces); sex flips without the `male` edits.

    `groups` has the same of each group, over the edits in which it has faces.
    """
    edits = per_edit.values()
    words = dict.fromkeys(word for found in edits for word in found["groups"])
    groups = {
        word: _means([found["groups"][word] for found in edits if word in found["groups"]])
        for word in words
    }
    errors = _errors([found["standard_error"] for found in edits])
    return {**_means(edits), "standard_error": errors, "edits": len(edits), "groups": groups}


def _errors(found: Collection[Mapping[str, float]]) -> dict[str, float]:
    """The standard errors of means over edits, from those of each edit's own means."""
    values = {name: np.array([one[name] for one in found if name in one]) for name in MEANS}
    known = {name: some[np.isfinite(some)] for name, some in values.items()}
    return {
        name: float(np.sqrt(np.square(some).sum()) / len(some))
        for name, some in known.items()
        if len(some)
    }


def _means(found: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    values = {name: [one[name] for one in found if name in one] for name in MEANS}
    means = {name: finite_mean(some) for name, some in values.items() if some}
    return {"faces": sum(one["faces"] for one in found), **means}


def summarise(
    outcomes: Sequence[Outcome],
    prepared: Prepared,
    *,
    real: np.ndarray,  # (R, F) features of real faces
    apart: bool = True,  # edit by edit as well; else the mean alone
    whole: bool = True,  # with each edit's groups
) -> dict[str, Any]:
    """One method at one strength: edit by edit, and their mean with the distances to real faces.

    `mean` has every figure of every group. Edit by edit groups have `OF_GROUPS` alone: what nobody
    reads would be the most of the file.
    """
    per_edit = {o.edit.name: measure(o, prepared) for o in outcomes}
    mean = averages(per_edit)
    edited = np.concatenate([o.features for o in outcomes])
    mean["frechet"] = metrics.frechet_distance(real, edited)
    mean["kernel"] = metrics.kernel_distance(
        real[spread(len(real), COMPARED)], edited[spread(len(edited), COMPARED)]
    )
    if not apart:
        return {"mean": mean}
    for one in per_edit.values():
        groups = one.pop("groups")
        if whole:
            kept = ("faces", *OF_GROUPS)
            one["groups"] = {w: {k: g[k] for k in kept if k in g} for w, g in groups.items()}
    return {"edits": per_edit, "mean": mean}
