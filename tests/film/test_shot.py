"""An edit enters a frame's planes as a difference; all else keeps its bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istrc.film.shot import Colours, Shot

pytest.importorskip("av")
HDTV, SDTV = (1, 0.2126, 0.0722), (5, 0.299, 0.114)


def a_shot(width=24, height=18, colours=HDTV, full=False, seed=0, low=60, high=190):
    rng = np.random.default_rng(seed)
    sizes = [(height, width)] + 2 * [(height // 2, width // 2)]
    planes = tuple(rng.integers(low, high, size, dtype=np.uint8) for size in sizes)
    return Shot(planes, Colours(*colours, full))


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.planes, b.planes, strict=True))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("colours", [HDTV, SDTV])
def test_grey_is_grey_in_every_range(colours, full):
    grey = tuple(np.full(n, 128, np.uint8) for n in ((8, 8), (4, 4), (4, 4)))
    level = 128 if full else (128 - 16) * 255 / 219
    assert np.abs(Shot(grey, Colours(*colours, full)).rgb() - level).max() <= 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.booleans(), st.sampled_from([HDTV, SDTV]))
def test_no_edit_and_no_share_give_the_same_bytes(seed, full, colours):
    shot = a_shot(colours=colours, full=full, seed=seed, low=0, high=256)
    pixels = shot.rgb()
    assert same(shot.changed(pixels, pixels.copy()), shot)
    assert shot.changed(pixels, 255 - pixels, 0.0) is shot
    assert shot.changed(pixels, pixels) is shot


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix, red, blue", [HDTV, SDTV])
def test_a_difference_is_that_of_the_equations(matrix, red, blue, full):
    """H.273 again, pixel by pixel."""
    shot = a_shot(colours=(matrix, red, blue), full=full)
    pixels = shot.rgb()
    edited = (pixels.astype(int) + np.random.default_rng(1).integers(-9, 10, pixels.shape)).clip(
        0, 255
    )
    result = shot.changed(pixels, edited.astype(np.uint8), 0.7)
    change = 0.7 * (edited - pixels.astype(int))
    for i in range(9):
        for j in range(12):
            differences = []
            for r, g, b in change[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(-1, 3):
                y = red * r + (1 - red - blue) * g + blue * b
                differences.append((y, (b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)))
            y, cb, cr = np.array(differences).T
            if not full:
                y, cb, cr = y * 219 / 255, cb * 224 / 255, cr * 224 / 255
            expected = shot.planes[0][2 * i : 2 * i + 2, 2 * j : 2 * j + 2].ravel() + y
            got = result.planes[0][2 * i : 2 * i + 2, 2 * j : 2 * j + 2].ravel()
            assert np.abs(got - expected).max() <= 0.501
            for plane, mean in ((1, cb.mean()), (2, cr.mean())):
                old, new = (int(each.planes[plane][i, j]) for each in (shot, result))
                assert abs(new - old - mean) <= 0.501


def test_an_edit_shows_as_it_was_made():
    """There and back: a smooth change of colour, to within what 8 bits can say."""
    shot = a_shot(40, 40, low=110, high=140)
    pixels = shot.rgb()
    edited = (pixels.astype(int) + [20, -12, 6]).astype(np.uint8)
    assert np.abs(shot.changed(pixels, edited).rgb() - edited.astype(int)).max() <= 2


def test_outside_of_the_edit_every_byte_stays():
    shot = a_shot(40, 30)
    pixels = shot.rgb()
    edited = pixels.copy()
    edited[7:16, 11:21] = 255 - edited[7:16, 11:21]
    result = shot.changed(pixels, edited)
    changed = result.planes[0] != shot.planes[0]
    assert changed.any() and not changed[:6].any() and not changed[16:].any()
    assert not changed[:, :10].any() and not changed[:, 22:].any()
    assert not (result.planes[1] != shot.planes[1])[:, 11:].any()
    assert same(shot, a_shot(40, 30))  # the frame itself is not written to
