"""Edits, measured by networks that took no part in making them.

For every transformation and direction, over held-out faces that lack the target: does the picture
have it afterwards (attribute judge), is it still the same person (second recogniser), what else
changed (leakage), and is the background what it was. What is judged is the picture as it would be
saved, rounded to 8 bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from istrc.circle import MODES, TRANSFORMATIONS
from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.errors import InputError
from istrc.evaluation import identity, metrics
from istrc.evaluation.judges import Judge, finite_mean
from istrc.evaluation.results import circle_checksum

OF_MEN = ("beard", "mustache")  # measured on men: hardly a woman's face has one to take away
GROUPS = ("male", "young", "pale_skin")  # results are split by these labels
CUT = 0.5  # the judge's plain probability
PSNR_CAP = 60.0  # dB: two pictures that differ less than 8-bit rounding are equal

# x (B, 3, S, S), {"smile": +1.0} -> edited x (B, 3, S, S). What is compared with what: a mode of
# the circle, or a peer.
Editor = Callable[[torch.Tensor, Mapping[str, float]], torch.Tensor]


@dataclass(frozen=True)
class Edit:
    """One transformation in one direction, and the faces it is measured on."""

    attribute: str
    sign: int  # +1: to have it, -1: to lose it
    rows: np.ndarray  # rows of the prepared data, ascending

    @property
    def name(self) -> str:
        return f"{self.attribute}{'+' if self.sign > 0 else '-'}"


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
    features: np.ndarray | None = None  # (N, F) of the edited faces
    pixels: np.ndarray | None = field(default=None, repr=False)  # (N, S, S, 3) uint8, edited


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
        eligible = np.ones(len(rows), bool)
        if attribute in OF_MEN:
            eligible = prepared.column("male")[rows] == 1
            eligible &= probability[:, judge.column("male")] >= CUT
        for sign in (+1, -1):
            lack = (labels == 0) & ~judged if sign > 0 else (labels == 1) & judged
            candidates = rows[eligible & lack]
            if not len(candidates):
                left_out[f"{attribute}{'+' if sign > 0 else '-'}"] = "no face lacks the target"
                continue
            rng = np.random.default_rng([seed, number, sign + 1])
            edits.append(Edit(attribute, sign, np.sort(rng.permutation(candidates)[:faces])))
    return edits, left_out


def circle_editors(
    circle: Any, modes: Sequence[str], keep: Iterable[str] | None = None
) -> dict[str, Editor]:
    """The circle's own edit, once a mode."""

    def editor(mode: str) -> Editor:
        return lambda x, strengths: circle.edit(x, strengths, keep=keep, mode=mode)

    return {mode: editor(mode) for mode in modes}


def nothing_editors(circle: Any, modes: Sequence[str]) -> dict[str, Editor]:
    """Strength 0 in each mode: what rebuilding alone does to a face."""

    def editor(mode: str) -> Editor:
        def rebuild(x: torch.Tensor, _: Mapping[str, float]) -> torch.Tensor:
            z = circle.embed(x)
            return circle.rebuild(x, z, z, mode)

        return rebuild

    return {f"nothing, {mode}": editor(mode) for mode in modes}


class Bench:
    """Runs editors over edits; everything about the originals is computed once."""

    def __init__(
        self,
        prepared: Prepared,
        judge: Judge,
        second: identity.SecondRecogniser | None,
        *,
        split: str,
        batch_size: int,
    ):
        self.prepared, self.judge, self.second = prepared, judge, second
        self.rows, self.batch_size = prepared.rows(split), batch_size
        seen = [
            judge.look(prepared.batch(self.rows[start : start + 512]))
            for start in range(0, len(self.rows), 512)
        ]
        if not seen:
            raise InputError(f"{prepared.folder}: no face in the {split} split")
        self.probability = np.concatenate([p for p, _ in seen])  # (R, A)
        self.features = np.concatenate([f for _, f in seen])  # (R, F)
        self.descriptors: dict[int, np.ndarray] = {}
        self.background = ~metrics.face_ellipse(prepared.size)

    def run(self, editor: Editor, edit: Edit, strength: float) -> Outcome:
        """Edit all faces of one edit, in batches, and put every question."""
        edited, psnr, seconds = [], [], 0.0
        for start in range(0, len(edit.rows), self.batch_size):
            x = self.prepared.batch(edit.rows[start : start + self.batch_size])
            started = time.perf_counter()
            y = editor(x, {edit.attribute: edit.sign * strength})
            pixels = to_pixels(y)  # waits for an accelerator, so that the clock does
            seconds += time.perf_counter() - started
            edited.append(pixels)
            psnr.append(metrics.psnr(x, to_tensor(pixels), self.background).clamp(max=PSNR_CAP))
        pixels = np.concatenate(edited)
        y = to_tensor(pixels)
        after, features = self.judge.look(y)
        outcome = Outcome(
            edit=edit,
            before=self.probability[np.searchsorted(self.rows, edit.rows)],
            after=after,
            background=torch.cat(psnr).numpy(),
            seconds=seconds,
            features=features,
            pixels=pixels,
        )
        if self.second is not None:
            now, then = self.second.describe(y), self._originals(edit.rows)
            outcome.distance = identity.distance(then, now)
            outcome.angle = identity.angle(then, now)
        return outcome

    def _originals(self, rows: np.ndarray) -> np.ndarray:
        missing = [row for row in rows if int(row) not in self.descriptors]
        if missing:
            found = self.second.describe(self.prepared.batch(np.array(missing)))
            self.descriptors.update(zip(map(int, missing), found, strict=True))
        return np.stack([self.descriptors[int(row)] for row in rows])


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

    `worst` names the edit of lowest success and of most sex flips.
    """
    names = ("success", "same_person", "sex_flips", "leakage", "flips", "background_psnr")
    names += ("descriptor_distance", "descriptor_angle", "target_change", "seconds_per_edit")
    means: dict[str, Any] = {}
    for name in names:
        values = [found[name] for found in per_edit.values() if name in found]
        if values:
            means[name] = finite_mean(values)
    means["edits"] = len(per_edit)
    means["faces"] = sum(found["faces"] for found in per_edit.values())
    flips = {edit: found["sex_flips"] for edit, found in per_edit.items() if "sex_flips" in found}
    if per_edit:
        means["worst"] = {"success": min(per_edit, key=lambda edit: per_edit[edit]["success"])}
    if flips:
        means["worst"]["sex_flips"] = max(flips, key=flips.__getitem__)
    return means


def evaluate_editing(
    *,
    circle: Any,
    prepared: Prepared,
    judge: Judge,
    second: identity.SecondRecogniser | None = None,  # who the face is; None leaves it out
    modes: Sequence[str] = MODES,  # the first is shown on the sheets
    strengths: Sequence[float] = (1.0,),
    transformations: Sequence[str] = TRANSFORMATIONS,
    faces: int = 200,  # at most, for each transformation and direction
    keep: Iterable[str] | None = None,  # attributes to hold; None is the circle's default
    peers: Mapping[str, Editor] | None = None,  # other ways to edit, on the same faces
    nothing: bool = True,  # strength 0 beside them
    people: int = 600,  # train people behind the second recogniser's threshold
    split: str = "valid",
    batch_size: int = 64,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,  # (what, done, of how many)
    show: Callable[[str, float, Outcome], None] | None = None,  # sees every outcome (sheets)
) -> dict[str, Any]:
    """Measure every transformation in both directions over faces that lack the target.

    For each edit, on the mean over its faces:
        success: share that the judge says have the target afterwards (probability >= 0.5, plain).
        sex_flips: share whose judged sex changes; not counted for `male` itself.
        leakage: mean |change| of the judge's probability over all attributes but the target;
            `leakage_matrix` has it attribute by attribute, and the share of verdicts that flip.
        same_person: share within the second recogniser's threshold, found on train pairs of
            different people at FAR 1e-3; `descriptor_angle` in radians.
        background_psnr: dB outside the face ellipse, each face capped at 60.
        seconds_per_edit: embed, walk and rebuild, in batches, without the measuring.

    `methods[method][strength]` holds `edits`, `mean` over the edits, and `leakage_matrix`. A method
    is a mode of the circle, a peer, or `nothing, MODE` at strength 0. `frechet` is the distance of
    all edited faces to the split's real ones in the judge's penultimate layer; compare it with that
    of doing nothing.

    Raises InputError where no face can be edited.
    """
    bench = Bench(prepared, judge, second, split=split, batch_size=batch_size)
    edits, left_out = choose_faces(
        prepared,
        bench.probability,
        judge,
        transformations=transformations,
        split=split,
        faces=faces,
        seed=seed,
    )
    if not edits:
        raise InputError(f"{prepared.folder}: no {split} face to edit ({left_out})")
    unknown = [name for name in transformations if name not in circle.attribute_names]
    if unknown:
        left_out.update(dict.fromkeys(unknown, "the circle does not know it"))
        edits = [edit for edit in edits if edit.attribute not in unknown]
    threshold = None
    if second is not None:
        threshold = second.threshold(prepared, far=1e-3, people=people, seed=seed)

    jobs: list[tuple[str, float, Editor]] = []
    editors = {**circle_editors(circle, modes, keep), **(peers or {})}
    jobs += [(name, strength, editor) for name, editor in editors.items() for strength in strengths]
    if nothing:
        jobs += [(name, 0.0, editor) for name, editor in nothing_editors(circle, modes).items()]

    methods: dict[str, dict[str, Any]] = {}
    for index, (method, strength, editor) in enumerate(jobs):
        outcomes = []
        for number, edit in enumerate(edits):
            if progress:
                done = index * len(edits) + number
                progress(f"{method} {edit.name} {strength:g}", done, len(jobs) * len(edits))
            outcome = bench.run(editor, edit, strength)
            if show:
                show(method, strength, outcome)
            outcome.pixels = None  # the sheets have seen them
            outcomes.append(outcome)
        limit = threshold["threshold"] if threshold else None
        per_edit = {o.edit.name: measure(o, judge, prepared, threshold=limit) for o in outcomes}
        mean = averages(per_edit)
        mean["frechet"] = metrics.frechet_distance(
            bench.features, np.concatenate([o.features for o in outcomes])
        )
        before, after = [o.before for o in outcomes], [o.after for o in outcomes]
        methods.setdefault(method, {})[f"{strength:g}"] = {
            "edits": per_edit,
            "mean": mean,
            "leakage_matrix": {
                "edits": [edit.name for edit in edits],
                "attributes": judge.attribute_names,
                "mean_change": metrics.leakage_matrix(before, after),
                "flip_rate": np.stack(
                    [metrics.flip_rate(b, a, CUT) for b, a in zip(before, after, strict=True)]
                ),
            },
        }
    return {
        "methods": methods,
        "left_out": left_out,
        "faces_per_edit": faces,
        "faces_of": {edit.name: len(edit.rows) for edit in edits},
        "keep": None if keep is None else list(keep),
        "of_men": list(OF_MEN),
        "judge": {
            "checksum": judge.checksum,
            "probability_threshold": CUT,
            "mean_accuracy": judge.note.get("valid", {}).get("mean_accuracy"),
        },
        "second_recogniser": {"name": second.name, **threshold} if second is not None else None,
        "split": split,
        "batch_size": batch_size,
        "threads": torch.get_num_threads(),
        "seed": seed,
        "weights": circle_checksum(circle),
    }
