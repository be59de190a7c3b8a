"""An attribute's vector in the space of BEGAN's code: what the circle leaves the sphere for.

    v = mean E(x) of faces with the attribute - mean E(x) of faces without,    h' = E(x) + s v

The vector arithmetic of Larsen et al. 2016 (auto-encoding beyond pixels), section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from istrc.evaluation.peers.examples import Examples
from istrc.evaluation.peers.put_back import put_code_back


def code_vector(circle: Any, examples: Examples, attributes: Sequence[str]):
    """The peer. Strengths are multiples of v; several attributes add up."""
    vectors = {}
    for name in attributes:
        having, lacking = examples.sides(name)
        vectors[name] = (examples.h[having].mean(0) - examples.h[lacking].mean(0)).to(circle.device)

    def edit(x: torch.Tensor, strengths: Mapping[str, float]) -> torch.Tensor:
        h = circle.encode(x)
        change = sum(strength * vectors[name] for name, strength in strengths.items())
        return put_code_back(circle, x, h, change)

    return edit
