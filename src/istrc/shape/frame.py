"""From 68 points to CelebA's aligned frame, and what a mirror does to them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from istrc.arrays import Array, library, sound
from istrc.shape.measures import eyes

# Which of iBUG's 68 points each one is in the mirrored picture
MIRRORED = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    + [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    + [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
)


def mirrored(shape: Array) -> Array:
    """Points (..., 68, C), x first, as they lie in the mirrored picture."""
    turned = shape[..., MIRRORED, :]
    return library(shape).concatenate([-turned[..., :1], turned[..., 1:]], -1)


def averaged_over_mirror(net: Callable[[Array], Array], x: Array) -> Array:
    """What a landmark network says of faces (B, 3, S, S), the mean with their mirror images:
    (B, 68, 3).
    """
    lib = library(x)
    seen = net(lib.concatenate([x, lib.flip(x, [3])]))
    return (seen[: len(x)] + mirrored(seen[len(x) :])) / 2


def aligning(shape: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The similarity (2, 3) that takes a shape's eyes to where the mean shape has them.

    Args:
        shape: (68, 2). mean: (68, 2) of aligned faces.
    """
    return similarity(np.stack(eyes(shape)), np.stack(eyes(mean)))


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity (2, 3) that brings points (N, 2) nearest to others (Umeyama 1991, eq. 40-42).

    Nearest in the sum of squared distances; never a reflection.
    """
    from_mean, to_mean = source.mean(0), target.mean(0)
    a, b = source - from_mean, target - to_mean
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    turn = u @ np.diag(sign) @ vt
    # Points that are all in one place are taken to one place
    turn = turn * ((d * sign).sum() / max(np.square(a).sum(1).mean(), 1e-12))
    return np.column_stack([turn, to_mean - turn @ from_mean])


def found_in(net: Callable[[np.ndarray], np.ndarray], faces: np.ndarray, size: int) -> np.ndarray:
    """What a landmark network says of pictures, the mean with their mirror images: (B, 68, 3).

    Args:
        net: faces (B, 3, S, S) float32 in [-1, 1] -> (B, 68, 3).
        faces: (B, S, S, 3) uint8.
        size: S.
    """
    if faces.shape[1:] != (size, size, 3):
        raise ValueError(f"expected (B, {size}, {size}, 3), got {faces.shape}")
    x = faces.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - 1
    return sound(averaged_over_mirror(net, x), "landmarks")
