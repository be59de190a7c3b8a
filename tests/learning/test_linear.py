"""The linear classifier of few faces: its loss the slow way, its folds, its calibration."""

import math

import numpy as np
import pytest

from istrc.learning.linear import (
    FLATTEST,
    class_weights,
    cross_entropy,
    learn_linear,
    logistic,
    out_of_fold,
    platt,
)


def faces(count=30, dim=12, gap=1.0, seed=0):
    """Unit vectors round two places, and which of the two: (2 count, dim), (2 count,)."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([1.0, 0.0], count)
    z = rng.normal(size=(2 * count, dim)) + 1
    z[:, 0] += gap * (2 * labels - 1)
    return z / np.linalg.norm(z, axis=1, keepdims=True), labels


def slow_loss(v, bias, features, labels, weights, ridge):
    total = 0.5 * ridge * sum(value**2 for value in v)
    for x, y, weight in zip(features, labels, weights, strict=True):
        p = 1 / (1 + math.exp(-(sum(a * b for a, b in zip(v, x, strict=True)) + bias)))
        total -= weight * (y * math.log(p) + (1 - y) * math.log(1 - p))
    return total


@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_newton_finds_the_least_loss(ridge):
    features, labels = faces(12, 4)
    labels[3] = 0.8  # a target that is not certain
    weights = np.linspace(0.5, 2, len(labels))
    v, bias = logistic(features, labels, weights, ridge)
    least = slow_loss(v, bias, features, labels, weights, ridge)
    rng = np.random.default_rng(1)
    for size in (1e-3, 1e-2, 0.3):
        for move in rng.normal(size=(20, 5)) * size:
            other = slow_loss(v + move[:4], bias + move[4], features, labels, weights, ridge)
            assert other > least


def test_newton_from_anywhere_ends_in_one_place():
    features, labels = faces(15, 6, gap=4)  # told apart without a mistake
    features = features * 20  # far from where Newton's full step is good
    one = logistic(features, labels, class_weights(labels), 1e-3)
    other = logistic(features, labels, class_weights(labels), 1e-3, (np.full(6, -30.0), 40.0))
    np.testing.assert_allclose(one[0], other[0], atol=1e-4)
    assert one[1] == pytest.approx(other[1], abs=1e-3)  # hardly curved where all is certain


def test_a_side_weighs_what_the_other_does():
    labels = np.array([1.0, 0, 0, 0, 0])
    weights = class_weights(labels)
    assert weights[0] == pytest.approx(weights[1:].sum()) and weights.mean() == pytest.approx(1)
    np.testing.assert_allclose(
        cross_entropy(np.array([2.0, -3.0]), np.array([1.0, 1.0])),
        [math.log(1 + math.exp(-2)), math.log(1 + math.exp(3))],
    )


def test_no_face_is_in_its_own_fold():
    """A face far off, of its own kind, is never foreseen, however weak the ridge."""
    features, labels = faces(10, 5, gap=3)
    out = out_of_fold(features, labels, (0.1, 1.0), folds=5, repeats=3, seed=0)
    assert out.shape == (2, 3, 20)
    swapped = labels.copy()
    swapped[0] = 0.0  # a wrong label moves its own score only when others are scored by it
    again = out_of_fold(features, swapped, (0.1, 1.0), folds=2, repeats=1, seed=0)
    v, bias = logistic(features, swapped, class_weights(swapped), 0.1)
    assert again[0, 0, 0] > features[0] @ v + bias
    # The same draws again
    assert np.array_equal(
        out, out_of_fold(features, labels, (0.1, 1.0), folds=5, repeats=3, seed=0)
    )


def test_platt_calibrates_and_stays_modest():
    rng = np.random.default_rng(0)
    labels = (rng.uniform(size=4000) < 0.5).astype(float)
    logits = 1.7 * (2 * labels - 1) + rng.normal(size=4000)  # the log odds are 3.4 times this
    slope, shift = platt(3 * logits[None] + 6, labels)
    assert slope == pytest.approx(3.4 / 3, rel=0.1) and shift == pytest.approx(-6 * slope, abs=0.2)
    # Told apart without a mistake: of 20 faces nobody is surer than 21 to 1
    few = np.repeat([1.0, 0.0], 20)
    slope, shift = platt(100 * (2 * few - 1)[None], few)
    assert 100 * slope + shift == pytest.approx(math.log(21), abs=0.01)


def test_logits_that_run_the_wrong_way_do_not_turn_the_direction():
    labels = np.repeat([1.0, 0.0], 10)
    slope, shift = platt(-(2 * labels - 1)[None] + 5, labels)
    assert slope == FLATTEST and shift == pytest.approx(-5 * FLATTEST)


@pytest.mark.parametrize("sides", [(20, 20), (40, 10), (6, 5)])
def test_learned_logits_tell_new_faces_apart(sides):
    z, labels = faces(max(sides), gap=2)
    keep = np.r_[: sides[0], max(sides) : max(sides) + sides[1]]
    fit = learn_linear(z[keep], labels[keep])
    new, truth = faces(200, gap=2, seed=1)
    logits = new @ fit.weight + fit.bias
    assert ((logits > 0) == (truth == 1)).mean() > 0.85
    assert abs(logits.mean()) < 1.2  # as if half had it, whatever the share was
    assert fit.logits.shape == (5, sum(sides))
    assert np.array_equal(fit.weight, learn_linear(z[keep], labels[keep]).weight)


def test_more_faces_than_numbers():
    z, labels = faces(60, 4)
    fit = learn_linear(z, labels, repeats=1)
    assert fit.weight.shape == (4,) and np.isfinite(fit.weight).all()
    assert fit.weight[0] == pytest.approx(np.abs(fit.weight).max())
