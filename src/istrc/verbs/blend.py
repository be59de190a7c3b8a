"""From one face to another: the paper's interpolation (section 4.1, figure 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from istrc import sphere
from istrc.arrays import Array, inference, library, numbers
from istrc.circle import Circle
from istrc.errors import InputError, check_choice
from istrc.verbs.anchor import rebuild_from

PATHS = {"slerp": sphere.slerp, "lerp": sphere.lerp}


@dataclass(frozen=True)
class Blend:
    """The faces between two."""

    t: Array  # (T,) from 0 to 1
    z: Array  # (T, D) their embeddings
    faces: Array  # (T, 3, S, S) in [-1, 1]
    angles: Array  # (T,) radians from the first face; evenly spaced by slerp, not by lerp


@inference
def blend(
    circle: Circle,
    z: Array,
    x: Array | None = None,
    *,
    frames: int = 9,
    path: str = "slerp",
    mode: str = "anchored",
) -> Blend:
    """`frames` faces from the first of two given ones to the second, both ends included.

    circle:   decode(F(z_t)), z_t on the great circle (slerp) or the chord (lerp) from z_a to z_b.
    anchored: decode(F(z_t) + (1 - t) r_a + t r_b), r = E(x) - F(z): the ends are decode(E(x)), and
              two photographs of different pose and light blend in those as well.

    Args:
        z, x: the two faces, `(2, D)` and `(2, 3, S, S)`; x only for "anchored".
        frames: T >= 2.

    Raises InputError for an unknown path or mode and for fewer than two frames; IstrcError where
    the embeddings are antipodal, as no single path then joins them.
    """
    check_choice("path", path, PATHS)
    if frames < 2:
        raise InputError(f"{frames} frames: a blend has at least the two given faces; ask for 2")
    z = circle.to_device(z)
    t = numbers(np.linspace(0, 1, frames), z)
    points = PATHS[path](z[0], z[1], t)  # (T, D)
    weights = library(t).stack([1 - t, t], 1)  # (T, 2)
    faces = rebuild_from(circle, points, z=z, x=x, weights=weights, mode=mode)
    return Blend(t, points, faces, sphere.angle(z[0], points))
