"""The walk: from where a face is on the sphere to where it has an attribute (paper section 3.4).

The paper moves z by the gradient of

    loss(z, y) = -[y log C(z) + (1 - y) log(1 - C(z))]                                   (eq. 1)

by a constant length each iteration and normalises. The gradient of that loss is a multiple of the
logit's gradient g, so the paper's walk is the geodesic step

    z' = cos(d) z + sin(d) g / |g|,    g tangent to the sphere at z,    d constant.

Here the step is asked more: of all tangent vectors v that bring every edited logit to its target
to first order and leave every kept logit where it was, take the shortest,

    v = M J^T (J M J^T)^-1 (wanted - l(z)),

with J the gradients of the edited and kept logits. M = I is the paper's Euclidean metric (for one
attribute and nothing kept, v is parallel to g: the paper's walk). M = covariance of the training
embeddings measures length in units in which faces vary (`metric="data"`), so that the walk stays
where faces are. The last step is shortened to end at the target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from istrc import sphere
from istrc.arrays import indices, library, numbers, without_gradients

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.models.attributes import AttributeClassifiers, Gradient
    from istrc.models.learned import WithLearned

METRICS = ("data", "euclidean")
CERTAIN = math.log(0.95 / 0.05)  # the logit of probability 0.95


@dataclass(frozen=True)
class Walk:
    """The trajectory of one edit of a batch of faces.

    Attributes:
        points: (T+1, B, D), z_0 .. z_T; a face that has arrived stays where it is.
        angle: (B,) radians between z_0 and z_T.
        reached: (B,) bool, whether every edited attribute came to its target.
        before, after: (B, K) calibrated logits of the edited attributes at z_0 and z_T.
        target: (B, K) the logits the walk went for.
    """

    points: Array
    angle: Array
    reached: Array
    before: Array
    after: Array
    target: Array

    @property
    def end(self) -> Array:
        """z_T, (B, D)."""
        return self.points[-1]

    def of(self, rows: slice) -> Walk:
        """The walks of some of the faces."""
        parts = {name: getattr(self, name)[rows] for name in self.__dict__ if name != "points"}
        return Walk(points=self.points[:, rows], **parts)

    def frames(self, count: int) -> Array:
        """`count` points evenly spaced in angle from z_0 to z_T: (count, B, D)."""
        share = numbers(np.linspace(0, 1, count), self.end)[:, None]  # (count, 1)
        return self.at(library(share).broadcast_to(share, (count, len(self.end))))

    def at(self, share: Array) -> Array:
        """The points after these shares (K, B) of each face's way, from 0 to 1: (K, B, D)."""
        lib = library(self.points)
        if len(self.points) == 1:  # nothing had to be walked
            return lib.broadcast_to(self.points, (len(share), *self.points.shape[1:]))
        travelled = self._travelled()  # (T+1, B)
        wanted = share * travelled[-1]
        above = (travelled[:, None] < wanted).sum(0)  # (K, B), the first point not before
        above = above.clip(1, len(self.points) - 1)
        faces = lib.broadcast_to(indices(range(above.shape[1]), share), above.shape)
        low, high = travelled[above - 1, faces], travelled[above, faces]
        between = ((wanted - low) / (high - low).clip(min=1e-9)).clip(0, 1)
        return sphere.slerp(self.points[above - 1, faces], self.points[above, faces], between)

    def until(self, share: Array) -> Array:
        """The points of the same walk, ended after a share (B,) of each face's way: (T+1, B, D)."""
        travelled = self._travelled()
        beyond = travelled > share * travelled[-1]
        return library(share).where(beyond[:, :, None], self.at(share[None]), self.points)

    def _travelled(self) -> Array:
        steps = sphere.angle(self.points[1:], self.points[:-1])  # (T, B)
        none = numbers(np.zeros((1, steps.shape[1])), steps)
        return library(steps).concatenate([none, steps.cumsum(0)])  # radians, (T+1, B)


def targets(
    logits: Array,  # (B, K) calibrated, of the edited attributes at z_0
    strengths: Array,  # (K,) signed, or (B, K)
    certain: float | Array = CERTAIN,  # logit, or (K,), where a full transformation arrives
) -> Array:
    """Where a strength leads: the wanted logits (B, K).

    Strength +1 makes a face one that has the attribute with probability 0.95, strength -1 one
    that lacks it with probability 0.95: the same evidence for every attribute and every face,
    because the classifiers are calibrated. Other strengths go that share of the way, in logits. A
    face that is already past the middle goes as far as from undecided (0.5) to 0.95 all the same,
    so that every strength does something to every face and more strength does more.
    """
    sign = library(strengths).sign(strengths)
    full = certain + (-sign * logits).clip(min=0)  # (B, K) logits from here to certain
    return logits + strengths * full


@without_gradients
def walk(
    z: Array,  # (B, D), unit norm
    classifiers: AttributeClassifiers | WithLearned,
    wanted: Array,  # (B, K) target logits
    edited: list[int],  # K columns of the classifiers
    kept: Sequence[int] = (),  # columns whose logits are held
    *,
    metric: str = "data",
    step: float = 0.02,  # radians, the constant length of a step
    bound: float | Array = 1.0,  # radians, (B,) or of all: the farthest from z_0 it may go
    steps: int = 200,  # at most
    tolerance: float = 0.02,  # logits
) -> Walk:
    """Walk a batch of faces to their targets. Nothing random in it.

    Raises ValueError for an unknown metric.
    """
    columns = indices([*edited, *kept], z)
    return _walk(
        z, classifiers.at(columns), wanted, None, _covariance(classifiers, metric), step, bound,
        steps, tolerance,
    )  # fmt: skip


@without_gradients
def walk_each(
    z: Array,  # (B, D), unit norm
    classifiers: AttributeClassifiers | WithLearned,
    wanted: Sequence[Array],  # (B, K_e) target logits of each of E edits
    edits: Sequence[tuple[list[int], list[int]]],  # columns that each edits, and those it holds
    *,
    metric: str = "data",
    step: float = 0.02,
    bound: float = 1.0,
    steps: int = 200,
    tolerance: float = 0.02,
) -> list[Walk]:
    """Walk the same faces to the targets of several edits, all in one batch of tensors.

    Each edit's walk is the one that `walk` makes of it alone. Edits that arrive early wait.
    """
    columns = sorted({column for edited, kept in edits for column in (*edited, *kept)})
    count = max(len(edited) for edited, _ in edits)
    width = count + max(len(kept) for _, kept in edits)
    # Where each edit's columns are among all, edited first: (E, C); those that it lacks are 0
    torch = library(z)
    place = torch.zeros(len(edits), width, dtype=torch.long)
    real = torch.zeros(len(edits), width, dtype=torch.bool)
    goal = z.new_zeros(len(edits), len(z), count)
    for number, (edited, kept) in enumerate(edits):
        for start, some in ((0, edited), (count, kept)):
            place[number, start : start + len(some)] = torch.tensor(
                [columns.index(c) for c in some]
            )
            real[number, start : start + len(some)] = True
        goal[number, :, : len(edited)] = wanted[number]
    place, real = (part.to(z.device).repeat_interleave(len(z), 0) for part in (place, real))
    look = classifiers.at(torch.tensor(columns, device=z.device))

    def own(z: Array) -> tuple[Array, Array]:
        logits, gradients = look(z)  # of every edit's columns
        taken = gradients.gather(1, place[:, :, None].expand(-1, -1, z.shape[1]))
        return logits.gather(1, place) * real, taken * real[:, :, None]  # (E B, C), (E B, C, D)

    together = _walk(
        z.repeat(len(edits), 1), own, goal.flatten(0, 1), real.sum(1),
        _covariance(classifiers, metric), step, bound, steps, tolerance,
    )  # fmt: skip
    walks = []
    for number, (edited, _) in enumerate(edits):
        walk, asked = together.of(slice(number * len(z), (number + 1) * len(z))), len(edited)
        logits = {name: getattr(walk, name)[:, :asked] for name in ("before", "after", "target")}
        walks.append(replace(walk, **logits))
    return walks


def _covariance(classifiers: AttributeClassifiers | WithLearned, metric: str) -> Array | None:
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {METRICS}, not {metric!r}")
    return classifiers.covariance if metric == "data" else None


def _walk(
    z: Array,  # (B, D)
    look: Gradient,  # z -> logits (B, C) and gradients (B, C, D), the edited ones first
    wanted: Array,  # (B, K)
    counts: Array | None,  # (B,) how many of the C each row has; None is all
    covariance: Array | None,  # the metric
    step: float,
    bound: float | Array,
    steps: int,
    tolerance: float,
) -> Walk:
    count = wanted.shape[1]
    start, points = z, [z]
    lib, halted = library(z), z[:, 0] > math.inf  # (B,) bool: none
    goal: Any = None
    before: Any = None
    for _ in range(steps + 1):
        logits, gradients = look(z)  # (B, C), (B, C, D)
        if before is None:
            before = logits[:, :count]
            goal = lib.concatenate([wanted, logits[:, count:]], 1)
        gap = goal - logits  # (B, C)
        reached = (abs(gap[:, :count]) <= tolerance).all(1)
        active = ~(reached | halted)
        if len(points) > steps or not active.any():
            break
        direction = shortest(z, gradients, gap, covariance, counts)  # tangent at z
        length = lib.linalg.norm(direction, axis=1)  # (B,), first order: radians
        # The last steps before the bound are shortened to end on it
        room = (bound - sphere.angle(start, z)).clip(min=0)
        d = lib.minimum(length.clip(max=step), room)[:, None]
        # geodesic step: z' = cos(d) z + sin(d) g
        moved = lib.cos(d) * z + lib.sin(d) * (direction / length.clip(min=1e-30)[:, None])
        # Rounding must not add up
        moved = moved / lib.linalg.norm(moved, axis=1, keepdims=True)
        z = lib.where(active[:, None], moved, z)
        halted = halted | (active & (room <= 1e-4))
        points.append(z)
    return Walk(
        points=lib.stack(points),
        angle=sphere.angle(start, z),
        reached=reached,
        before=before,
        after=logits[:, :count],
        target=wanted,
    )


def shortest(
    z: Array,  # (B, D)
    gradients: Array,  # (B, C, D), J
    gap: Array,  # (B, C), what each logit still has to change
    covariance: Array | None,  # (D, D), M; None is the identity
    counts: Array | None = None,  # (B,) gradients of a row that are not 0; None is all C
) -> Array:
    """The shortest tangent vector in the metric that closes the gap to first order: (B, D).

    Gradients that nearly coincide (two names for one thing) are regularised, not inverted.
    """

    def project(v: Array) -> Array:  # onto the tangent space at z
        return v - (v @ z[:, :, None]) * z[:, None, :]

    across = project(gradients)  # J, (B, C, D)
    spread = across if covariance is None else project(across @ covariance)  # J M
    lib = library(z)
    gram = spread @ lib.swapaxes(across, 1, 2)  # J M J^T, (B, C, C)
    own = lib.diagonal(gram, 0, 1, 2)
    scale = own.mean(1) if counts is None else own.sum(1) / counts
    diagonal = gram.reshape(len(gram), -1)[:, :: gram.shape[-1] + 1]  # a view
    diagonal += scale[:, None] * 1e-3 + 1e-12
    weights = lib.linalg.solve(gram, gap[:, :, None])
    return (weights * spread).sum(1)
