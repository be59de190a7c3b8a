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

import torch

from istrc import sphere
from istrc.models.attributes import AttributeClassifiers, Gradient

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

    points: torch.Tensor
    angle: torch.Tensor
    reached: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    target: torch.Tensor

    @property
    def end(self) -> torch.Tensor:
        """z_T, (B, D)."""
        return self.points[-1]

    def of(self, rows: slice) -> Walk:
        """The walks of some of the faces."""
        parts = {name: getattr(self, name)[rows] for name in self.__dict__ if name != "points"}
        return Walk(points=self.points[:, rows], **parts)

    def frames(self, count: int) -> torch.Tensor:
        """`count` points evenly spaced in angle from z_0 to z_T: (count, B, D)."""
        share = torch.linspace(0, 1, count, device=self.end.device)
        return self.at(share[:, None].expand(-1, len(self.end)))

    def at(self, share: torch.Tensor) -> torch.Tensor:
        """The points after these shares (K, B) of each face's way, from 0 to 1: (K, B, D)."""
        if len(self.points) == 1:  # nothing had to be walked
            return self.points.expand(len(share), -1, -1)
        travelled = self._travelled()  # (T+1, B)
        wanted = share * travelled[-1]
        above = torch.searchsorted(travelled.T.contiguous(), wanted.T.contiguous()).T
        above = above.clamp(1, len(self.points) - 1)  # (K, B)
        low, high = travelled.gather(0, above - 1), travelled.gather(0, above)
        between = ((wanted - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
        faces = torch.arange(self.points.shape[1], device=share.device).expand_as(above)
        return sphere.slerp(self.points[above - 1, faces], self.points[above, faces], between)

    def until(self, share: torch.Tensor) -> torch.Tensor:
        """The points of the same walk, ended after a share (B,) of each face's way: (T+1, B, D)."""
        travelled = self._travelled()
        beyond = travelled > share * travelled[-1]
        return torch.where(beyond[:, :, None], self.at(share[None]), self.points)

    def _travelled(self) -> torch.Tensor:
        steps = sphere.angle(self.points[1:], self.points[:-1])  # (T, B)
        return torch.cat([torch.zeros_like(steps[:1]), steps.cumsum(0)])  # radians, (T+1, B)


def targets(
    logits: torch.Tensor,  # (B, K) calibrated, of the edited attributes at z_0
    strengths: torch.Tensor,  # (K,) signed, or (B, K)
    certain: float | torch.Tensor = CERTAIN,  # logit, or (K,), where a full transformation arrives
) -> torch.Tensor:
    """Where a strength leads: the wanted logits (B, K).

    Strength +1 makes a face one that has the attribute with probability 0.95, strength -1 one
    that lacks it with probability 0.95: the same evidence for every attribute and every face,
    because the classifiers are calibrated. Other strengths go that share of the way, in logits. A
    face that is already past the middle goes as far as from undecided (0.5) to 0.95 all the same,
    so that every strength does something to every face and more strength does more.
    """
    sign = strengths.sign()
    full = certain + (-sign * logits).clamp(min=0)  # (B, K) logits from here to certain
    return logits + strengths * full


@torch.no_grad()
def walk(
    z: torch.Tensor,  # (B, D), unit norm
    classifiers: AttributeClassifiers,
    wanted: torch.Tensor,  # (B, K) target logits
    edited: list[int],  # K columns of the classifiers
    kept: list[int] = (),  # columns whose logits are held
    *,
    metric: str = "data",
    step: float = 0.02,  # radians, the constant length of a step
    bound: float | torch.Tensor = 1.0,  # radians, (B,) or of all: the farthest from z_0 it may go
    steps: int = 200,  # at most
    tolerance: float = 0.02,  # logits
) -> Walk:
    """Walk a batch of faces to their targets. Nothing random in it.

    Raises ValueError for an unknown metric.
    """
    columns = torch.tensor([*edited, *kept], device=z.device, dtype=torch.long)
    return _walk(
        z, classifiers.at(columns), wanted, None, _covariance(classifiers, metric), step, bound,
        steps, tolerance,
    )  # fmt: skip


@torch.no_grad()
def walk_each(
    z: torch.Tensor,  # (B, D), unit norm
    classifiers: AttributeClassifiers,
    wanted: Sequence[torch.Tensor],  # (B, K_e) target logits of each of E edits
    edits: Sequence[tuple[list[int], list[int]]],  # columns that each edits, and those it holds
    *,
    metric: str = "data",
    step: float = 0.02,
    bound: float = 1.0,
    steps: int = 200,
    tolerance: float = 0.02,
) -> list[Walk]:
    """Walk the same faces to the targets of several edits, all in one batch; see `walk`.

    Each edit's walk is the one that `walk` makes of it alone. Edits that arrive early wait.
    """
    columns = sorted({column for edited, kept in edits for column in (*edited, *kept)})
    count = max(len(edited) for edited, _ in edits)
    width = count + max(len(kept) for _, kept in edits)
    # Where each edit's columns are among all, edited first: (E, C); those that it lacks are 0
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

    def own(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, gradients = look(z)  # of every edit's columns
        taken = gradients.gather(1, place[:, :, None].expand(-1, -1, z.shape[1]))
        return logits.gather(1, place) * real, taken * real[:, :, None]  # (E B, C), (E B, C, D)

    together = _walk(
        z.repeat(len(edits), 1), own, goal.flatten(0, 1), real.sum(1),
        _covariance(classifiers, metric), step, bound, steps, tolerance,
    )  # fmt: skip
    walks = []
    for number, (edited, _) in enumerate(edits):
        own, asked = together.of(slice(number * len(z), (number + 1) * len(z))), len(edited)
        logits = {name: getattr(own, name)[:, :asked] for name in ("before", "after", "target")}
        walks.append(replace(own, **logits))
    return walks


def _covariance(classifiers: AttributeClassifiers, metric: str) -> torch.Tensor | None:
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {METRICS}, not {metric!r}")
    return classifiers.covariance if metric == "data" else None


def _walk(
    z: torch.Tensor,  # (B, D)
    look: Gradient,  # z -> logits (B, C) and gradients (B, C, D), the edited ones first
    wanted: torch.Tensor,  # (B, K)
    counts: torch.Tensor | None,  # (B,) how many of the C each row has; None is all
    covariance: torch.Tensor | None,  # the metric
    step: float,
    bound: float | torch.Tensor,
    steps: int,
    tolerance: float,
) -> Walk:
    count = wanted.shape[1]
    start, points = z, [z]
    reached = torch.zeros(len(z), dtype=torch.bool, device=z.device)
    halted = reached.clone()
    goal = before = None
    for _ in range(steps + 1):
        logits, gradients = look(z)  # (B, C), (B, C, D)
        if before is None:
            before = logits[:, :count]
            goal = torch.cat([wanted, logits[:, count:]], 1)
        gap = goal - logits  # (B, C)
        reached = (gap[:, :count].abs() <= tolerance).all(1)
        active = ~(reached | halted)
        if len(points) > steps or not active.any():
            break
        direction = shortest(z, gradients, gap, covariance, counts)  # tangent at z
        length = direction.norm(dim=1)  # (B,), first order: radians
        # The last steps before the bound are shortened to end on it
        room = (bound - sphere.angle(start, z)).clamp(min=0)
        d = torch.minimum(length.clamp(max=step), room)[:, None]
        # geodesic step: z' = cos(d) z + sin(d) g
        moved = d.cos() * z + d.sin() * (direction / length.clamp(min=1e-30)[:, None])
        moved = moved / moved.norm(dim=1, keepdim=True)  # rounding must not add up
        z = torch.where(active[:, None], moved, z)
        halted = halted | (active & (room <= 1e-4))
        points.append(z)
    return Walk(
        points=torch.stack(points),
        angle=sphere.angle(start, z),
        reached=reached,
        before=before,
        after=logits[:, :count],
        target=wanted,
    )


def shortest(
    z: torch.Tensor,  # (B, D)
    gradients: torch.Tensor,  # (B, C, D), J
    gap: torch.Tensor,  # (B, C), what each logit still has to change
    covariance: torch.Tensor | None,  # (D, D), M; None is the identity
    counts: torch.Tensor | None = None,  # (B,) gradients of a row that are not 0; None is all C
) -> torch.Tensor:
    """The shortest tangent vector in the metric that closes the gap to first order: (B, D).

    Gradients that nearly coincide (two names for one thing) are regularised, not inverted.
    """

    def project(v: torch.Tensor) -> torch.Tensor:  # onto the tangent space at z
        return v - (v @ z[:, :, None]) * z[:, None, :]

    across = project(gradients)  # J, (B, C, D)
    spread = across if covariance is None else project(across @ covariance)  # J M
    gram = spread @ across.transpose(1, 2)  # J M J^T, (B, C, C)
    own = gram.diagonal(dim1=1, dim2=2)
    scale = own.mean(1) if counts is None else own.sum(1) / counts
    gram.diagonal(dim1=1, dim2=2).add_(scale[:, None] * 1e-3 + 1e-12)
    weights = torch.linalg.solve(gram, gap[:, :, None])
    return (weights * spread).sum(1)
