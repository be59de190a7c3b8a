"""The mapping F: Z -> Z_2, from the sphere to BEGAN's code (paper sections 3.3 and 5.2)."""

from __future__ import annotations

import torch
from torch import nn

from istrc.models.part_files import arguments


class Mapping(nn.Module):
    """Five fully connected layers with BatchNorm and tanh; the last one is linear.

    Codes are standardised inside, so that the loss weighs every dimension of h alike; what goes
    in and comes out is in the units of the sphere and of BEGAN.

    Args:
        dim: D, of z.
        code: H, of h.
        width: of the hidden layers.
        layers: fully connected layers in all.
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, dim: int = 128, code: int = 512, width: int = 512, layers: int = 5):
        super().__init__()
        self.config = arguments(locals())
        body: list[nn.Module] = []
        for layer in range(layers - 1):
            inputs = dim if layer == 0 else width
            body.append(nn.Linear(inputs, width, bias=False))
            body += [nn.BatchNorm1d(width), nn.Tanh()]
        self.body = nn.Sequential(*body, nn.Linear(width if layers > 1 else dim, code))
        self.register_buffer("mean", torch.zeros(code))
        self.register_buffer("spread", torch.ones(code))
        self.dim, self.code = dim, code

    def standardised(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, D) -> (h - mean) / spread (B, H)."""
        return self.body(z * self.dim**0.5)  # unit variance in each coordinate

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, D) of unit norm -> codes h (B, H)."""
        return self.mean + self.spread * self.standardised(z)
