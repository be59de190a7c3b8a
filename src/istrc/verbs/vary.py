"""The faces around a face: the paper's noise neighbours (section 4.1, figure 6)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from istrc import sphere
from istrc.circle import Circle
from istrc.errors import InputError
from istrc.verbs.anchor import rebuild_from

METRICS = ("data", "euclidean")


@dataclass(frozen=True)
class Neighbours:
    """Faces at one angle from a given one.

    Attributes:
        z: (K, D) their embeddings.
        faces: (K, 3, S, S) in [-1, 1].
    """

    z: torch.Tensor
    faces: torch.Tensor


@torch.inference_mode()
def vary(
    circle: Circle,
    z: torch.Tensor,
    x: torch.Tensor | None = None,
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
        seed: of the directions; a seed means the same neighbours on every device.
        metric: "euclidean": every direction of the sphere is as likely (the paper's noise, of
            which most leads where no face is); "data": as the training faces vary.

    Raises InputError for an angle outside 0..pi, no neighbours, or an unknown metric or mode.
    """
    if not 0 < angle < torch.pi:
        raise InputError(f"angle {angle:g}: neighbours are between 0 and pi radians away")
    if count < 1:
        raise InputError(f"count {count}: ask for at least one neighbour")
    if metric not in METRICS:
        raise InputError(f"metric {metric!r}: use one of {', '.join(METRICS)}")
    generator = torch.Generator().manual_seed(seed)
    z = z.to(circle.device)
    if metric == "euclidean":
        points = sphere.noise(z[0], angle, count, generator)
    else:
        drawn = torch.randn(count, z.shape[1], generator=generator)  # (K, D)
        points = sphere.step(z[0].expand(count, -1), _as_faces_vary(circle, drawn), angle)
    faces = rebuild_from(circle, points, z=z, x=x, weights=torch.ones(count, 1), mode=mode)
    return Neighbours(points, faces)


def _as_faces_vary(circle: Circle, drawn: torch.Tensor) -> torch.Tensor:
    """White noise `(K, D)` -> directions of the training embeddings' covariance C = V L V^T."""
    values, vectors = torch.linalg.eigh(circle.attributes.covariance.double().cpu())
    root = vectors * values.clamp(min=0).sqrt()  # V L^(1/2)
    return (drawn.double() @ root.T).to(circle.device, torch.float32)
