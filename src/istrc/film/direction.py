"""One edit for a whole film: walked once, then carried to every frame.

A walk of each frame by itself would go another way in each, and the face would flicker. So one
face stands for all, the one nearest to their mean, and only it is walked, to z'. What leads there,
v = log_z(z'), is carried along the sphere to the embedding of every frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.circle import Circle
from istrc.edit import walk as walking
from istrc.edit.render import Rendering

KEPT = 0.9  # share of the frames, the nearest to the mean, that make the mean


@dataclass(frozen=True)
class Direction:
    """What a clip's edit does to embeddings."""

    base: torch.Tensor  # (1, D) the embedding of the face that was walked
    move: torch.Tensor  # (1, D) the tangent vector at `base` that leads to where its walk ended
    walk: walking.Walk  # that walk
    further: float = 1.0  # times the change of its code that its walk asks for, its edit went
    # (1, C) what its edit changed in its code besides, such as the rest of a shape
    rest: torch.Tensor | None = None
    # The strengths of the attributes that were edited
    edits: Mapping[str, float] = field(default_factory=dict)
    # (1, BANDS, S, S) how much stronger they made its detail (`Rendering.emphasis`)
    detail: np.ndarray | None = None

    @property
    def angle(self) -> float:
        """Radians that every frame is moved."""
        return float(self.walk.angle[0])

    def of(self, z: torch.Tensor) -> torch.Tensor:
        """Embeddings (B, D) of a clip's frames -> of the same frames edited (B, D)."""
        if not bool(self.move.any()):  # to the bit: nothing was asked
            return z
        base = self.base.expand_as(z)
        return sphere.exp(z, sphere.transport(base, z, self.move.expand_as(z)))


def middle(z: torch.Tensor) -> torch.Tensor:
    """The mean (D,) of the embeddings (N, D) of one person, without the tenth that is off."""
    z = z.double()
    distances = sphere.angle(z, sphere.normalize(z.sum(0)))  # a mean that there is of any faces
    return sphere.normalize(z[distances <= distances.quantile(KEPT)].sum(0)).float()


def find_direction(
    circle: Circle,
    x: torch.Tensor,
    z: torch.Tensor,
    mean: torch.Tensor,
    strengths: Mapping[str, float],
    *,
    mode: str = "photo",
    **how: Any,
) -> Direction:
    """Walk the face that stands for a clip.

    Args:
        x, z: (K, 3, S, S) and (K, D), faces of the clip to choose from.
        mean: (D,) the clip's mean embedding.
        strengths, mode, how: as in `Circle.stopped_walk`.
    """
    nearest = int(sphere.angle(z, mean.to(z)).argmin())
    one = slice(nearest, nearest + 1)
    drawing = None if mode == "circle" else Rendering.of(circle, x[one])
    stopped = circle.stopped_walk(x[one], z[one], strengths, mode=mode, drawing=drawing, **how)
    path, further, rest, detail = stopped.walk, 1.0, None, None
    if drawing is not None:
        detail = drawing.emphasis(strengths)
        own = circle.map_change(drawing.c, z[one], path.end)
        further = float((own * stopped.change).sum() / own.square().sum().clamp(min=1e-12))
        rest = stopped.change - further * own
    move = sphere.log(z[one], path.end)
    return Direction(z[one], move, path, further, rest, dict(strengths), detail)
