"""Attributes from few pictures: how good they get, and whether what is promised of them is kept.

Attributes whose labels are known are taught anew from a few faces a side, as if the circle did not
know them, and asked of faces of other people. Its recogniser has seen their labels in training,
all the same: an attribute that no label of the training speaks of is harder.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.edit.render import Rendering
from istrc.errors import InputError
from istrc.evaluation.editing_faces import CUT
from istrc.evaluation.embedding import Progress, drawn_rows, embed_rows, silent
from istrc.evaluation.judges import Judge
from istrc.evaluation.metrics import finite_mean
from istrc.evaluation.results import circle_checksum
from istrc.learning.learn import LEAST, trust_of
from istrc.models.learned import LearnedAttribute
from istrc.roc import roc_auc

LEARNED = "learned"  # the name of what is taught
HELD = 10  # faces of other people a side, at least, to measure on


def evaluate_learning(
    *,
    circle: Any,
    prepared: Prepared,
    split: str = "tune",
    attributes: Sequence[str],
    counts: Sequence[int],  # pictures a side
    draws: int = 10,  # of those pictures, for each attribute and count
    judge: Judge | None = None,  # sees the edited pictures; None: only their angle is measured
    faces: int = 50,  # edited a direction, at most
    limit: int | None = None,  # faces of the split that take part
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Teach attributes anew from a few faces a side, and compare with the circle's own.

    For each attribute and count, means over the draws:
        auc: of the learned scores, on all faces of people that were not drawn; auc_std between
            draws.
        promised: the cross-validated AUC that `istrc learn` would tell; kept: the share of draws
            in which `auc` lies in the interval that it would tell.
        angle: radians of an edit at strength +1, of faces that lack it.
        success: the judge's share of pictures, edited at strength 1 in photo mode, that have it
            (or, removed, lack it); of the first draw.

    `own` is the same of the circle's own classifier, which knows all labels of the training.

    Raises InputError where nothing can be learned.
    """
    unknown = [name for name in attributes if name not in prepared.attribute_names]
    if unknown:
        raise InputError(f"{prepared.folder}: no attribute {unknown[0]!r} in this data")
    if min(counts) < LEAST:
        raise InputError(f"{min(counts)} pictures a side: {LEAST} is the least")
    rows = drawn_rows(prepared, split, limit, seed)
    z, people = embed_rows(circle, prepared, rows), prepared.identity[rows]
    edited = partial(_edited, prepared=prepared, rows=rows, z=z, judge=judge, faces=faces)
    jobs = [(name, count) for name in attributes for count in counts]
    found: dict[str, dict[str, dict[str, float]]] = {}
    left_out: dict[str, str] = {}
    for done, (name, count) in enumerate(jobs):
        progress(done, len(jobs))
        labels = prepared.column(name)[rows]
        seeds = [[seed, attributes.index(name), count, draw] for draw in range(draws)]
        drawn = [_draw(labels, people, count, np.random.default_rng(one)) for one in seeds]
        enough = [one for one in drawn if one is not None]
        if len(enough) < draws:
            left_out[f"{name}, {count}"] = "too few faces"
            continue
        taught = [_taught(circle, z[having], z[lacking], seed) for having, lacking, _ in enough]
        each = [
            _measured(one.learned[LEARNED], z, labels, held)
            for one, (_, _, held) in zip(taught, enough, strict=True)
        ]
        means = {key: finite_mean([one[key] for one in each]) for key in each[0]}
        means["auc_std"] = float(np.std([one["auc"] for one in each]))
        found.setdefault(name, {})[str(count)] = means | edited(taught[0], LEARNED, name)
    progress(len(jobs), len(jobs))
    if not found:
        raise InputError(
            f"{prepared.folder}: too few {split} faces to learn from and to measure on"
        )
    for name in found:
        if name in circle.attributes.names:
            scores = circle.scores_of(z, [name])[:, 0].cpu().numpy()
            auc = roc_auc(scores, prepared.column(name)[rows])
            found[name]["own"] = {"auc": auc, **edited(circle, name, name)}
    return {
        "attributes": found,
        "mean": _means(found),
        "left_out": left_out,
        "counts": list(counts),
        "draws": draws,
        "faces": len(rows),
        "split": split,
        "judge": judge.checksum if judge is not None else None,
        "weights": circle_checksum(circle),
    }


def _draw(
    labels: np.ndarray, people: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Places with and without (count,) each, and those held: known, and of nobody who was drawn.

    None where too few are left.
    """
    with_, without = (rng.permutation(np.flatnonzero(labels == n))[:count] for n in (1, 0))
    chosen = np.concatenate([with_, without])
    held = (labels >= 0) & ~np.isin(people, people[chosen][people[chosen] >= 0])
    held[chosen] = False
    sides = np.bincount(labels[held], minlength=2)
    if min(len(with_), len(without)) < count or sides.min() < HELD:
        return None
    return with_, without, np.flatnonzero(held)


def _taught(circle: Any, having: torch.Tensor, lacking: torch.Tensor, seed: int) -> Any:
    """The circle, which knows `LEARNED` as well, from embeddings (N, D) with and without it."""
    taught = copy.copy(circle)  # its parts are shared
    taught.learned = {}
    taught.learn(LEARNED, with_=having, without=lacking, seed=seed)
    return taught


def _measured(
    learned: LearnedAttribute, z: torch.Tensor, labels: np.ndarray, held: np.ndarray
) -> dict[str, float]:
    """The AUC on the faces held, what was promised of it, and 1 where the promise was kept."""
    auc = roc_auc((z[held] @ learned.weight).numpy(), labels[held])
    promise = trust_of(learned)
    kept = float(promise.low <= auc <= promise.high)
    return {"auc": auc, "promised": promise.auc, "kept": kept}


def _edited(
    circle: Any,
    asked: str,  # the attribute that is walked
    meant: str,  # the one that labels and judge know
    *,
    prepared: Prepared,
    rows: np.ndarray,
    z: torch.Tensor,
    judge: Judge | None,
    faces: int,
) -> dict[str, float]:
    """The angle of strength +1, and what the judge says of pictures at +1 and -1."""
    labels = prepared.column(meant)[rows]
    found: dict[str, float] = {}
    for sign, word in ((+1, "added"), (-1, "removed")):
        places = np.flatnonzero(labels == (sign < 0))[:faces]
        x = prepared.batch(rows[places])
        drawing = Rendering.of(circle, x)
        stopped = circle.stopped_walk(x, z[places], {asked: sign}, drawing=drawing)
        if sign > 0:
            found["angle"] = float(stopped.walk.angle.mean())
        if judge is not None and meant in judge.attribute_names:
            y = drawing.drawn(stopped.change, "photo", {asked: sign})
            has = judge.probabilities(y)[:, judge.column(meant)] >= CUT
            found[word] = float(np.mean(has == (sign > 0)))
    if "removed" in found:
        found["success"] = (found["added"] + found["removed"]) / 2
    return found


def _means(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Of every count, and of the circle's own: each number averaged over the attributes.

    Over those that were measured at every count alone, so that the means can be compared.
    """
    counts = dict.fromkeys(count for of_one in found.values() for count in of_one)
    whole = [of_one for of_one in found.values() if len(of_one) == len(counts)]
    means: dict[str, dict[str, float]] = {}
    for count in counts:
        each = [of_one[count] for of_one in whole or found.values() if count in of_one]
        keys = dict.fromkeys(key for one in each for key in one)
        means[count] = {key: finite_mean([one.get(key) for one in each]) for key in keys}
    return means
