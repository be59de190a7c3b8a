r"""Attributes from few pictures: how good they get, and whether what is promised of them is kept.

    python -m studies.learning prepared/ --json results/learn.json \
        --markdown docs/results/learning.md

Attributes whose labels are known are taught anew from a few faces a side, as if the circle did not
know them, and asked of faces of other people. Its recogniser has seen their labels in training,
all the same: an attribute that no label of the training speaks of is harder.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from studies.command import Study

from istrc.data.prepared import Prepared
from istrc.edit.render import Rendering
from istrc.errors import InputError
from istrc.evaluation.embedding import drawn_rows, embed_rows, silent
from istrc.evaluation.judges import Judge
from istrc.evaluation.metrics import finite_mean
from istrc.evaluation.results import circle_checksum, markdown_table
from istrc.learning.learn import LEAST, Side, learn_attribute, trust_of
from istrc.models.learned import LearnedAttribute
from istrc.progress import Bar
from istrc.roc import roc_auc

ATTRIBUTES = ("eyeglasses", "bangs", "smile", "wearing_hat", "makeup", "big_nose")
COUNTS = (20, 50, 100)
HELD = 10  # faces of other people a side, at least, to measure on
CUT = 0.5  # the judge's probability from which a face has an attribute


def evaluate_learning(
    *,
    circle: Any,
    prepared: Prepared,
    split: str = "tune",
    attributes: Sequence[str] = ATTRIBUTES,
    counts: Sequence[int] = COUNTS,  # pictures a side
    draws: int = 10,  # of those pictures, for each attribute and count
    judge: Judge | None = None,  # sees the edited pictures; None edits none
    faces: int = 50,  # edited a direction, at most
    limit: int | None = None,  # faces of the split that take part
    seed: int = 0,
    progress: Callable[[int, int], None] = silent,
) -> dict[str, Any]:
    """Teach attributes anew from 20, 50, 100 faces a side, and compare with the circle's own.

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
    z = embed_rows(circle, prepared, rows)
    people = prepared.identity[rows]
    jobs = [(name, count) for name in attributes for count in counts]
    found: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    for done, (name, count) in enumerate(jobs):
        progress(done, len(jobs))
        labels = prepared.column(name)[rows]
        kept: list = []
        for draw in range(draws):
            rng = np.random.default_rng([seed, attributes.index(name), count, draw])
            drawn = _draw(labels, people, count, rng)
            if drawn is None:
                left_out[f"{name}, {count}"] = "too few faces"
                break
            learned = _learn(circle, z, drawn[:2], seed)
            if not kept:
                first = learned
            kept.append(_measure(learned, z, labels, drawn[2]))
        if len(kept) < draws:
            continue
        result = {key: finite_mean([one[key] for one in kept]) for key in kept[0]}
        result["auc_std"] = float(np.std([one["auc"] for one in kept]))
        edited = copy.copy(circle)  # its parts are shared
        edited.learned = {first.name: first}
        result |= _edit(edited, first.name, name, prepared, rows, z, judge, faces)
        found.setdefault(name, {})[str(count)] = result
    progress(len(jobs), len(jobs))
    if not found:
        raise InputError(
            f"{prepared.folder}: too few {split} faces to learn from and to measure on"
        )
    for name in found:
        if name in circle.attributes.names:
            labels = prepared.column(name)[rows]
            known = np.flatnonzero(labels >= 0)
            scores = circle.scores(z[known])[:, circle.attribute_names.index(name)]
            own = {"auc": roc_auc(scores.cpu().numpy(), labels[known])}
            own |= _edit(circle, name, name, prepared, rows, z, judge, faces)
            found[name]["own"] = own
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


def learning_markdown(found: Mapping[str, Any]) -> str:
    """One row a number of pictures: the AUC of each attribute, the mean, and what was promised."""
    names = list(found["attributes"])
    rows = []
    for count, mean in found["mean"].items():
        of_each = [found["attributes"][name].get(count, {}).get("auc") for name in names]
        word = "the circle's own" if count == "own" else f"{count} a side"
        shown = [mean.get(key) for key in ("auc", "promised", "kept", "angle", "success")]
        rows.append([word, *of_each, *shown])
    header = ["pictures", *names, "mean", "promised", "promise kept", "angle", "judged success"]
    return (
        f"{markdown_table(header, rows)}\nAUC on {found['split']} faces of other people, mean of "
        f"{found['draws']} draws; {found['faces']} faces in all.\n"
    )


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


def _learn(circle: Any, z: torch.Tensor, sides: Sequence[np.ndarray], seed: int):
    recogniser = circle.recogniser.record
    return learn_attribute(
        "learned", *(Side.of(z[side]) for side in sides), recogniser=recogniser, seed=seed
    )


def _measure(
    learned: LearnedAttribute, z: torch.Tensor, labels: np.ndarray, held: np.ndarray
) -> dict[str, float]:
    auc = roc_auc((z[held] @ learned.weight).numpy(), labels[held])
    promise = trust_of(learned)
    kept = float(promise.low <= auc <= promise.high)
    return {"auc": auc, "promised": promise.auc, "kept": kept}


def _edit(
    circle: Any,
    asked: str,  # the attribute that is walked
    meant: str,  # the one that labels and judge know
    prepared: Prepared,
    rows: np.ndarray,
    z: torch.Tensor,
    judge: Judge | None,
    faces: int,
) -> dict[str, float]:
    """The angle of strength +1, and what the judge says of pictures at +1 and -1."""
    labels = prepared.column(meant)[rows]
    result: dict[str, float] = {}
    successes = []
    for sign, word in ((+1, "added"), (-1, "removed")):
        here = np.flatnonzero(labels == (0 if sign > 0 else 1))[:faces]
        x = prepared.batch(rows[here])
        drawing = Rendering.of(circle, x)
        stopped = circle.stopped_walk(x, z[here].to(circle.device), {asked: sign}, drawing=drawing)
        if sign > 0:
            result["angle"] = float(stopped.walk.angle.mean())
        if judge is None or meant not in judge.attribute_names:
            continue
        edited = drawing.drawn(stopped.change, "photo", {asked: sign})
        has = judge.probabilities(edited)[:, judge.column(meant)] >= CUT
        result[word] = float(np.mean(has if sign > 0 else ~has))
        successes.append(result[word])
    if successes:
        result["success"] = float(np.mean(successes))
    return result


def _means(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Of every count, and of the circle's own: each number averaged over the attributes.

    Over those that were measured at every count alone, so that the means can be compared.
    """
    there = dict.fromkeys(count for of_one in found.values() for count in of_one)
    counts = sorted(there, key=lambda count: count == "own")  # last, whichever comes first
    whole = [of_one for of_one in found.values() if len(of_one) == len(counts)]
    means: dict[str, dict[str, float]] = {}
    for count in counts:
        all_of = [of_one[count] for of_one in whole or found.values() if count in of_one]
        keys = dict.fromkeys(key for one in all_of for key in one)
        means[count] = {key: finite_mean([one.get(key) for one in all_of]) for key in keys}
    return means


def main(arguments: list[str] | None = None) -> None:
    study = Study("learning", __doc__, data="a folder made by istrc prepare", split="tune")
    add = study.parser.add_argument
    add("-a", "--attributes", nargs="+", default=ATTRIBUTES, help="of the data, to learn anew")
    add("--counts", type=int, nargs="+", default=COUNTS, help="pictures a side")
    add("--draws", type=int, default=10, help="of the pictures, each learned from")
    add("--faces", type=int, default=50, help="edited a direction, at most")
    add("--limit", type=int, help="faces, at most")
    add("--judge", help="the folder of istrc train judge; the shipped one if none")
    given = study.parse(arguments)
    names = ("attributes", "counts", "draws", "faces", "limit")
    asked = {name: getattr(given, name) for name in names}
    judge = Judge.load(given.judge, given.device)
    with Bar("learning") as bar:
        found = evaluate_learning(**study.open(), **asked, judge=judge, progress=bar.at)
    study.finish("learning", found, learning_markdown)


if __name__ == "__main__":
    main()
