"""Attribute classifiers on the sphere: one small network each, all in one batched product.

Paper section 5.3: four to seven fully connected layers for each feature.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

# Embeddings z (B, D) -> logits (B, A) and their gradients in z (B, A, D)
Gradient = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


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

    slope: torch.Tensor
    shift: torch.Tensor
    covariance: torch.Tensor

    def __init__(self, names: tuple[str, ...], dim: int = 128, width: int = 64, layers: int = 4):
        super().__init__()
        self.names = tuple(names)
        self.config = dict(names=list(names), dim=dim, width=width, layers=layers)
        self.dim = dim
        sizes = [dim] + [width] * (layers - 1) + [1]
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for inputs, outputs in pairwise(sizes):
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
        select = self._select(columns)
        x = (z * self.dim**0.5).unsqueeze(0)  # (1, B, D), unit variance in each coordinate
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = F.silu(x @ select(weight) + select(bias))  # (A, B, width)
        return (x @ select(self.weights[-1]) + select(self.biases[-1]))[:, :, 0].T

    def forward(self, z: torch.Tensor, columns: torch.Tensor | None = None) -> torch.Tensor:
        """z (B, D) -> calibrated logits (B, A), or (B, len(columns))."""
        select = self._select(columns)
        return self.raw(z, columns) * select(self.slope) + select(self.shift)

    @torch.no_grad()
    def at(self, columns: torch.Tensor | None = None) -> Gradient:
        """z (B, D) -> calibrated logits (B, A) and their gradients in z (B, A, D), for many steps.

        Written out by hand (one batched product a layer, no autograd), because the walk calls it
        at every step and an exported walk has no autograd. The attributes' weights are taken out
        of all once.
        """
        select = self._select(columns)
        weights = [select(weight) for weight in self.weights]
        backwards = [weight.transpose(1, 2) for weight in reversed(weights)]
        biases = [select(bias) for bias in self.biases]
        slope, shift = select(self.slope), select(self.shift)
        unit = self.dim**0.5  # unit variance in each coordinate
        slopes = slope[:, None, None] * unit

        @torch.no_grad()
        def gradient(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x, slants = (z * unit).expand(slope.shape[0], -1, -1), []  # (A, B, D)
            for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
                x = torch.baddbmm(bias, x, weight)  # (A, B, width)
                gate = torch.sigmoid(x)
                x = x * gate  # silu(x), and its derivative silu(x) + gate (1 - silu(x))
                slants.append(torch.addcmul(x, gate, 1 - x))
            logits = torch.baddbmm(biases[-1], x, weights[-1])[:, :, 0].T  # (B, A)
            back = backwards[0].expand(-1, z.shape[0], -1)  # (A, B, width)
            for weight, slant in zip(backwards[1:], reversed(slants), strict=True):
                back = (back * slant) @ weight  # (A, B, inputs)
            return logits * slope + shift, (back * slopes).transpose(0, 1)

        return gradient

    def gradients(
        self, z: torch.Tensor, columns: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What `at` says of these attributes at z, in one call, as the exported graph does."""
        return self.at(columns)(z)

    def _select(self, columns: Any) -> Callable[[torch.Tensor], torch.Tensor]:
        return (lambda part: part) if columns is None else (lambda part: part[columns])
