"""The search for a face's shape in its texture: what an active appearance model does.

Points that are a little off leave their mark in the texture: lips that are thought shut have teeth
between them. How far each point is off is read from the texture's code, linearly, and the face is
warped anew (Cootes, Edwards, Taylor: Active Appearance Models, 1998/2001).
"""

from __future__ import annotations

import torch
from torch import nn

from istrc.models.part_files import arguments


class Search(nn.Module):
    """Steps from found points to better ones: each a linear function of the code c = (h, s).

    Args:
        code: C, of c.
        points: numbers of a shape, twice its points.
        steps: how often points are corrected.
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, code: int, points: int = 136, steps: int = 2):
        super().__init__()
        self.config = arguments(locals())
        self.code, self.steps = code, steps
        self.members = nn.ModuleList(nn.Linear(code, points) for _ in range(steps))
        self.register_buffer("mean", torch.zeros(code))
        self.register_buffer("spread", torch.ones(code))

    def forward(self, c: torch.Tensor) -> torch.Tensor:
        """Codes c (B, C) -> how far every step's points are off, (steps, B, points)."""
        own = (c - self.mean) / self.spread
        return torch.stack([member(own) for member in self.members])
