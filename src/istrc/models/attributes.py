"""Attribute classifiers on the sphere: one small network each, all in one batched product.

Paper section 5.3: four to seven fully connected layers for each feature.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class AttributeClassifiers(nn.Module):
    """A classifiers C_a(z) side by side, with what the walk needs to know about each.

    Args:
        names: of the attributes, A of them.
        dim: D, of z.
        width: of the hidden layers.
        layers: fully connected layers of each classifier, 4 to 7 in the paper.

    Buffers, filled by training:
        slope, shift (A,): Platt's calibration, measured on people not trained on.
        covariance (D, D): of the training embeddings, the metric of `metric="data"`.
    """

    def __init__(self, names: tuple[str, ...], dim: int = 128, width: int = 64, layers: int = 4):
        super().__init__()
        self.names = tuple(names)
        self.config = dict(names=list(names), dim=dim, width=width, layers=layers)
        self.dim = dim
        sizes = [dim] + [width] * (layers - 1) + [1]
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            weight = torch.empty(len(names), inputs, outputs)
            reach = math.sqrt(3 * 1.6 / inputs)  # of a uniform draw of variance 1.6 / inputs
            self.weights.append(nn.Parameter(weight.uniform_(-reach, reach)))
            self.biases.append(nn.Parameter(torch.zeros(len(names), 1, outputs)))
        count = len(names)
        self.register_buffer("slope", torch.ones(count))
        self.register_buffer("shift", torch.zeros(count))
        # NumPy's eye, and a uniform draw above: on the meta device, where weights are loaded,
        # torch's eye and normal draw would import torch's compiler, which takes seconds
        self.register_buffer("covariance", torch.from_numpy(np.eye(dim, dtype=np.float32) / dim))

    def raw(self, z: torch.Tensor, columns: torch.Tensor | None = None) -> torch.Tensor:
        """Logits before calibration (B, A), or of the attributes `columns` alone."""
        return self._forward(z, columns)[0]

    def forward(self, z: torch.Tensor, columns: torch.Tensor | None = None) -> torch.Tensor:
        """z (B, D) -> calibrated logits (B, A), or (B, len(columns))."""
        slope, shift = self._calibration(columns)
        return self.raw(z, columns) * slope + shift

    @torch.no_grad()
    def gradient(
        self, z: torch.Tensor, columns: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Calibrated logits (B, A) and their gradients in z (B, A, D).

        Written out by hand (one batched product a layer, no autograd), because the walk calls it
        at every step and an exported walk has no autograd.
        """
        logits, before = self._forward(z, columns)
        select = self._select(columns)
        back = select(self.weights[-1]).transpose(1, 2)  # (A, 1, width)
        for weight, x in zip(reversed(self.weights[:-1]), reversed(before), strict=True):
            gate = torch.sigmoid(x)
            back = back * (gate * (1 + x * (1 - gate)))  # silu'(x), (A, B, width)
            back = back @ select(weight).transpose(1, 2)  # (A, B, inputs)
        slope, shift = self._calibration(columns)
        slopes = slope[:, None, None] * self.dim**0.5
        return logits * slope + shift, (back.expand(-1, len(z), -1) * slopes).transpose(0, 1)

    def _forward(self, z, columns) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Logits (B, A) and what went into each activation [(A, B, width)]."""
        select = self._select(columns)
        x = (z * self.dim**0.5).unsqueeze(0)  # (1, B, D), unit variance in each coordinate
        before = []
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            before.append(x @ select(weight) + select(bias))  # (A, B, width)
            x = F.silu(before[-1])
        return (x @ select(self.weights[-1]) + select(self.biases[-1]))[:, :, 0].T, before

    def _select(self, columns):
        return (lambda part: part) if columns is None else (lambda part: part[columns])

    def _calibration(self, columns) -> tuple[torch.Tensor, torch.Tensor]:
        if columns is None:
            return self.slope, self.shift
        return self.slope[columns], self.shift[columns]

    def index(self, name: str) -> int:
        """The column of an attribute; KeyError when there is none of this name."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(name) from None
