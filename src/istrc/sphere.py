"""Geometry of the unit hypersphere, where embeddings live. No networks.

Points are tensors `(..., D)`, D >= 2, of unit norm, of any float dtype and on any device; the
leading axes broadcast. Angles are radians. A number that may differ from point to point (`t`,
`angle`) is a float or a tensor that broadcasts against the leading axes, so that
`slerp(a, b, torch.linspace(0, 1, 9))` of two `(D,)` points is `(9, D)`.

Two points count as antipodal when they are within sqrt(eps) of pi radians apart (3.5e-4 in
float32): closer than that, rounding alone would choose the path between them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from istrc.errors import IstrcError

MEAN_ITERATIONS = 2000


def normalize(v: Tensor) -> Tensor:
    """The point of the sphere in the direction of each vector `(..., D)`, of any length.

    Raises IstrcError for a vector without a direction: zero, infinite or not a number.
    """
    scale = v.detach().abs().amax(dim=-1, keepdim=True)
    if not bool(((scale > 0) & scale.isfinite()).all()):
        raise IstrcError("a vector that is zero or not finite has no direction on the sphere")
    return _unit(v / scale)  # scaled first, because the square of 1e-30 is 0 in float32


def angle(a: Tensor, b: Tensor) -> Tensor:
    """The spherical distance (paper 4) between `a` and `b` `(..., D)`: `(...)`, in 0..pi.

    2 atan2(|a - b|, |a + b|) (Kahan 2006), exact to rounding at every angle; the usual
    acos(a.b) cannot tell angles under 3e-4 from 0 in float32, nor those near pi from pi.
    """
    return 2 * torch.atan2(_norm(a - b), _norm(a + b)).squeeze(-1)


def tangent(z: Tensor, v: Tensor) -> Tensor:
    """The part of `v` `(..., D)` that is tangent to the sphere at `z` `(..., D)`."""
    v = v - _dot(v, z) * z
    return v - _dot(v, z) * z  # again: rounding leaves a trace of z where v is almost parallel


def slerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """The point at fraction `t` of the shortest arc from `a` to `b`; beyond 0..1 it goes on.

    Raises IstrcError where `a` and `b` are antipodal: every great circle is then a shortest one.
    """
    theta = angle(a, b)[..., None]  # (..., 1)
    _refuse_antipodal(theta, "slerp")
    mu = _column(t, a)
    sine = theta.sin()
    together = sine <= 0
    safe = torch.where(together, 1, sine)
    # slerp (paper eq. 2, Shoemake 1985):
    #   sin((1 - mu) theta) / sin(theta) q1  +  sin(mu theta) / sin(theta) q2
    first = torch.where(together, 1 - mu, ((1 - mu) * theta).sin() / safe)
    second = torch.where(together, mu, (mu * theta).sin() / safe)
    return _unit(first * a + second * b)


def lerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """The point at fraction `t` of the chord from `a` to `b`, put back on the sphere (paper 4.1).

    Not of constant speed; equal to `slerp` at 0, 1/2 and 1. Raises IstrcError where `a` and `b`
    are antipodal: the chord then passes through the centre.
    """
    _refuse_antipodal(angle(a, b), "lerp")
    mu = _column(t, a)
    return _unit((1 - mu) * a + mu * b)


def log(z: Tensor, p: Tensor) -> Tensor:
    """The tangent vector at `z` that leads to `p`: its length is `angle(z, p)`.

    Raises IstrcError where they are antipodal.
    """
    theta = angle(z, p)[..., None]
    _refuse_antipodal(theta, "log")
    v = tangent(z, p - z)  # p - z and p have the same tangent; the difference keeps its digits
    length = _norm(v)
    return torch.where(length > 0, theta / torch.where(length > 0, length, 1), 1) * v


def exp(z: Tensor, v: Tensor) -> Tensor:
    """Where the geodesic from `z` along the tangent vector `v` is after |v| radians.

    What `v` has along `z` is ignored.
    """
    v = tangent(z, v)
    length = _norm(v)
    return _unit(length.cos() * z + torch.sinc(length / torch.pi) * v)


def transport(a: Tensor, b: Tensor, v: Tensor) -> Tensor:
    """The tangent vector `v` at `a`, carried along the shortest arc to `b`: it turns with the arc.

    Its length stays, and so does its angle to the arc. Raises IstrcError where `a` and `b` are
    antipodal.
    """
    _refuse_antipodal(angle(a, b)[..., None], "transport")
    # Parallel transport: v - <b, v> / (1 + <a, b>) (a + b)
    return tangent(b, v - _dot(b, v) / (1 + _dot(a, b)) * (a + b))


def step(z: Tensor, direction: Tensor, angle: float | Tensor) -> Tensor:
    """`z` moved by exactly `angle` radians along the geodesic towards `direction` `(..., D)`.

    Only the tangent part of the direction counts, and not its length; where there is none, `z`
    stays. A negative angle goes the other way.
    """
    scale = direction.detach().abs().amax(dim=-1, keepdim=True)
    direction = direction / torch.where(scale == 0, 1, scale)
    part = tangent(z, direction)
    length = _norm(part)
    # What rounding leaves of a direction along z is no direction.
    rounding = 4 * torch.finfo(z.dtype).eps * z.shape[-1] ** 0.5
    still = length <= rounding * _norm(direction)
    g = part / torch.where(still, 1, length)
    d = _column(angle, z)
    # geodesic step: z' = cos(d) z + sin(d) g
    return torch.where(still, z, _unit(d.cos() * z + d.sin() * g))


def noise(z: Tensor, angle: float | Tensor, count: int, generator: torch.Generator) -> Tensor:
    """`count` neighbours of each `z`, all at exactly `angle`, in isotropic directions (paper 4.1).

    z: `(..., D)`; the neighbours: `(count, ..., D)`. The numbers are drawn on the generator's
    device, so that a seed means the same neighbours wherever `z` is.
    """
    shape = (count, *z.shape)
    drawn = torch.randn(shape, generator=generator, device=generator.device, dtype=z.dtype)
    return step(z.expand(shape), drawn.to(z.device), angle)


def combine(coefficients: Sequence[float] | Tensor, points: Tensor) -> Tensor:
    """Arithmetic such as A - B + C: the weighted sum, put back on the sphere (paper 4.3).

    coefficients: `(n,)`; points: `(n, ..., D)`; the result: `(..., D)`. Raises IstrcError when
    the sum vanishes, as in A - A.
    """
    weights = _weights(coefficients, points)
    total = (weights * points).sum(dim=0)
    if bool((_norm(total) <= 16 * torch.finfo(points.dtype).eps * weights.abs().sum()).any()):
        raise IstrcError("the terms cancel: the sum is zero and has no direction on the sphere")
    return _unit(total)


def mean(points: Tensor, weights: Sequence[float] | Tensor | None = None) -> Tensor:
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
    points, w = points[w.flatten() > 0], w[w.flatten() > 0]
    w = w / w.sum()
    _refuse_antipodal_pairs(points)
    m = combine(w.flatten(), points)
    tolerance = 16 * torch.finfo(points.dtype).eps
    for _ in range(MEAN_ITERATIONS):
        move = (w * log(m, points)).sum(dim=0)
        m = exp(m, move)
        if not bool((_norm(move) > tolerance).any()):
            return m
    raise IstrcError("no single mean: the points are spread over the whole sphere")


def _norm(v: Tensor) -> Tensor:
    return torch.linalg.vector_norm(v, dim=-1, keepdim=True)  # (..., 1)


def _unit(v: Tensor) -> Tensor:
    return v / _norm(v)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=-1, keepdim=True)  # (..., 1)


def _column(value: float | Tensor, like: Tensor) -> Tensor:
    """A number a point, as a column `(..., 1)` that multiplies points."""
    return torch.as_tensor(value, dtype=like.dtype, device=like.device)[..., None]


def _weights(values: Sequence[float] | Tensor, points: Tensor) -> Tensor:
    """One number a point as `(n, 1, ..., 1)`, against points `(n, ..., D)`."""
    values = torch.as_tensor(values, dtype=points.dtype, device=points.device)
    if values.shape != points.shape[:1]:
        raise IstrcError(f"{values.numel()} numbers for {len(points)} points: give one a point")
    return values.reshape(-1, *[1] * (points.dim() - 1))


def _refuse_antipodal(theta: Tensor, what: str) -> None:
    if bool((torch.pi - theta < torch.finfo(theta.dtype).eps ** 0.5).any()):
        raise IstrcError(
            f"{what}: two points are antipodal (pi radians apart), so no single shortest path"
            " joins them; move one of them a little"
        )


def _refuse_antipodal_pairs(points: Tensor) -> None:
    # Of two antipodal points one is outside every open hemisphere. So only those outside the
    # one around the sum need a look at all the others: few or none, for faces.
    outside = (_dot(points, points.sum(dim=0)) <= 1e-3).flatten(1).any(dim=1)
    for point in points[outside]:
        _refuse_antipodal(angle(point, points), "mean")
