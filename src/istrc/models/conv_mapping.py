"""The mapping that the paper tried first (section 5.2): convolutions, not full connections."""

from __future__ import annotations

import torch
from torch import nn

from istrc.models.mapping import ACTIVATIONS


class ConvMapping(nn.Module):
    """Convolutions along the coordinates of z, then one linear layer to the code.

    The paper does not say how its convolutions looked. These have the depth, the normalisation
    and the activation of `Mapping`, and with 16 channels as many weights as its default.

    Args:
        dim: D, of z.
        code: H, of h.
        channels: of every convolution.
        layers: convolutions and the linear layer, in all.
        kernel: of a convolution, coordinates of z; odd.
    """

    def __init__(
        self,
        dim: int = 128,
        code: int = 512,
        channels: int = 16,
        layers: int = 5,
        activation: str = "tanh",
        norm: bool = True,
        kernel: int = 5,
    ):
        super().__init__()
        self.config = dict(
            dim=dim,
            code=code,
            channels=channels,
            layers=layers,
            activation=activation,
            norm=norm,
            kernel=kernel,
        )
        levels: list[nn.Module] = []
        for layer in range(layers - 1):
            inputs = 1 if layer == 0 else channels
            levels.append(nn.Conv1d(inputs, channels, kernel, padding=kernel // 2, bias=not norm))
            levels += [nn.BatchNorm1d(channels)] if norm else []
            levels.append(ACTIVATIONS[activation]())
        self.levels = nn.Sequential(*levels)
        self.project = nn.Linear(dim * (channels if layers > 1 else 1), code)
        self.register_buffer("mean", torch.zeros(code))
        self.register_buffer("spread", torch.ones(code))
        self.dim, self.code = dim, code

    def standardised(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, D) -> (h - mean) / spread (B, H)."""
        y = self.levels((z * self.dim**0.5)[:, None])  # (B, C, D)
        return self.project(y.flatten(1))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, D) of unit norm -> codes h (B, H)."""
        return self.mean + self.spread * self.standardised(z)
