"""What is measured on a face, by hand and in a loop."""

import math

import numpy as np
import pytest
import torch

from istrc.shape.frame import MIRRORED
from istrc.shape.measures import MEASURED, area, eyes, measures, pose


def by_hand(p):
    """Point by point, in plain numbers."""

    def centre(some):
        return [sum(p[i][k] for i in some) / len(some) for k in (0, 1)]

    left, right = centre(range(36, 42)), centre(range(42, 48))
    unit = math.dist(left, right)
    down = [-(right[1] - left[1]) / unit, (right[0] - left[0]) / unit]

    def apart(a, b):
        return math.dist(p[a], p[b]) / unit

    def below(a, b):
        return sum((a[k] - b[k]) * down[k] for k in (0, 1)) / unit

    lips = centre((50, 51, 52, 56, 57, 58))
    return {
        "lip_curve": below(lips, centre((48, 54))),
        "lip_gap": (below(p[67], p[61]) + below(p[66], p[62]) + below(p[65], p[63])) / 3,
        "mouth_width": apart(48, 54),
        "lip_thickness": below(p[62], p[51]) + below(p[57], p[66]),
        "nose_width": apart(31, 35),
        "eye_opening": sum(apart(*ab) for ab in ((37, 41), (38, 40), (43, 47), (44, 46))) / 4,
    }


def test_measures_are_those_of_a_loop(face_points):
    rng = np.random.default_rng(0)
    shapes = face_points + rng.normal(0, 0.05, (2, 3, 68, 2))
    found = measures(shapes)
    assert set(found) == set(MEASURED.values())
    for name, values in found.items():
        assert values.shape == (2, 3)
        for at in np.ndindex(2, 3):
            assert values[at] == pytest.approx(by_hand(shapes[at].tolist())[name], abs=1e-9)
    by_torch = measures(torch.from_numpy(shapes))
    for name, values in by_torch.items():
        np.testing.assert_allclose(values.numpy(), found[name])


def test_where_a_face_is_and_how_large_does_not_matter(face_points):
    turn = 1.7 * np.array([[math.cos(0.4), -math.sin(0.4)], [math.sin(0.4), math.cos(0.4)]])
    moved = measures(face_points @ turn.T + [3.0, -2.0])
    for name, value in measures(face_points).items():
        assert moved[name] == pytest.approx(value)


def test_each_grows_with_what_it_is_of(face_points, open_mouth):
    before = measures(face_points)
    assert measures(open_mouth(face_points, 0.1))["lip_gap"] > before["lip_gap"] + 0.1
    crossed = face_points.copy()
    crossed[60:68, 1] = 2 * crossed[60, 1] - crossed[60:68, 1]
    assert measures(crossed)["lip_gap"] == pytest.approx(-before["lip_gap"])
    smiling = face_points.copy()
    smiling[[48, 54], 1] -= 0.1
    assert measures(smiling)["lip_curve"] > before["lip_curve"] + 0.1
    left, right = eyes(face_points)
    assert left[0] < right[0] and left[1] == pytest.approx(right[1])


def test_the_pose_is_where_the_nose_lies(face_points):
    """Between the eyes and below them, over their distance, however the picture is turned."""
    left, right = face_points[36:42].mean(0), face_points[42:48].mean(0)
    unit, middle = np.linalg.norm(right - left), (left + right) / 2
    along = (right - left) / unit
    down = np.array([-along[1], along[0]])
    wanted = [(face_points[30] - middle) @ along / unit, (face_points[33] - middle) @ down / unit]
    np.testing.assert_allclose(pose(face_points), wanted, atol=1e-9)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    np.testing.assert_allclose(pose(3 * face_points @ turn.T + 5), wanted, atol=1e-9)
    sides = face_points * [-1, 1]
    np.testing.assert_allclose(pose(sides[MIRRORED]), [-wanted[0], wanted[1]], atol=1e-9)


def test_the_area_of_a_polygon():
    square = np.array([[0, 0], [2, 0], [2, 3], [0, 3]], float)
    np.testing.assert_array_equal(area(np.stack([square, square[::-1]])), [6, -6])
