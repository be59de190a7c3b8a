import numpy as np
import pytest

from istrc.evaluation.pose import RIGID, pose_shift


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(0, 1, (5, 68, 2)) + np.arange(68)[None, :, None]


def test_the_slow_way(points):
    after = points + np.random.default_rng(1).normal(0, 0.2, points.shape)
    for found, a, b in zip(pose_shift(points, after), points, after, strict=True):
        eyes = np.linalg.norm((a[36] + a[39]) / 2 - (a[42] + a[45]) / 2)
        moved = [np.linalg.norm(a[i] - b[i]) for i in (27, 28, 29, 30, 36, 39, 42, 45)]
        assert found == pytest.approx(sum(moved) / 8 / eyes)


def test_a_mouth_may_open_and_no_unit_matters(points):
    after = points.copy()
    after[:, [i for i in range(68) if i not in RIGID]] += 3
    assert pose_shift(points, after) == pytest.approx(np.zeros(5))
    after[:, list(RIGID)] += 1
    assert pose_shift(64 * points, 64 * after) == pytest.approx(pose_shift(points, after))
