"""Hair: strands, the colour of brows, beards that go round the chin."""

from dataclasses import replace

import numpy as np
import pytest

from istrc.edit.composite import BELOW, Layers, put
from istrc.edit.hair import colour, density, filled, grown, parted, shaved, strands
from istrc.edit.tone import LUMA
from istrc.photo.align import aligned_frame
from istrc.resample import resized
from istrc.shape.regions import polygon, region_mask, skin

SIZE = 64


@pytest.fixture
def reference(mesh):
    return mesh.reference


def plain(level):
    return np.full((3, SIZE, SIZE), level, np.float32)


def test_strands_leave_the_mean_of_a_shade_and_are_finer_where_there_are_pixels_for_it():
    fields = {size: strands(size) for size in (64, 128, 512)}
    for size, field in fields.items():
        assert field.shape == (size, size) and abs(field.mean()) < 0.02
    assert fields[64].std() == pytest.approx(0.2, rel=0.05)  # one octave
    assert fields[64].std() < fields[128].std() < fields[512].std() < 0.75
    fine = strands(128) - resized(strands(64), 128)
    assert fine.std() == pytest.approx(0.25, rel=0.05)
    assert strands(64) is strands(64)  # made once


def test_strands_run_as_hair_grows():
    """Down from under the nose: neighbours below are more alike than neighbours beside."""
    field = strands(256)[200:240, 118:138]
    below = np.corrcoef(field[4:].ravel(), field[:-4].ravel())[0, 1]
    beside = np.corrcoef(field[:, 4:].ravel(), field[:, :-4].ravel())[0, 1]
    assert below > beside + 0.2


def brows(reference, own, brown):
    real = np.broadcast_to(np.float32(own)[:, None, None], (3, SIZE, SIZE)).copy()
    for brow in (reference[17:22], reference[22:27]):
        where = polygon(np.concatenate([brow, (brow + [0, 0.07])[::-1]]), SIZE)
        real += where * (np.float32(brown)[:, None, None] - real)
    return real


def test_hair_has_the_colour_of_the_brows(reference):
    own, brown = [0.5, 0.2, 0.0], [-0.4, -0.6, -0.7]
    found = colour(brows(reference, own, brown), reference, skin(reference, SIZE))
    below = found[:, SIZE - SIZE // 4, SIZE // 2]
    np.testing.assert_allclose(below, brown, atol=0.05)


def test_hair_is_lit_by_what_lights_the_skin(reference):
    """The less, the darker it is there; on what is black it is darker than anywhere."""
    real = brows(reference, [0.5, 0.2, 0.0], [-0.4, -0.6, -0.7])
    even = colour(real, reference, skin(reference, SIZE))
    for share in (0.5, 0.02):
        shaded = real.copy()
        shaded[:, -16:] = (real[:, -16:] + 1) * share - 1
        found = colour(shaded, reference, skin(reference, SIZE) * (np.arange(SIZE) < 48)[:, None])
        times = (found[:, -6:] + 1) / (even[:, -6:] + 1)
        np.testing.assert_allclose(times, max(share, 0.25) ** 0.6, rtol=0.03)
        np.testing.assert_allclose(found[:, :40], even[:, :40], atol=0.02)


def test_brows_that_are_as_light_as_the_skin_are_darkened_and_keep_their_hue(reference):
    own, pale = np.float32([0.5, 0.2, 0.0]), np.float32([0.45, 0.2, 0.05])
    found = colour(brows(reference, own, pale), reference, skin(reference, SIZE))[:, -9, 32] + 1
    light, level = ((LUMA.ravel() * lights).sum() for lights in (own + 1, found))
    assert level == pytest.approx(0.6 * light, rel=0.02)
    np.testing.assert_allclose(found / found.sum(), (pale + 1) / (pale + 1).sum(), atol=0.02)


def test_the_beard_of_a_grey_head_is_grey_whatever_its_brows(reference):
    """As grey hair is beside such skin, and no lighter than nearly that; its strands differ."""
    own, brown = np.float32([0.5, 0.2, 0.0]), np.float32([-0.4, -0.6, -0.7])
    of = brows(reference, own, brown), reference, skin(reference, SIZE)
    light, pale = (LUMA.ravel() * (own + 1)).sum(), np.array([0.5, 0.45, 0.42])
    plainly = colour(*of)
    np.testing.assert_array_equal(colour(*of, 0.35, pale), plainly)  # some grey hairs are no grey
    np.testing.assert_array_equal(colour(*of, 1.0), plainly)  # nobody knows what grey hair is
    some, grey, sure = (colour(*of, share, pale) for share in (0.475, 0.6, 1.0))
    np.testing.assert_array_equal(grey, sure)
    np.testing.assert_allclose((grey + 1).mean((1, 2)), 2 * pale, rtol=0.03)
    np.testing.assert_allclose(some, (grey + plainly) / 2, atol=1e-5)
    spread = ((LUMA * (grey + 1)).sum(0)).std() / (LUMA.ravel() @ (2 * pale))
    assert spread == pytest.approx(0.12, abs=0.02)
    white = colour(*of, 1.0, np.ones(3))
    assert (LUMA * (white + 1)).sum(0).mean() == pytest.approx(0.95 * light, rel=0.03)
    of_grey = brows(reference, np.full(3, 0.3, np.float32), np.full(3, -0.5, np.float32)), *of[1:]
    assert np.ptp(colour(*of_grey, 1.0, pale), 0).max() < 1e-5  # a grey photograph stays grey


@pytest.mark.parametrize("size", [32, 64])
def test_hair_of_a_black_picture_is_finite(reference, size):
    """At sizes that have no strands as well, and of a grey head."""
    black = np.full((3, size, size), -1, np.float32)
    for grey in (0.0, 1.0):
        found = colour(black, reference, skin(reference, size), grey, np.full(3, 0.4))
        assert np.isfinite(found).all() and found.max() < 1


def test_a_shade_becomes_hair_nearly_as_dark_as_it_was():
    real, brown = plain(0.4), np.float32([-0.4, -0.6, -0.7])[:, None, None]
    shift, where = plain(-0.2), np.ones((SIZE, SIZE), np.float32)
    found = grown(shift, real, brown, where)
    room = float((LUMA * (brown - real)).sum(0).max())
    strands = -0.2 / room
    np.testing.assert_allclose(
        (LUMA * found).sum(0), room * strands / (1 + strands**2) ** 0.5, atol=1e-5
    )
    share = density(shift, real, brown)
    np.testing.assert_allclose(found, share * (brown - real), atol=1e-5)
    assert 0 < share.min() <= share.max() < 1


def test_what_brightens_and_what_lies_elsewhere_is_as_it_was():
    real, brown = plain(0.4), np.float32([-0.4, -0.6, -0.7])[:, None, None]
    where = np.ones((SIZE, SIZE), np.float32)
    np.testing.assert_array_equal(grown(plain(0.2), real, brown, where), plain(0.2))
    np.testing.assert_array_equal(grown(plain(-0.2), real, brown, 0 * where), plain(-0.2))
    thin, dense, most = (density(plain(-by), real, brown).max() for by in (0.01, 3, 300))
    assert thin < 0.02 and 0.9 < dense < most <= 1  # no more than all of it


def test_hair_is_no_denser_anywhere_than_around():
    """A line of dark skin in it, as the edge of a lip, is no line of hair."""
    real, brown = plain(0.4), np.float32([-0.4, -0.6, -0.7])[:, None, None]
    real[:, 30:31] -= 0.6  # so dark that all of the shade is hair there
    where, shift = np.ones((SIZE, SIZE), np.float32), plain(-0.3)
    dense = density(shift, real, brown)
    assert dense[30].min() > dense[20].max() + 0.2
    found = grown(shift, real, brown, where)
    at = found[0] / (brown - real)[0]
    assert at[30].max() < dense[30].min() - 0.1 and at[30].max() < at[20].max() + 0.15


def test_a_beard_goes_round_the_chin(reference):
    real, brown = plain(0.4), np.float32([-0.4, -0.6, -0.7])[:, None, None]
    shift, chin = plain(-0.3), region_mask(reference, ["chin"], SIZE)
    shift *= 1 - chin
    where = np.ones((SIZE, SIZE), np.float32)
    bald, full = (grown(shift, real, brown, where, of) for of in (0, chin))
    middle = chin > 0.9
    assert (LUMA * bald).sum(0)[middle].min() > -0.05
    assert (LUMA * full).sum(0)[middle].max() < -0.05
    np.testing.assert_allclose(full[:, chin == 0], bald[:, chin == 0], atol=1e-6)


def test_a_fringe_is_kept_from_the_edit(reference):
    real = plain(0.4)
    real[:, : SIZE // 8, : SIZE // 2] = -0.9
    free = parted(real, reference, skin(reference, SIZE))
    assert free[2, SIZE // 4] == 0 and free[2, -SIZE // 8] == 1
    assert free[SIZE // 2 :].min() == 1  # below the brows nothing is a fringe


def test_a_beard_falls_on_strands_and_ends_beneath_the_crop(mesh):
    """Of a photograph that shows more than the crop."""
    frame = aligned_frame(178, 218)
    grey = np.full((218, 178, 3), 160, np.uint8)
    before, after = mesh.moved(mesh.reference, mesh.reference)
    even = Layers(plain(-0.3), np.ones((SIZE, SIZE), np.float32), None, None, before, after)
    hairy = replace(even, hair=np.ones((SIZE, SIZE), np.float32))
    smooth, uneven = (put(grey, layers, frame, mesh).astype(float) for layers in (even, hairy))
    bottom = 45 + 128  # of the crop, in the frame of 178 x 218
    inside = slice(110, bottom - 6), slice(70, 108)
    assert smooth[inside].std() < 1 < 5 < uneven[inside].std()
    assert uneven[inside].mean() == pytest.approx(smooth[inside].mean(), abs=3)
    beneath = slice(bottom + 1, bottom + 4), slice(80, 98)
    assert (smooth[beneath] == 160).all() and uneven[beneath].mean() < 155
    assert (uneven[bottom + int(64 * BELOW) + 2 :] == 160).all()


def test_what_is_not_known_is_filled_from_beside_it_and_never_looked_at():
    rng, known = np.random.default_rng(0), np.ones((SIZE, SIZE), np.float32)
    known[20:50, 10:40] = 0
    values = np.where(np.arange(SIZE) < 32, 0.2, 0.8) * np.ones((2, SIZE, 1), np.float32)
    found = filled(values, known)
    assert found[:, 35, 12].mean() < 0.35 and found[:, 35, 60].mean() > 0.65  # the nearer side's
    values[:, known == 0] = rng.normal(size=(2, 900))
    np.testing.assert_allclose(filled(values, known), found, atol=1e-4)
    flat = np.full((1, SIZE, SIZE), 0.4, np.float32)
    np.testing.assert_allclose(filled(flat, known), 0.4, atol=1e-5)


@pytest.mark.parametrize("level", [-0.4, 0.1, 0.5])
def test_hair_that_the_drawings_take_away_is_gone_to_its_end(level):
    """They brighten a beard by a third of what it is darker, and all of it goes."""
    own, mean, where = plain(level), plain(0.2), np.ones((SIZE, SIZE), np.float32)
    beard = np.zeros((SIZE, SIZE), np.float32)
    beard[44:60, 20:44] = 1
    dark = 0.4 * (level + 1)
    real = own - dark * beard
    low = np.repeat(np.float32(np.arange(SIZE) > 36)[:, None], SIZE, 1)
    lips = np.zeros_like(where), real
    under, share, dense = shaved(real, own, own - dark / 3 * beard, mean, where, low, *lips)
    np.testing.assert_allclose(under[:, 48:56, 26:38], level, atol=0.05)
    assert share[48:56, 26:38].min() > 0.95 and share[:30].max() < 0.02
    assert (dense <= share).all() and dense[48:56, 26:38].min() > 0.9
    _, share, dense = shaved(real, own, own, mean, where, low, *lips)  # what they leave is no hair
    assert share.max() == dense.max() == 0


def test_hair_over_lips_becomes_what_is_seen_of_them():
    own, mean, where = plain(0.2), plain(0.2), np.ones((SIZE, SIZE), np.float32)
    lips, hair = np.zeros((2, SIZE, SIZE), np.float32)
    lips[44:56, 20:44] = 1
    hair[36:48, 16:48] = 1
    bare = own + lips * np.float32([0.1, -0.3, -0.2])[:, None, None]
    real = bare + hair * (-0.7 - bare)
    drawn = own - 0.2 * hair
    of = real, own, drawn, mean, where * (1 - lips), where
    painted = real + lips * np.float32([0.1, -0.1, 0.0])[:, None, None]
    under, share, _ = shaved(*of, lips, painted)
    over = (lips * hair > 0) & (np.arange(SIZE) > 24) & (np.arange(SIZE) < 40)
    assert share[over].min() > 0.9
    np.testing.assert_allclose(
        under[:, over].mean(1), painted[:, (lips > 0) & (hair == 0)].mean(1), atol=0.1
    )
    np.testing.assert_allclose(under[:, 38:42, 26:38].mean((1, 2)), 0.2, atol=0.1)
