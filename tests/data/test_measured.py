"""Measured labels: what the measures see, and what the regression takes away."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from istrc.data import measured
from istrc.data.measured import EXPLAINED, MEASURES, label, measure


def landmarks(mouth=50.0, lids=4.0, gap=6.0):
    """A schematic face: 68 points with eyes 40 apart, in pixels."""
    points = np.zeros((68, 2))
    for start, x in ((36, 44.0), (42, 84.0)):
        points[start : start + 6] = np.array(
            [(-8, 0), (-3, -lids), (3, -lids), (8, 0), (3, lids), (-3, lids)]
        ) + [x, 66]
    points[30], points[33] = (64, 84), (64, 88)
    points[48], points[54] = (64 - mouth / 2, 104), (64 + mouth / 2, 104)
    points[51] = (64, 98)
    points[62], points[66] = (64, 104 - gap / 2), (64, 104 + gap / 2)
    return points


def test_measures_of_a_face_that_was_drawn():
    got = dict(zip(MEASURES, measure(landmarks()), strict=True))
    assert np.isclose(got["mouth_width"], 50 / 40)
    # Hexagon: a 6 x 8 rectangle and two triangles of base 8 and height 5.
    assert np.isclose(got["eye_area"], (6 * 8 + 2 * 0.5 * 8 * 5) / 40**2)
    assert np.isclose(got["mouth_gap"], 6 / 40)
    assert np.isclose(got["corner_lift"], 6 / 40)
    assert np.isclose(got["yaw"], 0) and np.isclose(got["pitch"], 22 / 40)


@given(st.floats(-np.pi, np.pi), st.floats(0.2, 5), st.floats(-50, 50))
def test_measures_ignore_scale_rotation_and_place(angle, scale, shift):
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    face = landmarks()
    face[30] += (5, 0)  # some yaw, so that it is tested as well
    assert np.allclose(measure(face @ turn + shift), measure(face))


def made_up(n=4000, seed=0):
    """Faces whose mouth is wide by nature (0.1) or by a smile (0.3), and noise."""
    rng = np.random.default_rng(seed)
    attributes = rng.integers(0, 2, (n, len(EXPLAINED))).astype(np.int8)
    nature = rng.normal(size=(n, 2))
    measures = rng.normal(scale=0.05, size=(n, len(MEASURES)))
    measures[:, 0] = 1 + 0.3 * attributes[:, 0] + 0.1 * nature[:, 0] + 0.5 * measures[:, 2]
    measures[:, 1] = 0.02 - 0.01 * attributes[:, 0] + 0.002 * nature[:, 1]
    return attributes, nature, measures


def test_smile_is_taken_away_and_nature_remains():
    attributes, nature, measures = made_up()
    measures[::10] = np.nan
    train = np.arange(len(measures)) < 3000
    residuals, labels = label(measures, attributes, list(EXPLAINED), train)
    assert residuals.dtype == np.float32 and labels.dtype == np.int8
    found = np.isfinite(residuals).all(1)
    assert (~found == np.isnan(measures[:, 0])).all() and (labels[~found] == -1).all()
    for k in range(2):
        assert abs(np.corrcoef(measures[found, k], attributes[found, 0])[0, 1]) > 0.7
        assert abs(np.corrcoef(residuals[found, k], attributes[found, 0])[0, 1]) < 0.05
        assert np.corrcoef(residuals[found, k], nature[found, k])[0, 1] > 0.95
        counts = [(labels[train & found, k] == value).mean() for value in (-1, 0, 1)]
        assert np.allclose(counts, [0.2, 0.4, 0.4], atol=0.005)
        assert nature[labels[:, k] == 1, k].min() > nature[labels[:, k] == 0, k].mean()


def test_held_out_rows_do_not_shape_the_labels():
    attributes, _, measures = made_up()
    train = np.arange(len(measures)) < 3000
    one = label(measures, attributes, list(EXPLAINED), train)
    changed = measures.copy()
    changed[3000:] *= 2
    two = label(changed, attributes, list(EXPLAINED), train)
    assert np.array_equal(one[0][:3000], two[0][:3000])
    assert np.array_equal(one[1][:3000], two[1][:3000])


def test_too_few_faces_are_left_unknown():
    attributes, _, measures = made_up(measured.FEWEST - 1)
    residuals, labels = label(measures, attributes, list(EXPLAINED), np.ones(len(measures), bool))
    assert np.isnan(residuals).all() and (labels == -1).all()
