"""New faces from given ones: what the embedding does not hold comes from the pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from istrc.arrays import Array, inference, library, numbers
from istrc.circle import Circle
from istrc.errors import InputError, check_choice

MODES = ("anchored", "circle")
BATCH = 64  # faces in a network at once


@dataclass(frozen=True)
class Mixture:
    """One face that is made of N given ones, as weighted sums of their embeddings are."""

    z: Array  # (1, D) its embedding
    face: Array  # (1, 3, S, S) in [-1, 1]
    # Of the weighted sum before it was put back on the sphere; of a mean 0..1: what is left of N
    # unit vectors when they are averaged as vectors, 1 where all are the same
    length: float
    angles: Array  # (N,) radians from it to each of the given faces

    @property
    def spread(self) -> float:
        """Mean angle to the given faces, radians."""
        return float(self.angles.mean())


@inference
def rebuild_from(
    circle: Circle, z2: Array, *, z: Array, x: Array | None, weights: Array, mode: str = "anchored"
) -> Array:
    """Faces with the embeddings z2 `(T, D)`, made of N given faces: `(T, 3, S, S)` in [-1, 1].

    circle:   decode(F(z2)), the paper's; the given faces are not looked at.
    anchored: decode(h), h = F(z2) + sum_n w_n r_n, r_n = E(x_n) - F(z_n): the residuals, which are
              background, pose and light, are mixed with the same weights as the faces.

    Args:
        z, x: the given faces, `(N, D)` and `(N, 3, S, S)`; x is not needed for "circle".
        weights: `(T, N)`, one row a new face, each summing to 1.

    Raises InputError for an unknown mode, and for "anchored" without pictures.
    """
    check_choice("mode", mode, MODES)
    if mode == "circle":
        return in_batches(circle.decode, z2)
    if x is None:
        raise InputError(
            "anchored needs pictures, and an embedding has none: give pictures, or mode circle"
        )
    codes = in_batches(circle.encode, x)  # (N, H)
    mapped = in_batches(circle.map, z)  # (N, H)
    weights = numbers(weights, codes)
    # Summed so that a face whose weight is 1 and whose z is unchanged is decode(E(x)), to rounding
    h = weights @ codes + (in_batches(circle.map, z2) - weights @ mapped)  # (T, H)
    return in_batches(circle.decode_code, h)


def in_batches(work: Callable[[Array], Array], rows: Array, size: int = BATCH) -> Array:
    """`work` on all rows, `size` at once: the memory for 1000 faces is that for 64."""
    done = [work(rows[start : start + size]) for start in range(0, len(rows), size)]
    return library(done[0]).concatenate(done)


def stack(faces: Sequence[Any]) -> tuple[Array, Array | None]:
    """z `(N, D)` and x `(N, 3, S, S)` of faces that have theirs; x is None where one has none."""
    lib = library(faces[0].z)
    z = lib.concatenate([face.z for face in faces])
    if any(face.x is None for face in faces):
        return z, None
    return z, lib.concatenate([face.x for face in faces])
