"""The laws of the sphere, in float32 and float64, and the formulas again the slow way."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from istrc import sphere
from istrc.errors import IstrcError

DTYPES = (torch.float32, torch.float64)
dtypes = st.sampled_from(DTYPES)
seeds = st.integers(0, 2**31 - 1)
dims = st.sampled_from([2, 3, 16, 128])
fractions = st.floats(0, 1)
# From the smallest angles that float32 can still hold to almost antipodal.
angles = st.one_of(st.floats(1e-6, 1e-2), st.floats(1e-2, 3.1))


def law(*strategies):
    """A property, tried on 60 examples; the first call of torch is slow, hence no deadline."""
    return lambda test: settings(max_examples=60, deadline=None)(given(*strategies)(test))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def draw(seed: int, *shape: int, dtype=torch.float64) -> torch.Tensor:
    v = torch.randn(*shape, generator=generator(seed), dtype=torch.float64)
    return (v / v.norm(dim=-1, keepdim=True)).to(dtype)


def pair(seed: int, dim: int, theta: float, dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Two points theta apart, built with plain trigonometry in float64."""
    basis, _ = torch.linalg.qr(draw(seed, dim, dim))
    first, second = basis[0], math.cos(theta) * basis[0] + math.sin(theta) * basis[1]
    return first.to(dtype), second.to(dtype)


def rotation(seed: int, dim: int, dtype) -> torch.Tensor:
    return torch.linalg.qr(draw(seed, dim, dim))[0].to(dtype)


def tolerance(dtype, factor: float = 32) -> float:
    return factor * torch.finfo(dtype).eps


def close(a, b, dtype, factor: float = 32) -> bool:
    a, b = (torch.as_tensor(value, dtype=torch.float64) for value in (a, b))
    return (a - b).abs().max().item() <= tolerance(dtype, factor)


def on_sphere(z: torch.Tensor) -> bool:
    return close(z.norm(dim=-1), 1.0, z.dtype, 8)


# --- normalize, angle, tangent ---------------------------------------------------------------


@law(seeds, dims, dtypes, st.floats(-30, 30))
def test_normalize_at_every_length(seed, dim, dtype, power):
    z = draw(seed, 4, dim, dtype=dtype)
    assert close(sphere.normalize(z * 10.0**power), z, dtype)
    assert on_sphere(sphere.normalize(z * 10.0**power))


@pytest.mark.parametrize("bad", [0.0, math.inf, math.nan])
def test_normalize_refuses_what_has_no_direction(bad):
    v = torch.ones(3, 4)
    v[1] = bad
    with pytest.raises(IstrcError, match="no direction"):
        sphere.normalize(v)


@law(seeds, dims, dtypes, st.floats(0, math.pi))
def test_angle_is_exact_everywhere(seed, dim, dtype, theta):
    a, b = pair(seed, dim, theta, dtype)
    measured = sphere.angle(a, b)
    assert measured.shape == () and close(measured, theta, dtype, 8)
    assert measured == sphere.angle(b, a)


def test_angle_where_acos_fails():
    a, b = pair(0, 128, 1e-5, torch.float32)
    assert sphere.angle(a, b).item() == pytest.approx(1e-5, rel=0.02)
    assert sphere.angle(a, -b).item() == pytest.approx(math.pi - 1e-5, abs=3e-7)
    assert sphere.angle(a, a) == 0 and sphere.angle(a, -a).item() == pytest.approx(math.pi)


def test_angle_broadcasts():
    a, b = draw(0, 5, 1, 8), draw(1, 3, 8)
    table = sphere.angle(a, b)
    assert table.shape == (5, 3)
    for i in range(5):
        for j in range(3):
            slow = math.acos(sum(float(x) * float(y) for x, y in zip(a[i, 0], b[j], strict=True)))
            assert table[i, j].item() == pytest.approx(slow, abs=1e-12)


@law(seeds, dims, dtypes)
def test_tangent_is_perpendicular_and_a_projection(seed, dim, dtype):
    z, v = draw(seed, dim, dtype=dtype), draw(seed + 1, dim, dtype=dtype)
    u = sphere.tangent(z, v)
    assert abs(torch.dot(u, z)) <= tolerance(dtype, 4)
    assert close(sphere.tangent(z, u), u, dtype, 4)
    assert close(v - u, torch.dot(v, z) * z, dtype, 8)  # what was taken off lies along z


# --- slerp, lerp -----------------------------------------------------------------------------


@law(seeds, dims, dtypes, angles, fractions)
def test_slerp_laws(seed, dim, dtype, theta, t):
    a, b = pair(seed, dim, theta, dtype)
    # Rounding of the two points turns the arc by eps / sin(theta).
    factor = 32 / max(0.04, math.sin(theta)) if theta > 1 else 32
    assert close(sphere.slerp(a, b, 0), a, dtype, 4) and close(sphere.slerp(a, b, 1), b, dtype, 4)
    z = sphere.slerp(a, b, t)
    assert z.dtype == dtype and on_sphere(z)
    assert close(z, sphere.slerp(b, a, 1 - t), dtype, factor)  # symmetry
    assert close(sphere.angle(a, z), t * theta, dtype, factor)  # constant speed
    assert close(sphere.angle(z, b), (1 - t) * theta, dtype, factor)


@law(seeds, dims, dtypes, st.floats(0.05, 3.0), fractions)
def test_slerp_turns_with_the_sphere(seed, dim, dtype, theta, t):
    a, b = pair(seed, dim, theta, dtype)
    turn = rotation(seed + 1, dim, dtype)
    turned = sphere.slerp(sphere.normalize(a @ turn), sphere.normalize(b @ turn), t)
    assert close(sphere.slerp(a, b, t) @ turn, turned, dtype, 100 / min(1, math.sin(theta)))


def test_slerp_is_equation_2():
    a, b = draw(3, 4, 16), draw(4, 4, 16)
    for mu in (0.0, 0.2, 0.5, 0.9, 1.0):
        fast = sphere.slerp(a, b, mu)
        for row in range(4):
            theta = math.acos(sum(float(x) * float(y) for x, y in zip(a[row], b[row], strict=True)))
            for column in range(16):
                slow = math.sin((1 - mu) * theta) / math.sin(theta) * float(a[row, column])
                slow += math.sin(mu * theta) / math.sin(theta) * float(b[row, column])
                assert fast[row, column].item() == pytest.approx(slow, abs=1e-13)


def test_slerp_takes_a_fraction_a_point():
    a, b = draw(5, 8), draw(6, 8)
    t = torch.linspace(0, 1, 9)  # float32 against float64 points: the points decide
    strip = sphere.slerp(a, b, t)
    assert strip.shape == (9, 8) and strip.dtype == torch.float64
    gaps = sphere.angle(strip[:-1], strip[1:])
    assert torch.allclose(gaps, sphere.angle(a, b) / 8)
    batch = sphere.slerp(draw(7, 5, 8), draw(8, 5, 8), t[:, None])
    assert batch.shape == (9, 5, 8)


@law(seeds, dims, dtypes, fractions)
def test_slerp_of_coincident_points(seed, dim, dtype, t):
    a = draw(seed, 3, dim, dtype=dtype)
    assert close(sphere.slerp(a, a.clone(), t), a, dtype, 4)
    assert close(sphere.lerp(a, a.clone(), t), a, dtype, 4)


@law(seeds, dims, dtypes, st.floats(0.01, 3.0), fractions)
def test_lerp_laws(seed, dim, dtype, theta, t):
    a, b = pair(seed, dim, theta, dtype)
    factor = 32 / min(1, math.cos(theta / 2))
    z = sphere.lerp(a, b, t)
    assert on_sphere(z)
    assert close(sphere.lerp(a, b, 0), a, dtype, 4) and close(sphere.lerp(a, b, 1), b, dtype, 4)
    assert close(sphere.lerp(a, b, 0.5), sphere.slerp(a, b, 0.5), dtype, factor)
    # On the arc between the two: the angles to the ends add up.
    assert close(sphere.angle(a, z) + sphere.angle(z, b), theta, dtype, factor)


@pytest.mark.parametrize("dtype", DTYPES)
def test_antipodal_points_are_refused(dtype):
    a = draw(9, 3, 32, dtype=dtype)
    b = draw(10, 3, 32, dtype=dtype)
    b[1] = -a[1]  # one bad row among good ones
    for refused in (
        lambda: sphere.slerp(a, b, 0.5),
        lambda: sphere.lerp(a, b, 0.25),
        lambda: sphere.log(a, b),
        lambda: sphere.mean(torch.stack([a, b])),
    ):
        with pytest.raises(IstrcError, match="antipodal") as error:
            refused()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("dtype", DTYPES)
def test_antipodal_is_within_the_root_of_eps(dtype):
    near = torch.finfo(dtype).eps ** 0.5
    within, beyond = (pair(9, 16, math.pi - share * near, dtype) for share in (0.8, 1.2))
    across = sphere.tangent(beyond[0], draw(10, 16, dtype=dtype))
    for refused, more in ((sphere.log, []), (sphere.transport, [across])):
        with pytest.raises(IstrcError, match="antipodal"):
            refused(*within, *more)
        assert refused(*beyond, *more).isfinite().all()
    carried = sphere.transport(*beyond, across)
    assert carried.norm().item() == pytest.approx(across.norm().item(), rel=1e-3)
    # One of two that are perpendicular to the sum of all
    a, b = torch.eye(4, dtype=dtype)[:2]
    with pytest.raises(IstrcError, match="antipodal"):
        sphere.mean(torch.stack([a, b, -b]))


# --- exp, log --------------------------------------------------------------------------------


@law(seeds, dims, dtypes, angles)
def test_exp_undoes_log(seed, dim, dtype, theta):
    z, p = pair(seed, dim, theta, dtype)
    v = sphere.log(z, p)
    factor = 32 / max(0.04, math.sin(theta)) if theta > 1 else 32
    assert close(sphere.exp(z, v), p, dtype, factor)
    assert close(v.norm(), theta, dtype) and close(v.norm(), sphere.angle(z, p), dtype, 8)
    assert abs(torch.dot(z, v)) <= tolerance(dtype, 16)


@law(seeds, dims, dtypes, angles)
def test_log_undoes_exp(seed, dim, dtype, theta):
    z = draw(seed, dim, dtype=dtype)
    v = sphere.tangent(z, draw(seed + 1, dim, dtype=dtype))
    v = v / v.norm() * theta
    p = sphere.exp(z, v)
    assert on_sphere(p)
    factor = 32 * theta / max(0.04, math.sin(theta)) if theta > 1 else 32
    assert close(sphere.log(z, p), v, dtype, factor)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_and_log_at_zero(dtype):
    z = draw(11, 2, 16, dtype=dtype)
    assert torch.equal(sphere.log(z, z), torch.zeros_like(z))
    assert close(sphere.exp(z, torch.zeros_like(z)), z, dtype, 2)


def test_log_keeps_the_digits_of_a_small_angle():
    z, p = (point.repeat(1, 1) for point in pair(11, 128, 1e-5, torch.float32))
    slow = p.double() - z.double()
    slow -= (slow * z.double()).sum() * z.double()
    v = sphere.log(z, p).double()
    assert ((v / v.norm() - slow / slow.norm()).norm() < 1e-5).all()


def test_coincident_points_divide_by_nothing():
    z = draw(11, 3, 8).numpy()
    with np.errstate(all="raise"):
        assert not sphere.log(z, z).any()
        assert np.abs(sphere.slerp(z, z, 0.3) - z).max() < 1e-15
        assert np.array_equal(sphere.step(z, 0 * z, 0.3), z)


# --- step, noise -----------------------------------------------------------------------------


@law(seeds, dims, dtypes, st.floats(-3.1, 3.1), st.floats(-25, 25))
def test_step_moves_by_exactly_the_angle(seed, dim, dtype, d, power):
    z, direction = draw(seed, dim, dtype=dtype), draw(seed + 1, dim, dtype=dtype)
    moved = sphere.step(z, direction * 10.0**power, d)
    assert on_sphere(moved) and close(sphere.angle(z, moved), abs(d), dtype, 16)
    # z' = cos(d) z + sin(d) g, in float64, with g by Gram-Schmidt.
    z64, g = z.double(), direction.double()
    g = g - torch.dot(g, z64) * z64
    assume(g.norm() > 0.1)  # a direction almost along z keeps few of its digits
    assert close(moved, math.cos(d) * z64 + math.sin(d) * g / g.norm(), dtype, 200)


@law(seeds, dims, dtypes, st.floats(-3, 3))
def test_step_turns_with_the_sphere(seed, dim, dtype, d):
    z, direction = draw(seed, dim, dtype=dtype), draw(seed + 1, dim, dtype=dtype)
    assume(sphere.tangent(z, direction).norm() > 0.1)
    turn = rotation(seed + 2, dim, dtype)
    turned = sphere.step(sphere.normalize(z @ turn), direction @ turn, d)
    assert close(sphere.step(z, direction, d) @ turn, turned, dtype, 500)


@law(seeds, dims, dtypes)
def test_step_without_a_direction_stays(seed, dim, dtype):
    z = draw(seed, 4, dim, dtype=dtype)
    direction = draw(seed + 1, 4, dim, dtype=dtype)
    direction[0] = 0
    direction[2] = -3 * z[2]  # only radial: what rounding leaves of it must not steer
    moved = sphere.step(z, direction, torch.tensor([0.5, 0.0, 0.5, 0.25]))
    assert torch.equal(moved[0], z[0]) and torch.equal(moved[2], z[2])
    assert close(moved[1], z[1], dtype, 2)
    assert close(sphere.angle(z[3], moved[3]), 0.25, dtype, 16)


@pytest.mark.parametrize("dim", [16, 128])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_rounding_leaves_is_four_eps_in_each_coordinate(dim, dtype):
    least = 4 * torch.finfo(dtype).eps * dim**0.5
    for share, moves in ((0.4, False), (1.6, True)):
        # z is one of eight coordinates and not of all, or adding would round the rest away
        z = torch.eye(dim, dtype=dtype)[:8].sum(0) / 8**0.5
        g = torch.eye(dim, dtype=dtype)[-1]
        moved = sphere.step(z, 5 * (z + share * least * g), 0.5)
        assert close(sphere.angle(z, moved), 0.5 if moves else 0.0, dtype)


def test_step_has_finite_gradients_where_it_stays():
    z = draw(12, 2, 8).requires_grad_()
    direction = torch.stack([torch.zeros(8), torch.ones(8)]).double().requires_grad_()
    sphere.step(z, direction, 0.3).sum().backward()
    assert z.grad.isfinite().all() and direction.grad.isfinite().all()
    assert direction.grad[1].abs().sum() > 0


def test_step_does_not_hide_a_broken_gradient():
    z = draw(13, 8)
    assert sphere.step(z, torch.full((8,), math.nan, dtype=torch.float64), 0.1).isnan().all()


def around(z, angle, count, seed):
    """Points (count, ..., D) at this angle from z, in isotropic directions (paper 4.1)."""
    drawn = torch.randn(count, *z.shape, generator=generator(seed), dtype=z.dtype)
    return sphere.step(z.expand(drawn.shape), drawn, angle)


@law(seeds, dims, dtypes, st.floats(0, 3.1))
def test_noise_is_at_exactly_the_angle(seed, dim, dtype, d):
    z = draw(seed, 3, dim, dtype=dtype)
    # Another seed than z's: the same numbers drawn again would lie along z.
    neighbours = around(z, d, 7, seed + 1)
    assert neighbours.shape == (7, 3, dim) and neighbours.dtype == dtype and on_sphere(neighbours)
    assert close(sphere.angle(z, neighbours), d, dtype, 16)


def test_noise_is_isotropic():
    z, count, d = draw(14, 8), 20_000, 0.3
    v = sphere.log(z, around(z, d, count, 0)) / d  # (count, 8) unit tangents
    assert v.mean(dim=0).abs().max() < 5 / math.sqrt(7 * count)  # five standard errors
    # Every tangent direction has the same share, 1/7: the covariance is the projector / 7.
    covariance = v.T @ v / count
    projector = torch.eye(8, dtype=torch.float64) - torch.outer(z, z)
    assert (covariance - projector / 7).abs().max() < 0.01


# --- mean, combine ---------------------------------------------------------------------------


@law(seeds, dims, dtypes, angles)
def test_mean_of_two_is_slerp_at_one_half(seed, dim, dtype, theta):
    a, b = pair(seed, dim, theta, dtype)
    factor = 64 / max(0.02, math.cos(theta / 2))
    assert close(sphere.mean(torch.stack([a, b])), sphere.slerp(a, b, 0.5), dtype, factor)
    weighted = sphere.mean(torch.stack([a, b]), weights=[3, 1])
    assert close(weighted, sphere.slerp(a, b, 0.25), dtype, factor)


@law(seeds, dims, dtypes)
def test_mean_of_one_is_itself(seed, dim, dtype):
    z = draw(seed, 1, dim, dtype=dtype)
    assert close(sphere.mean(z), z[0], dtype, 4)
    assert close(sphere.mean(z.expand(5, dim)), z[0], dtype, 4)


def cap(seed: int, n: int, dim: int, radius: float, dtype) -> torch.Tensor:
    """n points within `radius` of one point, where the mean is unique: (n, dim)."""
    centre = draw(seed, dim)
    spread = torch.rand(n, generator=generator(seed + 1), dtype=torch.float64) * radius
    return sphere.step(centre.expand(n, dim), draw(seed + 2, n, dim), spread).to(dtype)


@law(seeds, dims, dtypes, st.integers(2, 9), st.floats(0.01, 1.3))
def test_mean_is_where_the_logs_balance(seed, dim, dtype, n, radius):
    points = cap(seed, n, dim, radius, dtype)
    weights = torch.rand(n, generator=generator(seed), dtype=torch.float64) + 0.1
    m = sphere.mean(points, weights)
    assert m.dtype == dtype and on_sphere(m)
    balance = sum(w * sphere.log(m, p) for w, p in zip(weights, points, strict=True))
    assert balance.norm() / weights.sum() <= tolerance(dtype, 64)
    order = torch.randperm(n, generator=generator(seed))
    assert close(sphere.mean(points[order], weights[order]), m, dtype, 500)
    turn = rotation(seed + 3, dim, dtype)
    turned = sphere.mean(sphere.normalize(points @ turn), weights)
    assert close(turned, m @ turn, dtype, 1000)


def test_mean_is_the_least_sum_of_squared_angles():
    points = cap(0, 6, 4, 1.2, torch.float64)
    m = sphere.mean(points)

    def cost(z):
        return sum(sphere.angle(z, p).item() ** 2 for p in points)

    assert cost(m) < cost(sphere.combine([1] * 6, points)) - 1e-6  # not the normalised sum
    for near in around(m, 1e-3, 50, 1):
        assert cost(near) > cost(m)


def test_mean_in_batches_and_with_zero_weights():
    points = torch.stack([cap(seed, 5, 16, 1.0, torch.float64) for seed in range(0, 30, 10)], dim=1)
    batch = sphere.mean(points)  # (5, 3, 16) -> (3, 16)
    for k in range(3):
        assert torch.allclose(batch[k], sphere.mean(points[:, k]), atol=1e-14)
    # Where one has arrived at once, the others go on
    points[:, 1] = points[0, 1]
    batch = sphere.mean(points)
    for k in (0, 2):
        assert torch.allclose(batch[k], sphere.mean(points[:, k]), atol=1e-14)
    left_out = sphere.mean(points, weights=[1, 1, 0, 1, 0])
    assert torch.allclose(left_out, sphere.mean(points[[0, 1, 3]]), atol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_mean_of_many_strangers_converges(dtype):
    # Unrelated points in 128 dimensions are about pi/2 apart, as strangers' faces nearly are.
    points = draw(15, 60, 128, dtype=dtype)
    m = sphere.mean(points)
    assert sphere.log(m, points).mean(dim=0).norm() <= tolerance(dtype, 64)


def test_mean_names_what_is_wrong():
    a, b, c = draw(16, 3, 8)
    with pytest.raises(IstrcError, match="antipodal"):
        sphere.mean(torch.stack([a, b, c, -b]))
    sphere.mean(torch.stack([a, b, c, -b]), weights=[1, 1, 1, 0])  # it does not count: no error
    with pytest.raises(IstrcError, match="no points"):
        sphere.mean(torch.empty(0, 8))
    for weights in ([1, -1], [3, -1], [0, 0], [math.nan, 1]):
        with pytest.raises(IstrcError, match="weights"):
            sphere.mean(torch.stack([a, b]), weights)
    with pytest.raises(IstrcError, match="3 numbers for 2 points"):
        sphere.mean(torch.stack([a, b]), [1, 1, 1])
    thirds = torch.tensor([0.0, 2 * math.pi / 3, 4 * math.pi / 3], dtype=torch.float64)
    with pytest.raises(IstrcError, match="cancel"):  # no pair is antipodal, yet they balance out
        sphere.mean(torch.stack([thirds.cos(), thirds.sin()], dim=1))


@law(seeds, dims, dtypes)
def test_combine_is_the_normalised_weighted_sum(seed, dim, dtype):
    points = draw(seed, 3, 2, dim, dtype=dtype)
    result = sphere.combine([1, -1, 1], points)
    assert result.shape == (2, dim) and on_sphere(result)
    for row in range(2):
        slow = [float(p[0] - p[1] + p[2]) for p in points[:, row].double().T]
        length = math.sqrt(sum(value * value for value in slow))
        assume(length > 0.1)
        assert close(result[row].double(), [value / length for value in slow], dtype, 64)
    assert close(sphere.combine([2.0], points[:1]), points[0], dtype, 4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_combine_refuses_a_sum_that_vanishes(dtype):
    a, b = draw(17, 2, 128, dtype=dtype)
    with pytest.raises(IstrcError, match="cancel"):
        sphere.combine([1, -1], torch.stack([a, a]))
    with pytest.raises(IstrcError, match="cancel"):
        sphere.combine([0.1, 0.7, -0.8], torch.stack([a, a, a]))
    with pytest.raises(IstrcError, match="cancel"):  # to rounding of what is added
        sphere.combine([1e4, 7e4, -8e4], torch.stack([a, a, a]))
    with pytest.raises(IstrcError, match="cancel"):  # one row among good ones
        sphere.combine([1, -1], torch.stack([torch.stack([a, a]), torch.stack([a, b])]))
    with pytest.raises(IstrcError, match="2 numbers for 1 points"):
        sphere.combine([1, -1], a[None])
    # A small difference is a difference: it has a direction.
    near = sphere.step(a, b, 1e-3)
    assert on_sphere(sphere.combine([1, -1], torch.stack([near, a])))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_on_the_sphere(dtype):
    a, b = draw(18, 2, 64, dtype=dtype)
    for z in (
        sphere.slerp(a, b, 0.3),
        sphere.exp(a, sphere.log(a, b)),
        sphere.step(a, b, 0.5),
        sphere.mean(torch.stack([a, b])),
    ):
        assert z.dtype == dtype and on_sphere(z)


# --- transport -------------------------------------------------------------------------------


@law(seeds, dims, dtypes, st.floats(1e-3, 2.8))
def test_transport_keeps_lengths_and_carries_the_arc_along(seed, dim, dtype, theta):
    a, b = pair(seed, dim, theta, dtype)
    v = sphere.tangent(a, draw(seed + 1, dim, dtype=dtype))
    w = sphere.transport(a, b, v)
    factor = 400 / (torch.pi - theta) ** 2
    assert close((w * b).sum(), 0.0, dtype, factor)
    assert close(w.norm(), v.norm(), dtype, factor)
    # The arc's own direction at a becomes its direction at b, which leads away from a
    assert close(sphere.transport(a, b, sphere.log(a, b)), -sphere.log(b, a), dtype, factor)
    assert close(sphere.transport(b, a, w), v, dtype, factor)


def test_transport_nowhere_and_of_many_points():
    a = draw(0, 5, 16)
    v = sphere.tangent(a, draw(1, 5, 16))
    torch.testing.assert_close(sphere.transport(a, a, v), v)
    with pytest.raises(IstrcError, match="antipodal"):
        sphere.transport(a, -a, v)
