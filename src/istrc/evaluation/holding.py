"""Which way of keeping an edit from touching other attributes works (paper section 5.5).

The paper's edits fault one another: beard, mustache and makeup change the sex, ageing adds glasses,
youth adds makeup. Two ways out are measured on the same faces: the walk holds what it is not about
(istrc.edit.holding), or its classifiers are trained not to lean on the sex (holding_variants).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from istrc.circle import TRANSFORMATIONS
from istrc.data.prepared import Prepared
from istrc.edit.render import Rendering
from istrc.errors import InputError
from istrc.evaluation import identity
from istrc.evaluation.editing import Bench
from istrc.evaluation.editing_faces import CUT, OF_MEN, Edit, choose_faces
from istrc.evaluation.editing_measures import Outcome, averages, measure
from istrc.evaluation.embedding import drawn_rows, embed_rows, silent
from istrc.evaluation.holding_variants import WAYS, train_classifiers
from istrc.evaluation.judges import Judge, finite_mean
from istrc.evaluation.results import circle_checksum, markdown_table
from istrc.learning.trust import roc_auc
from istrc.models.attributes import AttributeClassifiers
from istrc.training.attributes import calibrate

SEX = "male"
# The paper's faults: what an edit changes besides, and should not. A beard is asked of women here,
# whom it makes men; on men, where its success is measured, there is no sex to be seen changing.
FAULTS = (
    ("beard+", SEX),
    ("mustache+", SEX),
    ("makeup+", SEX),
    ("young-", "eyeglasses"),
    ("young+", "makeup"),
)


@dataclass(frozen=True)
class Variant:
    """One way to edit: whose gradients are walked along, and what the walk holds."""

    name: str
    classifiers: str  # "own", the circle's, or one of WAYS, trained here
    keep: tuple[str, ...] | None  # as `Circle.walk` takes it


VARIANTS = (
    Variant("nothing held", "own", ()),
    Variant("the sex held", "own", ("none", SEX)),
    Variant("the default held", "own", None),
    Variant("plain classifiers, nothing held", "plain", ()),
    Variant("balanced classifiers, nothing held", "balanced", ()),
    Variant("conditional classifiers, nothing held", "conditional", ()),
    Variant("balanced classifiers, the default held", "balanced", None),
)


class WatchedEdit:
    """A circle's edit in photo mode, as an `editing.Editor` that keeps how far it walked."""

    def __init__(self, circle: Any, keep: Iterable[str] | None):
        self.circle, self.keep = circle, None if keep is None else list(keep)
        self.angles: list[torch.Tensor] = []  # radians, of every batch

    def __call__(self, x: torch.Tensor, strengths: Mapping[str, float]) -> torch.Tensor:
        z = self.circle.embed(x)
        drawing = Rendering.of(self.circle, x)
        reached = self.circle.reach(x, z, strengths, keep=self.keep, drawing=drawing)
        self.angles.append(reached.walk.angle.cpu())
        return drawing.drawn(reached.change, "photo", strengths)


def with_classifiers(circle: Any, classifiers: AttributeClassifiers) -> Any:
    """The same circle that walks along other classifiers; its other parts are shared."""
    other = copy.copy(circle)
    other.attributes = classifiers.to(circle.device).eval()
    return other


def evaluate_holding(
    *,
    circle: Any,
    prepared: Prepared,
    judge: Judge,
    second: identity.SecondRecogniser | None = None,  # who the face is; None leaves it out
    split: str = "valid",
    transformations: Sequence[str] = TRANSFORMATIONS,
    variants: Sequence[Variant] = VARIANTS,
    faces: int = 50,  # at most, for each transformation and direction
    strength: float = 1.0,
    steps: int = 600,  # of each training
    training_faces: int | None = None,  # of the fit part, at most; None is all
    people: int = 600,  # train people behind the second recogniser's threshold
    batch_size: int = 64,
    seed: int = 0,
    progress: Callable[[int, int], None] = silent,
) -> dict[str, Any]:
    """Make every edit in each of the ways, on the same faces, and ask the same judges.

    `variants[name]` holds `edits`, the numbers of `evaluate_editing` with the mean angle walked in
    radians, `mean` over the edits, and `faults`: how far the judge's probability of what an edit
    should leave alone moves, the mean |change|, for the faults that the paper names. `women` has
    the edits of women that are not among the others: beard+ and mustache+.

    The classifiers are trained on the part of train that the circle learnt from, all for the same
    number of batches, and calibrated on the rest of it; `classifiers` has their mean AUC there. The
    plain ones tell what training them here, and not differently, changes.

    Raises InputError where the data does not know the sex, or no face can be edited.
    """
    if SEX not in prepared.attribute_names:
        raise InputError(f"{prepared.folder}: no attribute {SEX!r} in this data to keep apart")
    circle = copy.copy(circle)
    circle.learned = {}  # no label tells whether it worked
    bench = Bench(prepared, judge, second, split=split, batch_size=batch_size)
    edits, left_out = choose_faces(
        prepared,
        bench.probability,
        judge,
        transformations=[name for name in transformations if name in circle.attributes.names],
        split=split,
        faces=faces,
        seed=seed,
    )
    if not edits:
        raise InputError(f"{prepared.folder}: no {split} face to edit ({left_out})")
    women = women_without(edits, prepared, bench, faces, seed)
    ways = [way for way in WAYS if any(variant.classifiers == way for variant in variants)]
    # A training counts as much as the edits of one variant do
    each = len(edits) + len(women)
    total = (len(ways) + len(variants)) * each
    circles, trained = _train(
        circle,
        prepared,
        ways,
        training_faces,
        steps,
        seed,
        lambda done: progress(int(done * each), total),
    )
    threshold = None
    if second is not None:
        threshold = second.threshold(prepared, far=1e-3, people=people, seed=seed)
    limit = threshold["threshold"] if threshold else None

    found: dict[str, dict[str, Any]] = {}
    done = len(ways) * each
    for variant in variants:
        per_edit: dict[str, dict[str, Any]] = {}
        of_women: dict[str, dict[str, Any]] = {}
        jobs = [*((edit, per_edit) for edit in edits), *((edit, of_women) for edit in women)]
        for edit, into in jobs:
            editor = WatchedEdit(circles[variant.classifiers], variant.keep)
            outcome = bench.run(editor, edit, strength)
            told = measure(outcome, judge, prepared, threshold=limit)
            told["angle"] = float(torch.cat(editor.angles).mean())
            told["changes"] = changes(outcome, judge)
            into[edit.name] = told
            done += 1
            progress(done, total)
        mean = averages(per_edit)
        mean["angle"] = finite_mean([told["angle"] for told in per_edit.values()])
        found[variant.name] = {
            "classifiers": variant.classifiers,
            "keep": variant.keep,
            "edits": per_edit,
            "women": of_women,
            "mean": mean,
            "faults": faults_of(per_edit, of_women),
        }
    return {
        "variants": found,
        "classifiers": trained,
        "left_out": left_out,
        "faces_per_edit": faces,
        "strength": strength,
        "steps": steps,
        "judge": {"checksum": judge.checksum, "attributes": judge.attribute_names},
        "second_recogniser": {"name": second.name, **threshold} if second is not None else None,
        "split": split,
        "seed": seed,
        "weights": circle_checksum(circle),
    }


def changes(outcome: Outcome, judge: Judge) -> dict[str, float]:
    """The mean |change| of the judge's probability of every attribute."""
    moved = np.abs(outcome.after - outcome.before).mean(0)
    return dict(zip(judge.attribute_names, map(float, moved), strict=True))


def women_without(
    edits: Sequence[Edit], prepared: Prepared, bench: Bench, faces: int, seed: int
) -> list[Edit]:
    """The edits that give `OF_MEN`'s attributes, of women by label and judge who lack them."""
    rows, judge = bench.rows, bench.judge
    if SEX not in judge.attribute_names:
        return []
    woman = (prepared.column(SEX)[rows] == 0) & (bench.probability[:, judge.column(SEX)] < CUT)
    found = []
    for number, attribute in enumerate(OF_MEN):
        if not any(edit.attribute == attribute for edit in edits):
            continue
        judged = bench.probability[:, judge.column(attribute)] >= CUT
        candidates = rows[woman & (prepared.column(attribute)[rows] == 0) & ~judged]
        rng = np.random.default_rng([seed, number])
        if len(candidates):
            found.append(Edit(attribute, +1, np.sort(rng.permutation(candidates)[:faces])))
    return found


def faults_of(
    per_edit: Mapping[str, Mapping[str, Any]], of_women: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """The paper's faults among what the edits moved: {"beard+, women: male": |change|}."""
    found = {}
    for name, other in FAULTS:
        women = name.rstrip("+-") in OF_MEN
        moved = (of_women if women else per_edit).get(name, {}).get("changes", {})
        if other in moved:
            found[f"{name}{', women' * women}: {other}"] = moved[other]
    return found


def holding_markdown(found: Mapping[str, Any]) -> str:
    """One row a way: how well it edits, and how large the paper's faults are."""
    means = {
        "success": "success",
        "same_person": "same person",
        "sex_flips": "sex flips",
        "leakage": "leakage",
        "angle": "angle",
    }
    faults = dict.fromkeys(f for one in found["variants"].values() for f in one["faults"])
    rows = [
        [name, *(one["mean"].get(m) for m in means), *(one["faults"].get(f) for f in faults)]
        for name, one in found["variants"].items()
    ]
    text = markdown_table(["way", *means.values(), *faults], rows)
    aucs = ", ".join(f"{way} {one['auc']:.3f}" for way, one in found["classifiers"].items())
    return (
        f"{text}\nPhoto mode, strength {found['strength']:g}, {found['split']} faces, at most "
        f"{found['faces_per_edit']} an edit that lack the target; means over the edits. Sex flips "
        "are not counted for `male`. Angle: radians walked. The last columns: mean |change| of the "
        "judge's probability of what the edit should leave alone. Classifiers trained for "
        f"{found['steps']} batches; mean AUC on people not trained on: {aucs}.\n"
    )


def _train(
    circle: Any,
    prepared: Prepared,
    ways: Sequence[str],
    faces: int | None,
    steps: int,
    seed: int,
    progress: Callable[[float], None],  # trainings done, in parts of one as well
) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """The circle ("own") and others like it, one for each way, and how good the classifiers are."""
    circles, told = {"own": circle}, {}
    own = circle.attributes
    missing = [name for name in own.names if name not in prepared.attribute_names]
    if missing:
        raise InputError(f"{prepared.folder}: no labels of {missing[0]!r}, which the model knows")
    if SEX not in own.names:
        raise InputError(f"the model has no attribute {SEX!r} to hold; use one that has")
    columns = [prepared.attribute_names.index(name) for name in own.names]
    fit, tune = drawn_rows(prepared, "fit", faces, seed), prepared.rows("tune")
    held, truth = embed_rows(circle, prepared, tune), prepared.attributes[tune][:, columns]
    told["own"] = _auc(own, held, truth)
    if ways:
        z = embed_rows(circle, prepared, fit).to(circle.device)
        labels = torch.from_numpy(prepared.attributes[fit][:, columns])
    for number, way in enumerate(ways):
        net = train_classifiers(
            way,
            z,
            labels,
            own,
            sex=SEX,
            steps=steps,
            seed=seed,
            progress=lambda step, number=number: progress(number + step / steps),
        )
        calibrate(net, held.to(circle.device), torch.from_numpy(truth))
        circles[way] = with_classifiers(circle, net)
        told[way] = _auc(net, held, truth)
    return circles, told


@torch.no_grad()
def _auc(net: AttributeClassifiers, z: torch.Tensor, labels: np.ndarray) -> dict[str, float]:
    """The mean AUC over the attributes of which both sides are known."""
    scores = net(z.to(net.slope.device)).cpu().numpy()
    aucs = []
    for a in range(len(net.names)):
        known = labels[:, a] >= 0
        if len(np.unique(labels[known, a])) == 2:
            aucs.append(roc_auc(scores[known, a], labels[known, a]))
    return {"auc": finite_mean(aucs)}
