"""Geometry of the unit hypersphere, where embeddings live. No networks.

Points are tensors or NumPy's arrays `(..., D)`, D >= 2, of unit norm, of any float dtype and on
any device; the leading axes broadcast. Angles are radians. A number that may differ from point to
point (`t`, `angle`) is a float or an array that broadcasts against the leading axes, so that
`slerp(a, b, torch.linspace(0, 1, 9))` of two `(D,)` points is `(9, D)`.

Two points count as antipodal when they are within sqrt(eps) of pi radians apart (3.5e-4 in
float32): closer than that, rounding alone would choose the path between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from istrc.arrays import Array, library, numbers
from istrc.errors import IstrcError

MEAN_ITERATIONS = 2000


def normalize(v: Array) -> Array:
    """The point of the sphere in the direction of each vector `(..., D)`, of any length.

    Raises IstrcError for a vector without a direction: zero, infinite or not a number.
    """
    scale = _largest(v)
    if not bool(((scale > 0) & library(scale).isfinite(scale)).all()):
        raise IstrcError("a vector that is zero or not finite has no direction on the sphere")
    return _unit(v / scale)  # scaled first, because the square of 1e-30 is 0 in float32


def angle(a: Array, b: Array) -> Array:
    """The spherical distance (paper 4) between `a` and `b` `(..., D)`: `(...)`, in 0..pi.

    2 atan2(|a - b|, |a + b|) (Kahan 2006), exact to rounding at every angle; the usual
    acos(a.b) cannot tell angles under 3e-4 from 0 in float32, nor those near pi from pi.
    """
    return 2 * library(a).arctan2(_norm(a - b), _norm(a + b))[..., 0]


def tangent(z: Array, v: Array) -> Array:
    """The part of `v` `(..., D)` that is tangent to the sphere at `z` `(..., D)`."""
    v = v - _dot(v, z) * z
    return v - _dot(v, z) * z  # again: rounding leaves a trace of z where v is almost parallel


def slerp(a: Array, b: Array, t: float | Array) -> Array:
    """The point at fraction `t` of the shortest arc from `a` to `b`; beyond 0..1 it goes on.

    Raises IstrcError where `a` and `b` are antipodal: every great circle is then a shortest one.
    """
    theta = angle(a, b)[..., None]  # (..., 1)
    _refuse_antipodal(theta, "slerp")
    mu, lib = _column(t, a), library(a)
    sine = lib.sin(theta)
    together = sine <= 0
    safe = lib.where(together, 1, sine)
    # slerp (paper eq. 2, Shoemake 1985):
    #   sin((1 - mu) theta) / sin(theta) q1  +  sin(mu theta) / sin(theta) q2
    first = lib.where(together, 1 - mu, lib.sin((1 - mu) * theta) / safe)
    second = lib.where(together, mu, lib.sin(mu * theta) / safe)
    return _unit(first * a + second * b)


def lerp(a: Array, b: Array, t: float | Array) -> Array:
    """The point at fraction `t` of the chord from `a` to `b`, put back on the sphere (paper 4.1).

    Not of constant speed; equal to `slerp` at 0, 1/2 and 1. Raises IstrcError where `a` and `b`
    are antipodal: the chord then passes through the centre.
    """
    _refuse_antipodal(angle(a, b), "lerp")
    mu = _column(t, a)
    return _unit((1 - mu) * a + mu * b)


def log(z: Array, p: Array) -> Array:
    """The tangent vector at `z` that leads to `p`: its length is `angle(z, p)`.

    Raises IstrcError where they are antipodal.
    """
    theta = angle(z, p)[..., None]
    _refuse_antipodal(theta, "log")
    v = tangent(z, p - z)  # p - z and p have the same tangent; the difference keeps its digits
    length, lib = _norm(v), library(v)
    return lib.where(length > 0, theta / lib.where(length > 0, length, 1), 1) * v


def exp(z: Array, v: Array) -> Array:
    """Where the geodesic from `z` along the tangent vector `v` is after |v| radians.

    What `v` has along `z` is ignored.
    """
    v = tangent(z, v)
    length, lib = _norm(v), library(v)
    return _unit(lib.cos(length) * z + lib.sinc(length / math.pi) * v)


def transport(a: Array, b: Array, v: Array) -> Array:
    """The tangent vector `v` at `a`, carried along the shortest arc to `b`: it turns with the arc.

    Its length stays, and so does its angle to the arc. Raises IstrcError where `a` and `b` are
    antipodal.
    """
    _refuse_antipodal(angle(a, b)[..., None], "transport")
    # Parallel transport: v - <b, v> / (1 + <a, b>) (a + b), where 1 + <a, b> = |a + b|^2 / 2 keeps
    # its digits between points that are nearly antipodal
    both = a + b
    return tangent(b, v - 2 * _dot(b, v) / _dot(both, both) * both)


def step(z: Array, direction: Array, angle: float | Array) -> Array:
    """`z` moved by exactly `angle` radians along the geodesic towards `direction` `(..., D)`.

    Only the tangent part of the direction counts, and not its length; where there is none, `z`
    stays. A negative angle goes the other way.
    """
    lib, scale = library(z), _largest(direction)
    direction = direction / lib.where(scale == 0, 1, scale)
    part = tangent(z, direction)
    length = _norm(part)
    # What rounding leaves of a direction along z is no direction.
    rounding = 4 * _eps(z) * z.shape[-1] ** 0.5
    still = length <= rounding * _norm(direction)
    g = part / lib.where(still, 1, length)
    d = _column(angle, z)
    # geodesic step: z' = cos(d) z + sin(d) g
    return lib.where(still, z, _unit(lib.cos(d) * z + lib.sin(d) * g))


def combine(coefficients: Sequence[float] | Array, points: Array) -> Array:
    """Arithmetic such as A - B + C: the weighted sum, put back on the sphere (paper 4.3).

    coefficients: `(n,)`; points: `(n, ..., D)`; the result: `(..., D)`. Raises IstrcError when
    the sum vanishes, as in A - A.
    """
    weights = _weights(coefficients, points)
    total = (weights * points).sum(0)
    if bool((_norm(total) <= 16 * _eps(points) * abs(weights).sum()).any()):
        raise IstrcError("the terms cancel: the sum is zero and has no direction on the sphere")
    return _unit(total)


def mean(points: Array, weights: Sequence[float] | Array | None = None) -> Array:
    """The Fréchet mean: the point with the least (weighted) sum of squared angles to `points`.

    points: `(n, ..., D)`, n >= 1; weights: `(n,)`, none negative; the mean: `(..., D)`. The mean
    of two points is `slerp(a, b, 0.5)` (paper 4.2). Karcher's iteration, from the normalised sum
    until a step is under 16 eps radians; the mean is the only one when the points lie within
    pi/2 of it (Afsari 2011). Raises IstrcError for no points, for weights that are negative or
    all zero, and where no single mean exists: antipodal points, or points that balance out.
    """
    if len(points) == 0:
        raise IstrcError("the mean of no points: give at least one")
    w = _weights([1.0] * len(points) if weights is None else weights, points)
    if not bool((w >= 0).all() and w.sum() > 0):
        raise IstrcError("the weights of a mean must not be negative, and not all be zero")
    points, w = points[w.reshape(-1) > 0], w[w.reshape(-1) > 0]
    w = w / w.sum()
    _refuse_antipodal_pairs(points)
    m = combine(w.reshape(-1), points)
    tolerance = 16 * _eps(points)
    for _ in range(MEAN_ITERATIONS):
        move = (w * log(m, points)).sum(0)
        m = exp(m, move)
        if not bool((_norm(move) > tolerance).any()):
            return m
    raise IstrcError("no single mean: the points are spread over the whole sphere")


def _norm(v: Array) -> Array:
    return library(v).linalg.norm(v, axis=-1, keepdims=True)  # (..., 1)


def _unit(v: Array) -> Array:
    return v / _norm(v)


def _dot(a: Array, b: Array) -> Array:
    return (a * b).sum(-1)[..., None]  # (..., 1)


def _largest(v: Array) -> Array:
    """The largest coordinate of each vector, without its sign: (..., 1)."""
    lib = library(v)  # a constant, where gradients are computed
    return lib.amax(abs(v if lib is np else v.detach()), -1)[..., None]


def _eps(like: Array) -> float:
    return float(library(like).finfo(like.dtype).eps)


def _column(value: float | Array, like: Array) -> Array:
    """A number a point, as a column `(..., 1)` that multiplies points."""
    return numbers(value, like)[..., None]


def _weights(values: Sequence[float] | Array, points: Array) -> Array:
    """One number a point as `(n, 1, ..., 1)`, against points `(n, ..., D)`."""
    values = numbers(values, points)
    if values.shape != points.shape[:1]:
        count = math.prod(values.shape)
        raise IstrcError(f"{count} numbers for {len(points)} points: give one a point")
    return values.reshape(-1, *[1] * (points.ndim - 1))


def _refuse_antipodal(theta: Array, what: str) -> None:
    if bool((math.pi - theta < _eps(theta) ** 0.5).any()):
        raise IstrcError(
            f"{what}: two points are antipodal (pi radians apart), so no single shortest path"
            " joins them; move one of them a little"
        )


def _refuse_antipodal_pairs(points: Array) -> None:
    # Of two antipodal points one is outside every open hemisphere. So only those outside the
    # one around the sum need a look at all the others: few or none, for faces.
    behind = _dot(points, points.sum(0)) <= 1e-3
    for point in points[behind.reshape(len(points), -1).any(1)]:
        _refuse_antipodal(angle(point, points), "mean")
