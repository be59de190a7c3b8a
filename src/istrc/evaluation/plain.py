"""A plain reading of the paper: one face, one attribute, one step, one picture at a time.

What a reader of the paper would write first, with the same trained networks and the same results,
so that our own way of computing can be timed beside it (`istrc bench`). Section 3.4: the gradient
of eq. 1 by autograd, a step of constant length, z normalised each iteration, the changing vectors
collected; section 5.4: and rebuilt.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from istrc.models.attributes import AttributeClassifiers


class Classifier(nn.Module):
    """One attribute's classifier C(z), taken out of those that are computed side by side."""

    def __init__(self, classifiers: AttributeClassifiers, name: str):
        super().__init__()
        column = classifiers.names.index(name)
        self.layers = nn.ModuleList()
        for weight, bias in zip(classifiers.weights, classifiers.biases, strict=True):
            layer = nn.Linear(weight.shape[1], weight.shape[2])
            layer.weight = nn.Parameter(weight[column].detach().T.clone())
            layer.bias = nn.Parameter(bias[column, 0].detach().clone())
            self.layers.append(layer)
        self.unit = classifiers.dim**0.5
        self.slope = float(classifiers.slope[column])
        self.shift = float(classifiers.shift[column])

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, D) -> logits (B,), calibrated."""
        x = z * self.unit
        for layer in self.layers[:-1]:
            x = F.silu(layer(x))
        return self.layers[-1](x)[:, 0] * self.slope + self.shift


def walk(
    z: torch.Tensor,  # (1, D), unit norm
    classifier: Classifier,
    y: float,  # 1 towards the attribute, 0 away from it
    steps: int,
    length: float,  # of a step, in the space around the sphere
) -> list[torch.Tensor]:
    """The vectors z_0 .. z_T of one face and one attribute, each (1, D)."""
    vectors = [z]
    for _ in range(steps):
        z = z.detach().clone().requires_grad_(True)
        # loss(z, y) = -[y log C(z) + (1 - y) log(1 - C(z))]    (eq. 1)
        loss = F.binary_cross_entropy_with_logits(classifier(z), torch.full_like(z[:, 0], y))
        (slope,) = torch.autograd.grad(loss, z)
        z = z.detach() - length * slope / slope.norm()
        z = z / z.norm()
        vectors.append(z)
    return vectors


def rebuilt(circle: Any, z: torch.Tensor) -> torch.Tensor:
    """The picture of one vector (1, D): decode(F(z)), (1, 3, S, S) in [-1, 1]."""
    with torch.no_grad():
        c = circle.mapping(z)
        x = circle.autoencoder.decode(c[:, : circle.texture]).clamp(-1, 1)
        if circle.mesh is None:
            return x
        shape = circle.shapes(c)[0].cpu().numpy()
        return circle.to_device(circle._warped(x[0].cpu().numpy(), shape)[None])


def reconstruct(circle: Any, x: torch.Tensor) -> list[torch.Tensor]:
    """Faces (B, 3, S, S) through the circle, one after the other."""
    with torch.no_grad():
        return [rebuilt(circle, circle.recogniser.embed(face[None])) for face in x]


def transform(
    circle: Any,
    z: torch.Tensor,  # (1, D)
    classifier: Classifier,
    steps: int,
    length: float,
) -> list[torch.Tensor]:
    """The pictures along the walk of one face, one a step."""
    return [rebuilt(circle, vector) for vector in walk(z, classifier, 1.0, steps, length)[1:]]
