"""The faces around a face: the paper's noise neighbours (section 4.1, figure 6)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from istrc import sphere
from istrc.arrays import Array, inference, numbers, numpy
from istrc.circle import Circle
from istrc.errors import InputError, check_choice
from istrc.verbs.anchor import rebuild_from

METRICS = ("data", "euclidean")


@dataclass(frozen=True)
class Neighbours:
    """Faces at one angle from a given one."""

    z: Array  # (K, D) their embeddings
    faces: Array  # (K, 3, S, S) in [-1, 1]


@inference
def vary(
    circle: Circle,
    z: Array,
    x: Array | None = None,
    *,
    angle: float = 0.3,
    count: int = 63,
    seed: int = 0,
    metric: str = "data",
    mode: str = "anchored",
) -> Neighbours:
    """`count` neighbours of a face, all at exactly `angle` radians from it.

    circle:   decode(F(z')). anchored: decode(E(x) + F(z') - F(z)).

    Args:
        z, x: the face, `(1, D)` and `(1, 3, S, S)`; x only for "anchored".
        seed: of the directions; a seed means the same neighbours on every device and runtime.
        metric: "euclidean": every direction of the sphere is as likely (the paper's noise, of
            which most leads where no face is); "data": as the training faces vary.

    Raises InputError for an angle outside 0..pi, no neighbours, or an unknown metric or mode.
    """
    if not 0 < angle < math.pi:
        raise InputError(f"angle {angle:g}: neighbours are between 0 and pi radians away")
    if count < 1:
        raise InputError(f"count {count}: ask for at least one neighbour")
    check_choice("metric", metric, METRICS)
    z = circle.to_device(z)
    drawn = np.random.default_rng(seed).standard_normal((count, z.shape[1]))  # (K, D)
    if metric == "data":
        # In directions of the training embeddings' covariance C = V L V^T: by V L^(1/2) V^T, and
        # not V L^(1/2), as an eigenvector's sign is whatever the library makes it
        covariance = numpy(circle.attributes.covariance).astype(np.float64)
        values, vectors = np.linalg.eigh(covariance)
        drawn = drawn @ (vectors * values.clip(min=0) ** 0.5) @ vectors.T
    points = sphere.step(z[0], numbers(drawn, z), angle)
    faces = rebuild_from(circle, points, z=z, x=x, weights=np.ones((count, 1)), mode=mode)
    return Neighbours(points, faces)
