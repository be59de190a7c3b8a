"""The average face of any number of people (paper section 4.2, figure 7)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from istrc import sphere
from istrc.arrays import Array, inference, library
from istrc.circle import Circle
from istrc.errors import InputError, check_choice
from istrc.verbs.anchor import Mixture, rebuild_from

MEANS: dict[str, Callable[[Array], Array]] = {
    "frechet": sphere.mean,
    # In the space around the sphere, and put back on it
    "euclidean": lambda points: sphere.combine([1 / len(points)] * len(points), points),
}


@inference
def average(
    circle: Circle,
    z: Array,
    x: Array | None = None,
    *,
    mean: str = "frechet",
    mode: str = "anchored",
) -> Mixture:
    """The face in the middle of N >= 2 given ones.

    Of two faces the Fréchet mean is the paper's slerp(a, b; 1/2); of more it is the point with
    the least sum of squared angles, in whatever order the faces come.

    circle:   decode(F(z)) of the mean z.
    anchored: decode(F(z) + mean of the residuals E(x) - F(z)): background and light are averaged.

    Args:
        z, x: the faces, `(N, D)` and `(N, 3, S, S)`; x only for "anchored".
        mean: "frechet", or "euclidean": the normalised sum.

    Raises InputError for fewer than two faces, an unknown mean or mode; IstrcError where no single
    mean exists (antipodal faces, or faces that balance out).
    """
    check_choice("mean", mean, MEANS)
    if len(z) < 2:
        count = "no face" if len(z) == 0 else "one face"
        raise InputError(f"the average of {count}: give at least two faces")
    z = circle.to_device(z)
    middle = MEANS[mean](z)[None]  # (1, D)
    weights = np.full((1, len(z)), 1 / len(z))
    face = rebuild_from(circle, middle, z=z, x=x, weights=weights, mode=mode)
    length = float(library(z).linalg.norm(z.mean(0)))
    return Mixture(middle, face, length, sphere.angle(middle, z))
