"""What the aligner's four numbers mean: how a guessed frame becomes the true one.

A correction is a similarity transform in normalised crop coordinates v, in which THE CROP is
[-1, 1] x [-1, 1], x to the right and y down. Four numbers (dx, dy, log scale, angle) are

    C(v) = e^s R(a) v + (dx, dy),   R(a) = [[cos a, -sin a], [sin a, cos a]]

and take what is seen at v under the guessed frame to where it lies in the true one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from istrc.arrays import library, numpy

if TYPE_CHECKING:
    from istrc.arrays import Array

# THE CROP in the 178x218 frame: its centre, and half of its side, frame pixels
CENTRE = (89.0, 109.0)
HALF = 64.0
MIRRORED = (-1.0, 1.0, 1.0, -1.0)  # a mirrored face's correction, by component


def similarity(correction: Array) -> Array:
    """Corrections (B, 4) as matrices (B, 2, 3) in normalised crop coordinates."""
    lib = library(correction)
    dx, dy, s, a = (correction[:, component] for component in range(4))
    cos, sin = lib.exp(s) * lib.cos(a), lib.exp(s) * lib.sin(a)
    return lib.stack([cos, -sin, dx, sin, cos, dy], 1).reshape(-1, 2, 3)


def in_frame(correction: Array) -> np.ndarray:
    """Corrections (B, 4) as float64 matrices (B, 2, 3) in pixels of the 178x218 frame."""
    matrix = similarity(numpy(correction).astype(np.float64))
    turn, shift = matrix[:, :, :2], matrix[:, :, 2]
    centre = np.array(CENTRE)
    return np.concatenate([turn, (HALF * shift + centre - turn @ centre)[:, :, None]], 2)


def corrected(look: Callable[[np.ndarray], np.ndarray], faces: np.ndarray, size: int) -> np.ndarray:
    """What the frame needs: the mean over each face and its mirror image.

    Args:
        look: the aligner: faces (B, 3, S, S) float32 in [-1, 1] -> corrections (B, 4).
        faces: (B, S, S, 3) uint8, crops under guessed frames.
        size: S.

    Returns:
        (B, 2, 3) float64: guessed frame -> true frame, in pixels of the 178x218 frame.
    """
    if faces.shape[1:] != (size, size, 3):
        raise ValueError(f"expected (B, {size}, {size}, 3), got {faces.shape}")
    x = faces.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - 1
    seen = look(np.concatenate([x, x[..., ::-1]]))  # (2B, 4)
    return in_frame((seen[: len(x)] + seen[len(x) :] * np.float32(MIRRORED)) / 2)
