"""Sums and differences of faces (paper section 4.3, figure 8)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from istrc import sphere
from istrc.arrays import Array, inference, library, numbers
from istrc.circle import Circle
from istrc.errors import InputError
from istrc.verbs.anchor import Mixture, rebuild_from


@inference
def arithmetic(
    circle: Circle, weights: Sequence[float], z: Array, *, onto: tuple[Array, Array] | None = None
) -> Mixture:
    """The weighted sum of embeddings z `(N, D)`, put back on the sphere, and its face.

    The paper (section 4.3) asks for spherical interpolation and finds linear calculation as good
    "when the equation is easy". Here every equation is the linear sum, normalised once at the
    end: for (A + B)/2 that IS slerp(A, B; 1/2), and A - B + C keeps its usual meaning.

    Args:
        weights: N, as `istrc.verbs.expression.parse` finds them.
        onto: the z `(1, D)` and x `(1, 3, S, S)` of a face that carries the result:
            decode(E(x) + F(z') - F(z)). None is the paper's decode(F(z')).

    Raises IstrcError when the sum vanishes, as in A - A.
    """
    if not any(weights):
        raise InputError("every face cancels, as in A - A: what is left has no direction")
    z = circle.to_device(z)
    point = sphere.combine(list(weights), z)[None]  # (1, D)
    own, x = (z[:1], None) if onto is None else onto
    mode = "circle" if onto is None else "anchored"
    one = np.ones((1, 1))
    face = rebuild_from(circle, point, z=circle.to_device(own), x=x, weights=one, mode=mode)
    length = float(library(z).linalg.norm(numbers(list(weights), z) @ z))
    return Mixture(point, face, length, sphere.angle(point, z))
