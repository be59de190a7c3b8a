"""The numbers of an edit: of its faces, over all edits, and as one set of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from istrc.data.prepared import Prepared
from istrc.evaluation import metrics
from istrc.evaluation.editing_faces import CUT, Edit, spread
from istrc.evaluation.judges import Judge, finite_mean

GROUPS = ("male", "young", "pale_skin")  # results are split by these labels
COMPARED = 4000  # faces of a set behind its kernel distance, which costs their square
MEANS = (
    "success",
    "same_person",
    "sex_flips",
    "leakage",
    "flips",
    "background_psnr",
    "pose_shift",
    "descriptor_distance",
    "descriptor_angle",
    "target_change",
    "seconds_per_edit",
)


@dataclass
class Outcome:
    """What became of the faces of one edit. N faces, A attributes of the judge."""

    edit: Edit
    before: np.ndarray  # (N, A) the judge's probabilities
    after: np.ndarray  # (N, A)
    background: np.ndarray  # (N,) dB
    seconds: float  # in all
    distance: np.ndarray | None = None  # (N,) between the second recogniser's descriptors
    angle: np.ndarray | None = None  # (N,) radians, of the same
    pose: np.ndarray | None = None  # (N,) shares of the distance between the eyes
    features: np.ndarray | None = None  # (N, F) of the edited faces
    pixels: np.ndarray | None = field(default=None, repr=False)  # (N, S, S, 3) uint8, edited

    def on(self, places: np.ndarray) -> Outcome:
        """The same of fewer faces; the time is shared out evenly."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        few = {k: v[places] for k, v in named.items() if isinstance(v, np.ndarray)}
        seconds = self.seconds * len(places) / len(self.edit.rows)
        return replace(self, **few, edit=self.edit.on(places), seconds=seconds)


def measure(
    outcome: Outcome,
    judge: Judge,
    prepared: Prepared,
    *,
    threshold: float | None,  # of the second recogniser's distance
    groups: Sequence[str] = GROUPS,
) -> dict[str, Any]:
    """The numbers of one edit; see `evaluate_editing`."""
    edit, before, after = outcome.edit, outcome.before, outcome.after
    target = judge.column(edit.attribute)
    hit = (after[:, target] >= CUT) == (edit.sign > 0)
    others = np.arange(after.shape[1]) != target
    change = np.abs(after - before)[:, others]
    found: dict[str, Any] = {
        "faces": len(edit.rows),
        "success": float(hit.mean()),
        "target_change": float(edit.sign * (after - before)[:, target].mean()),
        "leakage": float(change.mean()),
        "flips": float(metrics.flip_rate(before[:, others], after[:, others], CUT).mean()),
        "background_psnr": float(outcome.background.mean()),
        "seconds_per_edit": outcome.seconds / len(edit.rows),
    }
    same = None
    if edit.attribute != "male" and "male" in judge.attribute_names:
        sex = judge.column("male")
        found["sex_flips"] = float(metrics.flip_rate(before[:, sex], after[:, sex], CUT))
    if outcome.distance is not None:
        same = outcome.distance < threshold
        found["same_person"] = float(same.mean())
        found["descriptor_distance"] = float(outcome.distance.mean())
        found["descriptor_angle"] = float(outcome.angle.mean())  # radians
    if outcome.pose is not None:
        found["pose_shift"] = float(outcome.pose.mean())
    found["groups"] = {}
    for group in groups:
        if group not in prepared.attribute_names or group == edit.attribute:
            continue
        labels = prepared.column(group)[edit.rows]
        for value, word in ((1, group), (0, f"not {group}")):
            inside = labels == value
            if inside.any():
                part = {"faces": int(inside.sum()), "success": float(hit[inside].mean())}
                if same is not None:
                    part["same_person"] = float(same[inside].mean())
                found["groups"][word] = part
    return found


def averages(per_edit: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Every number averaged over the edits (not over faces); sex flips without the `male` edits.

    `groups` has the same of each group, over the edits in which it has faces. `worst` names the
    edit of lowest success and of most sex flips.
    """
    means = _means(per_edit.values(), MEANS)
    means["edits"] = len(per_edit)
    means["faces"] = sum(found["faces"] for found in per_edit.values())
    words = dict.fromkeys(word for found in per_edit.values() for word in found["groups"])
    means["groups"] = {}
    for word in words:
        parts = [found["groups"][word] for found in per_edit.values() if word in found["groups"]]
        faces = sum(part["faces"] for part in parts)
        means["groups"][word] = {"faces": faces, **_means(parts, ("success", "same_person"))}
    flips = {edit: found["sex_flips"] for edit, found in per_edit.items() if "sex_flips" in found}
    if per_edit:
        means["worst"] = {"success": min(per_edit, key=lambda edit: per_edit[edit]["success"])}
    if flips:
        means["worst"]["sex_flips"] = max(flips, key=flips.__getitem__)
    return means


def _means(found, names: Sequence[str]) -> dict[str, float]:
    values = {name: [one[name] for one in found if name in one] for name in names}
    return {name: finite_mean(some) for name, some in values.items() if some}


def summarise(
    outcomes: Sequence[Outcome],
    judge: Judge,
    prepared: Prepared,
    *,
    threshold: float | None,  # of the second recogniser's distance
    real: np.ndarray,  # (R, F) features of real faces
) -> dict[str, Any]:
    """One method at one strength: edit by edit, their mean with realism, and the leakage matrix."""
    limit = dict(threshold=threshold)
    per_edit = {o.edit.name: measure(o, judge, prepared, **limit) for o in outcomes}
    mean = averages(per_edit)
    edited = np.concatenate([o.features for o in outcomes])
    mean["frechet"] = metrics.frechet_distance(real, edited)
    mean["kernel"] = metrics.kernel_distance(
        real[spread(len(real), COMPARED)], edited[spread(len(edited), COMPARED)]
    )
    before, after = [o.before for o in outcomes], [o.after for o in outcomes]
    flips = [metrics.flip_rate(b, a, CUT) for b, a in zip(before, after, strict=True)]
    return {
        "edits": per_edit,
        "mean": mean,
        "leakage_matrix": {
            "edits": [o.edit.name for o in outcomes],
            "attributes": judge.attribute_names,
            "mean_change": metrics.leakage_matrix(before, after),
            "flip_rate": np.stack(flips),
        },
    }
