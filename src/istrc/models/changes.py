"""What an edit changes in the code of a face: the mapping's difference, fitted to that face."""

from __future__ import annotations

import torch
from torch import nn

from istrc.models.mapping import Mapping


class Changes(nn.Module):
    """Code h of a face and a walk from z to z' -> the change of its code.

        change = F(z') - F(z) + R(h, z, z' - z) - R(h, z, 0)

    F's difference knows the face by its embedding alone. How the head is turned, where the mouth
    is and from where the light comes is in h, and R, a small network, fits the change to it. R is
    zero before it is trained, and where nothing was walked nothing changes, whatever R is.

    Args:
        mapping: the configuration of F, which is a copy of the circle's own.
        width: of R's two hidden layers; 0 leaves R out.
    """

    def __init__(self, mapping: dict, width: int = 512):
        super().__init__()
        self.mapping = Mapping(**mapping)
        self.config = dict(mapping=self.mapping.config, width=width)
        self.dim, self.code = self.mapping.dim, self.mapping.code
        self.fit = None
        if width:
            last = nn.Linear(width, self.code, bias=False)
            nn.init.zeros_(last.weight)
            self.fit = nn.Sequential(
                nn.Linear(self.code + 2 * self.dim, width),
                nn.SiLU(),
                nn.Linear(width, width),
                nn.SiLU(),
                last,
            )

    @classmethod
    def of(cls, mapping: Mapping, width: int = 512) -> Changes:
        """Changes that begin as the difference of a copy of `mapping`."""
        changes = cls(mapping.config, width)
        changes.mapping.load_state_dict(mapping.state_dict())
        return changes.eval()

    def forward(self, h: torch.Tensor, z: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
        """h (B, H), z and z' (B, D) of unit norm -> change of the code (B, H)."""
        change = self.mapping(z2) - self.mapping(z)
        if self.fit is None:
            return change
        own = (h - self.mapping.mean) / self.mapping.spread
        unit = self.dim**0.5  # unit variance in each coordinate
        walked = torch.cat([own, z * unit, (z2 - z) * unit], 1)
        stayed = torch.cat([own, z * unit, torch.zeros_like(z)], 1)
        return change + self.mapping.spread * (self.fit(walked) - self.fit(stayed))
