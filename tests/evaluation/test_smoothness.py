"""Smoothness against slow loops, on a circle whose decoder is linear."""

import math

import numpy as np
import pytest
import torch

from istrc import sphere
from istrc.errors import InputError
from istrc.evaluation.results import plain
from istrc.evaluation.smoothness import (
    BETWEEN,
    _parents,
    change,
    evaluate_smoothness,
    kept_and_between,
    ratios,
    smoothness_markdown,
)


@pytest.fixture(scope="module")
def still(circle):
    circle.device = torch.device("cpu")
    return circle


def test_ratios_by_hand():
    changes = torch.tensor([[1.0, 4.0], [3.0, 4.0]])
    angles = torch.tensor([[0.5, 1.0], [0.5, 3.0]])
    found = ratios(changes, angles)
    assert found["mean"] == pytest.approx(12 / 5)
    assert found["largest"] == pytest.approx(6)
    # columns: ratios 2, 6 with mean 4; ratios 4, 4/3 with mean 2
    assert found["max_over_mean"] == pytest.approx((6 / 4 + 4 / 2) / 2)


def test_change_is_in_levels():
    x = torch.zeros(2, 3, 4, 4)
    assert change(x + 1, x - 1).tolist() == [255, 255]


def test_kept_and_between_the_slow_way():
    rng = np.random.default_rng(0)
    ends, inner = rng.uniform(size=(2, 7, 5)), rng.uniform(size=(3, 7, 5))
    ends[:, :, 4] = 0.9  # all parents agree here: none differ
    kept, between = kept_and_between(ends, inner)
    for a in range(5):
        keeps, lies = [], []
        for t in range(3):
            for b in range(7):
                one, two = ends[0, b, a], ends[1, b, a]
                if (one >= 0.5) == (two >= 0.5):
                    keeps.append((inner[t, b, a] >= 0.5) == (one >= 0.5))
                else:
                    low, high = sorted((one, two))
                    lies.append(low - BETWEEN <= inner[t, b, a] <= high + BETWEEN)
        assert kept[a] == pytest.approx(np.mean(keeps))
        assert between[a] == pytest.approx(np.mean(lies)) if lies else math.isnan(between[a])


def test_parents_are_of_different_people_and_distinct():
    identity = np.array([0, 0, 1, 2, -1, -1, 3, 3])
    first, second = _parents(np.arange(8), identity, 10)
    assert list(zip(first, second, strict=True)) == [(2, 3), (4, 5)]
    with pytest.raises(InputError, match="two pairs"):
        _parents(np.arange(2), identity, 10)


def test_a_linear_decoder_is_even_along_the_arc(still, prepared, judge):
    found = evaluate_smoothness(
        circle=still, prepared=prepared, judge=judge, pairs=6, steps=8, neighbours=3
    )
    slerp, lerp = found["paths"]["slerp"], found["paths"]["lerp"]
    assert slerp["angle_of_steps_max_over_mean"] == pytest.approx(1, abs=1e-3)
    assert lerp["angle_of_steps_max_over_mean"] > 1.01
    assert 1 <= slerp["change"]["max_over_mean"] < 1.5
    # By hand: the first pair's path
    rows = np.random.default_rng(0).permutation(prepared.rows("valid"))
    rows = np.random.default_rng([0, 1]).permutation(np.sort(rows))
    first, second = _parents(rows, prepared.identity, 6)
    total, turned = 0.0, 0.0
    for one, two in zip(first, second, strict=True):
        a, b = (still.embed(prepared.batch(np.array([row]))) for row in (one, two))
        points = [sphere.slerp(a, b, t / 8) for t in range(9)]
        for p, q in zip(points[:-1], points[1:], strict=True):
            total += float((still.decode(p) - still.decode(q)).abs().mean()) * 127.5
            turned += float(sphere.angle(p, q))
    assert slerp["change"]["mean"] == pytest.approx(total / turned, rel=1e-3)
    assert set(found["noise"]) == {"0.05", "0.2", "0.5"}
    assert "wide_mouth" not in slerp["attributes"] and "smile" in slerp["attributes"]
    assert 0 <= slerp["kept"] <= 1 and 0 <= slerp["kept_strangers"] <= 1
    assert "noise, 0.05 rad" in smoothness_markdown(plain(found))


def test_the_seed_decides(still, prepared, judge):
    options = dict(circle=still, prepared=prepared, judge=judge, pairs=3, steps=3, neighbours=2)
    one, two, other = (evaluate_smoothness(**options, seed=seed) for seed in (0, 0, 1))
    assert plain(one) == plain(two) != plain(other)
