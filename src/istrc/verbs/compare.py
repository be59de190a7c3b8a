"""Two faces: how far apart, and in what they differ (paper section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from istrc import sphere
from istrc.arrays import Array, inference, library
from istrc.circle import Circle


@dataclass(frozen=True)
class Difference:
    """An attribute in two faces: calibrated probabilities, 0..1."""

    name: str
    first: float
    second: float


@inference
def angles(z: Array) -> Array:
    """The angle between every two of `(N, D)` embeddings: `(N, N)` radians, 0 on the diagonal."""
    return sphere.angle(z[:, None], z[None])


@inference
def differences(circle: Circle, a: Array, b: Array) -> list[Difference]:
    """Every attribute of two faces `(1, D)`, the largest difference of probability first."""
    first, second = circle.scores(library(a).concatenate([a, b])).tolist()
    return between(circle, first, second)


def between(circle: Circle, first: Sequence[float], second: Sequence[float]) -> list[Difference]:
    """The same of their scores."""
    found = [
        Difference(name, p, q)
        for name, p, q in zip(circle.attribute_names, first, second, strict=True)
    ]
    return sorted(found, key=lambda one: -abs(one.second - one.first))
