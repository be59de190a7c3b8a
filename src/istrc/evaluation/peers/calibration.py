"""Which peers there are, and their strength 1: the step at which each succeeds as often as we do.

One number a method, the same for all attributes and faces, found on the `tune` part of train and
never on what is reported. It only places strengths: methods are compared along their curves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation.editing import Bench, Editor
from istrc.evaluation.editing_faces import CUT, Edit, choose_faces, spread
from istrc.evaluation.judges import Judge
from istrc.evaluation.peers.dfi import dfi
from istrc.evaluation.peers.examples import Examples
from istrc.evaluation.peers.linear import boundary, code_vector
from istrc.evaluation.peers.paper_walk import paper_walk

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of where a peer's search begins


@dataclass(frozen=True)
class Planned:
    """A peer by name, and where the search for its strength 1 begins."""

    name: str
    make: Callable[..., Editor]  # of circle, examples, attributes
    measure: str  # what its own strengths are counted in
    start: float  # of that measure
    slow: bool = False  # measured on fewer faces


PEERS = {
    one.name: one
    for one in (
        Planned("paper_walk", paper_walk, "radians stepped", 0.4),
        Planned("code_vector", code_vector, "differences of means", 1.0),
        Planned("boundary", boundary, "lengths of z", 0.5),
        Planned("dfi", dfi, "differences of means", 1.0, slow=True),
    )
}


def choose_peers(names: Sequence[str]) -> tuple[Planned, ...]:
    """The peers of these names, each once; `all` is every one. Raises InputError for another."""
    if "all" in names:
        return tuple(PEERS.values())
    for name in names:
        if name not in PEERS:
            raise InputError(
                f"--peers {name}: no such peer; give all, or some of {', '.join(PEERS)}"
            )
    return tuple(PEERS[name] for name in dict.fromkeys(names))


@dataclass(frozen=True)
class Peer:
    """A peer whose strength 1 is `unit` of its own measure; an `Editor`."""

    plan: Planned
    unit: float
    goal: float  # our mean success at strength 1, on the same tune faces
    tried: Mapping[float, float]  # unit: the peer's mean success there
    edit: Editor = field(repr=False)

    def __call__(self, x: torch.Tensor, strengths: Mapping[str, float]) -> torch.Tensor:
        return self.edit(x, {name: value * self.unit for name, value in strengths.items()})

    @property
    def record(self) -> dict[str, Any]:
        """What a result says of it."""
        own = dict(measure=self.plan.measure, unit=self.unit, slow=self.plan.slow)
        return {**own, "goal": self.goal, "tried": dict(self.tried)}


def unit_for(tried: Mapping[float, float], goal: float) -> float:
    """The least unit of success `goal`, straight in its logarithm between those tried.

    The first tried that is enough has none before it; the most successful is taken where none is.
    """
    units = sorted(tried)
    for last, unit in zip([None, *units], units, strict=False):
        if tried[unit] >= goal:
            if last is None:
                return unit
            share = (goal - tried[last]) / (tried[unit] - tried[last])
            return math.exp((1 - share) * math.log(last) + share * math.log(unit))
    return max(units, key=tried.__getitem__)


def mean_success(bench: Bench, editor: Editor, edits: Sequence[Edit], strength: float) -> float:
    """The share of faces that the judge says have the target, averaged over the edits."""
    shares = []
    for edit in edits:
        after = bench.run(editor, edit, strength).after[:, bench.judge.column(edit.attribute)]
        shares.append(np.mean((after >= CUT) == (edit.sign > 0)))
    return float(np.mean(shares))


def prepare_peers(
    planned: Sequence[Planned],
    *,
    circle: Any,
    prepared: Prepared,
    judge: Judge,
    transformations: Sequence[str],
    faces: int = 10,  # of each edit, to calibrate on
    few: int = 4,  # of each, for slow peers
    examples: int = 20_000,  # faces to learn from, at most
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Peer]:
    """Let peers learn from `fit` and find their strength 1 on `tune`.

    Raises InputError where `tune` has no face to edit.
    """
    if not planned:
        return {}
    bench = Bench(prepared, judge, None, split="tune", batch_size=64)
    known = [name for name in transformations if name in circle.attribute_names]
    asked: dict[str, Any] = dict(transformations=known, split="tune", faces=faces, seed=seed)
    edits, left_out = choose_faces(prepared, bench.probability, judge, **asked)
    if not edits:
        raise InputError(f"{prepared.folder}: no tune face to calibrate peers on ({left_out})")
    # What can be reported has faces in some direction; a peer learns nothing else
    learnt = [name for name in known if name not in left_out]
    data = Examples(circle, prepared, faces=examples, seed=seed)
    ours = partial(circle.edit, mode="photo")
    peers = {}
    for plan in planned:
        say(f"{plan.name}: learning and calibrating ...")
        chosen = [e.on(spread(len(e.rows), few)) for e in edits] if plan.slow else edits
        edit = plan.make(circle, data, learnt)
        goal = mean_success(bench, ours, chosen, 1.0)
        units = [factor * plan.start for factor in FACTORS]
        tried = {unit: mean_success(bench, edit, chosen, unit) for unit in units}
        peers[plan.name] = Peer(plan, unit_for(tried, goal), goal, tried, edit)
    return peers
