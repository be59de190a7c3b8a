"""What an edit changes in the code of a face, learned from pairs of real pictures."""

from __future__ import annotations

import torch
from torch import nn

from istrc.models.part_files import arguments


class Changes(nn.Module):
    """Code c of a face and a walk from z to z' -> the change of its code.

        change = R(c, z, z' - z) - R(c, z, 0)

    A code is BEGAN's code of the texture and the shape, side by side. R is a network that has seen
    pairs of real pictures (istrc.training.changes); where nothing was walked nothing changes,
    whatever R is. How the head is turned and from where the light comes is in c and not in z, and
    so a turned head gets a turned smile.

    Args:
        dim: D, of z.
        code: C, of c.
        width: of the hidden layers.
        layers: hidden layers.
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, dim: int = 128, code: int = 1032, width: int = 768, layers: int = 2):
        super().__init__()
        self.config = arguments(locals())
        self.dim, self.code = dim, code
        body: list[nn.Module] = []
        for layer in range(layers):
            body += [nn.Linear(code + 2 * dim if layer == 0 else width, width), nn.SiLU()]
        last = nn.Linear(width, code, bias=False)
        nn.init.zeros_(last.weight)
        self.fit = nn.Sequential(*body, last)
        self.register_buffer("mean", torch.zeros(code))
        self.register_buffer("spread", torch.ones(code))

    def standardised(self, c: torch.Tensor, z: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
        """The change over the codes' spread, (B, C)."""
        own, unit = (c - self.mean) / self.spread, self.dim**0.5  # unit variance in each coordinate
        walked = torch.cat([own, z * unit, (z2 - z) * unit], 1)
        stayed = torch.cat([own, z * unit, torch.zeros_like(z)], 1)
        return self.fit(walked) - self.fit(stayed)

    def forward(self, c: torch.Tensor, z: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
        """c (B, C), z and z' (B, D) of unit norm -> change of the code (B, C)."""
        return self.spread * self.standardised(c, z, z2)
