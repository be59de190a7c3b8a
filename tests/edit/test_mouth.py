"""Lips that shut."""

import numpy as np

from istrc.edit.mouth import area, met, widened
from istrc.shape.mesh import LOWER, UPPER


def test_lips_that_nearly_shut_meet(mesh):
    """Between where the new points are; mouths that stay open, and shut ones, are as they are."""
    open_ = mesh.reference.copy()
    gap = open_[LOWER] - open_[UPPER]
    for left, same in ((0.1, False), (0.28, False), (0.7, True)):
        new = open_.copy()
        new[LOWER] -= (1 - left) * gap
        found = met(open_, new)
        if same:
            np.testing.assert_array_equal(found, new)
            continue
        np.testing.assert_allclose(found[UPPER], found[LOWER], atol=1e-6)
        np.testing.assert_allclose(found[UPPER], (new[UPPER] + new[LOWER]) / 2, atol=1e-6)
        others = [point for point in range(68) if point not in (*UPPER, *LOWER)]
        np.testing.assert_array_equal(found[others], new[others])
    shut = open_.copy()
    shut[LOWER] = shut[UPPER]
    np.testing.assert_array_equal(met(shut, open_), open_)  # it opens
    np.testing.assert_array_equal(met(open_, open_), open_)


def test_an_open_mouth_reaches_into_its_lips_where_it_shuts(mesh):
    """By a share of what it shuts, upwards and downwards; elsewhere it is where it was."""
    open_ = mesh.reference.copy()
    shut = open_.copy()
    shut[LOWER] = shut[UPPER]
    found = widened(open_, shut)
    gap = (open_[LOWER] - open_[UPPER])[:, 1]
    np.testing.assert_allclose((open_ - found)[UPPER, 1], 0.2 * gap, rtol=0.05)
    np.testing.assert_allclose((found - open_)[LOWER, 1], 0.25 * gap, rtol=0.05)
    np.testing.assert_array_equal(widened(open_, open_), open_)


def test_the_area_of_a_polygon():
    square = np.array([[0, 0], [2, 0], [2, 3], [0, 3]], float)
    assert area(square) == 6 and area(square[::-1]) == -6
