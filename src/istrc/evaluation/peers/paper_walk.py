"""The paper's walk as it is written (section 3.4), and its own rebuilding, decode(F(z)).

    loss(z, y) = -[y log C(z) + (1 - y) log(1 - C(z))]                                   (eq. 1)

Each iteration moves z by a constant distance down the gradient and puts it back to unit length.
Nothing is kept, no metric shapes the gradient, and no target ends the walk: it ends after so many
steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from istrc import sphere
from istrc.evaluation.editing import Editor
from istrc.models.attributes import AttributeClassifiers

STEP = 0.02  # at most; a step's length in the space around the sphere, and so nearly radians


def walk(
    z: torch.Tensor,  # (B, D), unit norm
    classifiers: AttributeClassifiers,
    column: int,  # of the attribute
    length: float,  # all steps together; negative walks towards y = 0
) -> torch.Tensor:
    """Where z is after steps of constant length down the gradient of eq. 1: (B, D)."""
    steps = math.ceil(abs(length) / STEP)
    gradient = classifiers.at(torch.tensor([column], device=z.device))
    for _ in range(steps):
        # -d loss/dz = (y - C(z)) dl/dz, l the logit: along dl/dz for y = 1, against it for y = 0
        uphill = gradient(z)[1][:, 0]  # (B, D)
        z = sphere.normalize(z + length / steps * sphere.normalize(uphill))
    return z


def paper_walk(circle: Any, examples: Any = None, attributes: Sequence[str] = ()) -> Editor:
    """The peer. It learns nothing more: its classifiers are the circle's own. Strengths: radians.

    Several attributes are walked one after the other.
    """

    @torch.inference_mode()
    def edit(x: torch.Tensor, strengths: Mapping[str, float]) -> torch.Tensor:
        z = circle.embed(x)
        for name, length in strengths.items():
            z = walk(z, circle.attributes, circle.attributes.names.index(name), length)
        return circle.decode(z)

    return edit
