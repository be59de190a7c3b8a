"""The walk: the paper's equation by autograd, the shortest step by a direct solve, and its laws."""

import math
from dataclasses import FrozenInstanceError
from inspect import signature

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from istrc import sphere
from istrc.edit.walk import CERTAIN, Walk, shortest, targets, walk, walk_each
from istrc.models.attributes import AttributeClassifiers

NAMES = ("smile", "male", "beard", "young")
DIM = 12
logit_values = st.floats(-8, 8, allow_nan=False)
strength_values = st.floats(-2, 2, allow_nan=False)


def law(*strategies, examples=40):
    return lambda test: settings(max_examples=examples, deadline=None)(given(*strategies)(test))


def build(seed=0, dtype=torch.float64):
    """Classifiers with logits of a few units, and a covariance far from round."""
    torch.manual_seed(seed)
    net = AttributeClassifiers(NAMES, DIM, 8, 4).to(dtype).eval().requires_grad_(False)
    net.slope.fill_(8.0)
    net.shift -= net(sphere.normalize(torch.randn(500, DIM, dtype=dtype))).mean(0)
    spread = torch.randn(DIM, DIM, dtype=dtype) * torch.logspace(0, -1, DIM, dtype=dtype)
    net.covariance.copy_(spread @ spread.T / DIM**2)
    return net


def draw(count=6, seed=1, dtype=torch.float64):
    torch.manual_seed(seed)
    return sphere.normalize(torch.randn(count, DIM, dtype=dtype))


def go(z, net, edits, keep=(), **options):
    """Walk to strengths, as the circle does."""
    columns = torch.tensor([NAMES.index(name) for name in edits], dtype=torch.long)
    strengths = torch.tensor(list(edits.values()), dtype=z.dtype)
    wanted = targets(net(z, columns), strengths)
    return walk(z, net, wanted, columns.tolist(), [NAMES.index(n) for n in keep], **options)


# --- targets ---------------------------------------------------------------------------------


def test_certain_is_the_logit_of_95_percent():
    assert 1 / (1 + math.exp(-CERTAIN)) == pytest.approx(0.95)


@law(logit_values)
def test_strength_one_is_probability_95_or_further(logit):
    up = targets(torch.tensor([[logit]]), torch.tensor([1.0])).item()
    down = targets(torch.tensor([[logit]]), torch.tensor([-1.0])).item()
    if logit <= 0:
        assert 1 / (1 + math.exp(-up)) == pytest.approx(0.95, abs=1e-5)
        assert down == pytest.approx(logit - CERTAIN, abs=1e-5)
    else:
        assert up == pytest.approx(logit + CERTAIN, abs=1e-5)
        assert 1 / (1 + math.exp(-down)) == pytest.approx(0.05, abs=1e-5)


@law(logit_values, strength_values, strength_values)
def test_targets_laws(logit, first, second):
    def target(logit, strength):
        return targets(
            torch.tensor([[logit]], dtype=torch.float64),
            torch.tensor([strength], dtype=torch.float64),
        ).item()

    assert target(logit, 0.0) == logit
    # More strength leads further, the sign decides where to
    if first < second:
        assert target(logit, first) <= target(logit, second)
    assert abs(target(logit, first) - logit) >= CERTAIN * abs(first) * (1 - 1e-9) - 1e-12
    # In proportion on each side, and the same in both directions
    assert target(logit, first / 2) - logit == pytest.approx((target(logit, first) - logit) / 2)
    assert target(-logit, -first) == pytest.approx(-target(logit, first))


def test_targets_of_a_batch_are_those_of_each():
    torch.manual_seed(0)
    logits, strengths = torch.randn(5, 3), torch.tensor([0.5, -1.0, 0.0])
    together = targets(logits, strengths)
    for b in range(5):
        for k in range(3):
            alone = targets(logits[b : b + 1, k : k + 1], strengths[k : k + 1])
            assert together[b, k] == alone[0, 0]
    assert targets(torch.empty(5, 0), torch.empty(0)).shape == (5, 0)


# --- the step --------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["data", "euclidean"])
@pytest.mark.parametrize("count", [1, 3])
def test_shortest_is_a_direct_solve(metric, count):
    """Least v' M^-1 v among tangent v with J v = gap: the KKT system, one face at a time."""
    net, z = build(), draw()
    gradients = torch.randn(len(z), count, DIM, dtype=torch.float64)
    gap = torch.randn(len(z), count, dtype=torch.float64)
    m = net.covariance if metric == "data" else None
    got = shortest(z, gradients, gap, m)
    m = np.eye(DIM) if m is None else m.numpy()
    for b in range(len(z)):
        # In coordinates of the tangent space at z
        basis = np.linalg.svd(z[b : b + 1].numpy())[2][1:].T  # (D, D-1)
        j = gradients[b].numpy() @ basis  # (C, D-1)
        inverse = np.linalg.inv(basis.T @ m @ basis)
        system = np.block([[inverse, j.T], [j, np.zeros((count, count))]])
        solution = np.linalg.solve(system, np.concatenate([np.zeros(DIM - 1), gap[b].numpy()]))
        wanted = basis @ solution[: DIM - 1]
        error = np.linalg.norm(got[b].numpy() - wanted) / np.linalg.norm(wanted)
        assert error < 0.05  # what the ridge gives away
        assert abs(got[b] @ z[b]) < 1e-12
        np.testing.assert_allclose(gradients[b] @ got[b], gap[b], atol=0.05 * gap[b].norm())


def test_shortest_with_its_ridge_exactly():
    net, z = build(), draw()
    _, gradients = net.at(torch.arange(3))(z)
    gap = torch.randn(len(z), 3, dtype=torch.float64)
    got = shortest(z, gradients, gap, net.covariance)
    for b in range(len(z)):
        p = torch.eye(DIM) - torch.outer(z[b], z[b])
        j = gradients[b] @ p
        mp = p @ net.covariance @ p
        gram = j @ mp @ j.T
        ridge = 1e-3 * gram.diagonal().mean() * torch.eye(3)
        wanted = mp @ j.T @ torch.linalg.inv(gram + ridge) @ gap[b]
        torch.testing.assert_close(got[b], wanted, rtol=1e-6, atol=1e-9)


def test_two_names_for_one_thing_and_a_gradient_of_nothing():
    z = draw()
    g = torch.randn(len(z), 1, DIM, dtype=torch.float64)
    twice = shortest(z, g.expand(-1, 2, -1), torch.ones(len(z), 2, dtype=z.dtype), None)
    once = shortest(z, g, torch.ones(len(z), 1, dtype=z.dtype), None)
    torch.testing.assert_close(twice, once, rtol=1e-2, atol=1e-4)
    nothing = shortest(z, 0 * g, torch.ones(len(z), 1, dtype=z.dtype), None)
    assert torch.equal(nothing, torch.zeros_like(z))


@pytest.mark.parametrize("y", [1, 0])
def test_the_euclidean_walk_is_the_papers(y):
    """One attribute, nothing kept: every step is along the gradient of eq. 1, on the sphere."""
    net, z = build(), draw()
    trajectory = go(z, net, {"smile": 1.0 if y else -1.0}, metric="euclidean")
    assert len(trajectory.points) > 5
    for here, there in zip(trajectory.points, trajectory.points[1:], strict=False):
        moving = sphere.angle(here, there) > 1e-6
        at = here.clone().requires_grad_()
        c = torch.sigmoid(net(at)[:, 0])
        # loss(z, y) = -[y log C(z) + (1 - y) log(1 - C(z))]    (paper eq. 1)
        loss = -(y * torch.log(c) + (1 - y) * torch.log(1 - c))
        descent = sphere.tangent(here, -torch.autograd.grad(loss.sum(), at)[0])
        step = sphere.log(here, there)
        cosine = torch.nn.functional.cosine_similarity(step, descent, dim=1)
        assert (cosine[moving] > 1 - 1e-9).all()


@pytest.mark.parametrize("metric", ["data", "euclidean"])
def test_steps_are_geodesic_and_of_constant_length(metric):
    net, z = build(), draw()
    got = go(z, net, {"smile": 1.0}, metric=metric, step=0.03, bound=3.0)
    assert got.reached.float().mean() > 0.8
    points = got.points
    torch.testing.assert_close(points.norm(dim=-1), torch.ones(points.shape[:2]).double())
    lengths = sphere.angle(points[1:], points[:-1])  # (T, B)
    for face in torch.nonzero(got.reached)[:, 0]:
        own = lengths[:, face]
        own = own[own > 1e-9]
        assert (own <= 0.03 + 1e-9).all()
        # Only when the target is nearer than a step is one shortened: at the end
        short = torch.nonzero(own < 0.03 - 1e-9)[:, 0]
        assert len(own) > 2 and (short >= len(own) - 5).all()
    torch.testing.assert_close(got.angle, sphere.angle(points[0], points[-1]))
    assert torch.equal(points[0], z) and torch.equal(got.end, points[-1])


def test_the_metric_of_the_data_stays_where_faces_vary():
    """Its end point is reached at less cost in units of the data, the other at a smaller angle."""
    net, z = build(), draw(24)
    ends = {}
    for metric in ("data", "euclidean"):
        got = go(z, net, {"smile": 0.3}, metric=metric, step=0.01)
        ends[metric] = got
    assert (ends["data"].reached & ends["euclidean"].reached).all()

    def cost(got):  # Mahalanobis length of the way, against the covariance within the tangent
        v = sphere.log(z, got.end)
        total = 0.0
        for b in range(len(z)):
            basis = torch.from_numpy(np.linalg.svd(z[b : b + 1].numpy())[2][1:].T)
            inverse = torch.linalg.inv(basis.T @ net.covariance @ basis)
            total += ((v[b] @ basis) @ inverse @ (basis.T @ v[b])).sqrt()
        return total

    assert cost(ends["data"]) < cost(ends["euclidean"])
    assert ends["euclidean"].angle.sum() < ends["data"].angle.sum()


# --- where it ends ---------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["data", "euclidean"])
@pytest.mark.parametrize("edits", [{"smile": 1.0}, {"smile": -0.5, "young": 0.7}])
def test_it_ends_at_the_target(metric, edits):
    net, z = build(), draw(20)
    got = go(z, net, edits, metric=metric)
    columns = torch.tensor([NAMES.index(name) for name in edits])
    torch.testing.assert_close(got.before, net(z, columns))
    torch.testing.assert_close(got.after, net(got.end, columns))
    torch.testing.assert_close(
        got.target,
        targets(got.before, torch.tensor([*edits.values()]).double()),
        rtol=1e-6,
        atol=1e-6,
    )
    assert torch.equal(got.reached, ((got.after - got.target).abs() <= 0.02).all(1))
    assert got.reached.float().mean() > 0.6
    # Whoever did not arrive is at the bound or has used up the steps
    assert ((got.angle > 0.999) | got.reached | (len(got.points) == 201)).all()


@pytest.mark.parametrize("metric", ["data", "euclidean"])
def test_kept_logits_are_held(metric):
    net, z = build(), draw(30)
    free = go(z, net, {"young": 1.0}, metric=metric)
    held = go(z, net, {"young": 1.0}, ["male", "smile"], metric=metric)
    columns = torch.tensor([1, 0])

    def drift(got):
        return (net(got.end, columns) - net(z, columns)).abs()

    ends = held.reached
    assert ends.float().mean() > 0.7
    assert drift(held)[ends].max() < 0.1
    assert drift(free)[ends].mean() > 10 * drift(held)[ends].mean()
    torch.testing.assert_close(held.after[ends], held.target[ends], atol=0.02, rtol=0)


@law(st.integers(0, 1000), st.floats(0.001, 1.2), st.floats(0.005, 0.4), strength_values)
def test_the_bound_is_never_exceeded(seed, bound, step, strength):
    net, z = build(seed), draw(4, seed)
    got = go(z, net, {"smile": strength, "young": -strength}, bound=bound, step=step)
    away = sphere.angle(got.points, z)  # (T+1, B)
    assert away.max() <= bound + 1e-9
    stuck = ~got.reached
    if len(got.points) <= 200:
        assert (got.angle[stuck] > bound - 1e-3).all()


@pytest.mark.parametrize("keep", [(), ("male",)])
def test_more_strength_goes_further(keep):
    net, z = build(), draw(20)
    strengths = (-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0)
    walks = [go(z, net, {"young": s}, keep, bound=3.0) for s in strengths]
    after = torch.stack([w.after[:, 0] for w in walks])
    arrived = torch.stack([w.reached for w in walks]).all(0)
    assert arrived.float().mean() > 0.5
    assert (after[1:, arrived] > after[:-1, arrived]).all()
    angles = torch.stack([w.angle for w in walks])
    assert (angles[4:, arrived].diff(dim=0) > 0).all()
    assert (angles[:3, arrived].diff(dim=0) < 0).all()
    assert (angles[3] == 0).all()


def test_faces_walk_alone_as_they_walk_together():
    net, z = build(dtype=torch.float32), draw(6, dtype=torch.float32)
    together = go(z, net, {"smile": 1.0}, ["male"])
    for b in range(len(z)):
        alone = go(z[b : b + 1], net, {"smile": 1.0}, ["male"])
        torch.testing.assert_close(together.end[b], alone.end[0], atol=2e-4, rtol=0)
        # One that has arrived waits for the others without moving
        still = together.points[len(alone.points) + 1 :, b]
        assert (still == together.end[b]).all()


def test_walking_is_repeatable_and_leaves_the_classifiers_alone():
    net, z = build(), draw()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    first, second = (go(z, net, {"smile": 1.0, "beard": -1.0}, ["male"]) for _ in range(2))
    assert torch.equal(first.points, second.points)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not first.points.requires_grad


# --- edges -----------------------------------------------------------------------------------


def test_strength_nothing_moves_nothing():
    net, z = build(), draw()
    got = go(z, net, {"smile": 0.0}, ["male"])
    assert torch.equal(got.end, z) and len(got.points) == 1
    assert got.reached.all() and (got.angle == 0).all()


def test_nothing_to_edit_moves_nothing():
    net, z = build(), draw()
    for keep in ((), ("male",)):
        got = go(z, net, {}, keep)
        assert torch.equal(got.end, z) and got.reached.all()
        assert got.before.shape == got.after.shape == got.target.shape == (6, 0)
        assert got.frames(3).shape == (3, 6, DIM)


def test_no_faces():
    got = go(draw()[:0], build(), {"smile": 1.0}, ["male"])
    assert got.points.shape[1:] == (0, DIM) and got.angle.shape == (0,)
    assert got.frames(4).shape == (4, 0, DIM)


def test_no_room_no_steps():
    net, z = build(), draw()
    got = go(z, net, {"smile": 1.0}, bound=0.0)
    assert got.angle.max() < 1e-9 and not got.reached.any()
    assert len(go(z, net, {"smile": 1.0}, steps=7).points) == 8
    assert len(go(z, net, {"smile": 1.0}, steps=0).points) == 1


def test_the_bound_and_the_steps_that_nobody_gave():
    net, z = build(), draw()
    got = go(z, net, {"smile": 20.0})
    assert not got.reached.any() and 0.999 < got.angle.max() <= 1 + 1e-9
    assert len(go(z, net, {"smile": 20.0}, step=1e-4).points) == 201
    one, each = (
        {name: given.default for name, given in signature(function).parameters.items()}
        for function in (walk, walk_each)
    )
    assert {name: one[name] for name in ("metric", "step", "bound", "steps", "tolerance")} == {
        name: each[name] for name in ("metric", "step", "bound", "steps", "tolerance")
    }


def test_who_stands_at_the_bound_walks_no_more():
    got = go(draw(), build(), {"smile": 20.0}, step=0.02, bound=0.1)
    assert not got.reached.any() and 6 <= len(got.points) <= 9


def test_no_gradient_is_kept_and_a_walk_is_never_changed():
    net, z = build(), draw().requires_grad_()
    one = go(z, net, {"smile": 1.0})
    [each] = walk_each(z, net, [one.target], [([0], [])])
    assert not one.points.requires_grad and not each.points.requires_grad
    with pytest.raises(FrozenInstanceError):
        one.angle = each.angle


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match="'data', 'euclidean'.*'manhattan'"):
        go(draw(), build(), {"smile": 1.0}, metric="manhattan")


# --- frames ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 5, 9])
def test_frames_are_evenly_spaced_in_angle_along_the_way(count):
    """On a way of unequal steps; measured along it, as it may bend."""
    torch.manual_seed(0)
    steps = [0.02, 0.3, 0.001, 0.0, 0.15, 0.1]
    points = [draw(3)]
    for length in steps:
        points.append(sphere.step(points[-1], torch.randn(3, DIM, dtype=torch.float64), length))
    points = torch.stack(points)
    blank = torch.zeros(3, 0)
    frames = Walk(points, blank, blank, blank, blank, blank).frames(count)
    assert frames.shape == (count, 3, DIM)
    for face in range(3):
        for i in range(count):
            wanted, leg = sum(steps) * i / (count - 1), 0
            while wanted > steps[leg] + 1e-12:  # walk it by hand
                wanted -= steps[leg]
                leg += 1
            share = wanted / steps[leg]
            at = sphere.slerp(points[leg, face], points[leg + 1, face], share)
            assert sphere.angle(frames[i, face], at) < 1e-7


def test_a_walk_until_a_share_of_each_way():
    got = go(draw(), build(), {"smile": 1.0, "young": 1.0}, ["male"])
    share = torch.tensor([0.0, 0.2, 0.5, 0.77, 0.9, 1.0], dtype=torch.float64)
    ended = got.until(share)
    assert ended.shape == got.points.shape
    legs = sphere.angle(got.points[1:], got.points[:-1])  # (T, B)
    for b in range(6):
        gone = 0.0
        for leg in range(len(legs)):
            gone += legs[leg, b].item()
            passed = gone > share[b] * legs[:, b].sum() + 1e-12
            wanted = got.at(share[None])[0, b] if passed else got.points[leg + 1, b]
            assert sphere.angle(ended[leg + 1, b], wanted) < 1e-7
    assert torch.equal(ended[0], got.points[0])


def test_a_share_is_of_the_way_with_its_last_step():
    points = [draw(1)]
    for length in (0.1, 0.1, 0.1, 0.4):
        points.append(sphere.step(points[-1], torch.ones(DIM, dtype=torch.float64), length))
    points, blank = torch.stack(points), torch.zeros(1, 0)
    ended = Walk(points, blank, blank, blank, blank, blank).until(torch.tensor([0.5]).double())
    assert torch.equal(ended[:4], points[:4])
    assert sphere.angle(ended[4], points[3]).item() == pytest.approx(0.05)


def test_frames_of_a_walk_begin_and_end_with_it():
    net, z = build(), draw()
    got = go(z, net, {"smile": 1.0, "young": 1.0}, ["male"])
    frames = got.frames(6)
    assert sphere.angle(frames[0], z).max() < 1e-7
    assert sphere.angle(frames[-1], got.end).max() < 1e-7
    torch.testing.assert_close(frames.norm(dim=-1), torch.ones(6, 6).double())
    assert sphere.angle(got.frames(1)[0], z).max() < 1e-7
    # Scores climb from frame to frame, also of faces that arrived early
    scores = torch.stack([net(frame)[:, 0] for frame in frames])
    assert (scores.diff(dim=0) > 0).all()


def test_frames_of_a_walk_that_went_nowhere():
    net, z = build(), draw()
    assert torch.equal(go(z, net, {"smile": 0.0}).frames(4), z.expand(4, -1, -1))
    # One of two faces has arrived from the start
    columns = torch.tensor([0])
    wanted = net(z[:2], columns) + torch.tensor([[0.0], [1.0]], dtype=z.dtype)
    frames = walk(z[:2], net, wanted, [0]).frames(3)
    assert sphere.angle(frames[:, 0], z[0]).max() < 1e-7
    assert sphere.angle(frames[0, 1], frames[2, 1]) > 0.01
