"""Irises of eyes that open stay round."""

import numpy as np
import pytest

from istrc.edit.eyes import EYES, opened

MIDDLES, WIDE, HIGH = np.array([[60.0, 50.0], [140.0, 54.0]]), 26.0, 8.0


def shape(high=HIGH, turned=0.0, wide=WIDE):
    """68 points, whose eyes are so high and wide, pixels."""
    points = np.zeros((68, 2))
    for part, middle in zip(EYES, MIDDLES, strict=True):
        eye = np.array([[-1, 0], [-0.4, -1], [0.4, -1], [1, 0], [0.4, 1], [-0.4, 1]])
        turn = np.array([[np.cos(turned), np.sin(turned)], [-np.sin(turned), np.cos(turned)]])
        points[part] = middle + eye * [wide, high] @ turn
    return points


def picture(aside=0.0, turned=0.0):
    """White with dark irises, so far aside in each eye."""
    y, x = np.mgrid[:100, :200] + 0.5
    pixels = np.full((100, 200, 3), 220.0)
    for middle in MIDDLES:
        at = middle + aside * WIDE * np.array([np.cos(turned), np.sin(turned)])
        pixels[np.hypot(x - at[0], y - at[1]) < 9] = 40
    return pixels


@pytest.mark.parametrize(("aside", "turned"), [(0, 0), (0.3, 0), (-0.3, 0.4)])
def test_an_iris_becomes_wider_where_it_is(aside, turned):
    pixels, moved = picture(aside, turned), np.zeros((2, 100, 200))
    opened(moved, pixels, (0, 0), shape(turned=turned), shape(1.5 * HIGH, turned))
    assert abs(moved).max() < 0.1 * WIDE
    across = np.array([np.cos(turned), np.sin(turned)])
    for middle in MIDDLES:
        seen = []
        for step in np.arange(-WIDE, WIDE):
            x, y = np.floor(middle + step * across).astype(int)
            seen.append(step + moved[:, y, x] @ across)  # where it looks
        assert (np.diff(seen) > 0).all()  # no fold
        near = np.abs(np.array(seen) - aside * WIDE) < 9
        assert 1.08 < near.sum() / 18 < 1.2  # as wide as it may become, 18 before
        assert abs(np.arange(-WIDE, WIDE)[near].mean() - aside * WIDE) < 2
    far = np.abs(np.mgrid[:100, :200][0] - 52) > 1.5 * 1.5 * HIGH + 4 + WIDE * abs(np.sin(turned))
    assert not moved[:, far].any()


def test_eyes_that_do_not_open_and_no_eyes_stay():
    pixels = picture()
    for new in (shape(), shape(0.5 * HIGH)):
        moved = np.zeros((2, 100, 200))
        opened(moved, pixels, (0, 0), shape(), new)
        assert not moved.any()
    for old, new in ((shape(0), shape()), (shape(wide=0), shape(2 * HIGH, wide=0))):
        moved = np.zeros((2, 100, 200))
        opened(moved, pixels, (0, 0), old, new)
        assert np.isfinite(moved).all()


def test_a_part_of_a_photograph_is_moved_as_in_all_of_it():
    pixels, whole, part = picture(), np.zeros((2, 100, 200)), np.zeros((2, 50, 60))
    shapes = shape(), shape(1.4 * HIGH)
    opened(whole, pixels, (0, 0), *shapes)
    opened(part, pixels, (35, 30), *shapes)
    np.testing.assert_array_equal(part, whole[:, 30:80, 35:95])
