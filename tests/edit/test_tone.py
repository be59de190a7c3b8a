"""What a change of texture leaves: not the light, not the tone, and no colour in a grey face."""

import numpy as np
import pytest

from istrc.edit.tone import (
    BRIGHTEST,
    COLOURED,
    GREY,
    LUMA,
    Known,
    coloured,
    own_hue,
    quantile,
    toned,
    unpainted,
)

SIZE = 32


def luma(x):
    return (LUMA * x).sum(0)


def test_the_skin_keeps_its_tone(own, skin):
    tone = np.array([0.2, -0.1, 0.05], np.float32)[:, None, None]
    change = np.random.default_rng(1).normal(0, 0.05, (3, SIZE, SIZE)).astype(np.float32)
    found = toned(change + tone, own, skin)
    np.testing.assert_allclose(found, toned(change, own, skin), atol=1e-6)
    assert np.abs(np.median(found[:, skin > 0.5], 1)).max() < 0.02
    # Where no skin is said the tone stays
    np.testing.assert_allclose(toned(change + tone, own, None), change + tone, atol=1e-6)


def test_what_is_known_of_a_face_makes_no_difference(own, skin):
    """Asked again and again, and sharing what is known of the skin with another face."""
    change, weights = np.random.default_rng(1).normal(0, 0.1, own.shape).astype(np.float32), {}
    for face in (own, own[::-1].copy()):
        known = Known(face, skin, weights)
        for shades in (False, True, False):
            np.testing.assert_array_equal(
                toned(change, face, skin, shades=shades, known=known),
                toned(change, face, skin, shades=shades),
            )


@pytest.mark.parametrize("count", [1, 2, 7, 8, 101])
def test_quantiles_are_numpys(count):
    values = np.random.default_rng(0).normal(0, 1, (3, count)).astype(np.float32)
    for share in (0, 0.3, 0.5, 0.75, 1):
        found = quantile(values, share)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.quantile(values, share, axis=1), atol=1e-6)


def test_the_light_stays_where_it_was(own, skin):
    slope = np.linspace(-0.3, 0.3, SIZE, dtype=np.float32)[None, None] * np.ones((3, SIZE, 1))
    left = toned(slope, own, skin)
    # The smooth part of what differs between the halves is gone
    assert np.abs(left[:, 8:24, 6:26]).max() < 0.08
    assert np.abs(left[:, 8:24, 10:22]).max() < 0.025
    spot = np.zeros((3, SIZE, SIZE), np.float32)
    spot[:, 14:18, 10:12] = -0.5  # a spot is no light
    assert toned(spot, own, skin)[:, 14:18, 10:12].mean() < -0.3


def test_a_grey_face_stays_grey(own, skin):
    grey = np.repeat(luma(own)[None], 3, 0)
    change = np.random.default_rng(1).normal(0, 0.2, (3, SIZE, SIZE)).astype(np.float32)
    assert coloured(own) == 1 and coloured(grey) == 0 and coloured(grey, skin) == 0
    found = toned(change, grey, skin)
    np.testing.assert_allclose(found, np.repeat(luma(found)[None], 3, 0), atol=1e-6)
    np.testing.assert_allclose(luma(found), luma(toned(change, own, skin)), atol=1e-5)


def test_between_grey_and_coloured_a_share_stays(own):
    chroma = np.abs(own - luma(own)).mean()
    for wanted in (GREY, (GREY + COLOURED) / 2, COLOURED):
        faded = luma(own) + (own - luma(own)) * wanted / chroma
        share = (wanted - GREY) / (COLOURED - GREY)
        assert coloured(faded) == pytest.approx(share, abs=1e-4)


def test_skin_that_is_over_exposed_shows_no_shade(skin):
    """Nothing of it at 237 levels of 255, all of it at 180; what grows on it still does."""
    own = np.full((3, SIZE, SIZE), 0.3, np.float32)
    own[:, :, 16:] = 0.86
    own[0] += 0.1
    change = np.zeros((3, SIZE, SIZE), np.float32)
    change[:, 14:18, [9, 22]] = np.array([-0.3, -0.2, -0.1], np.float32)[:, None, None]
    lit, burnt = toned(change, own, skin)[:, 14:18, [9, 22]].transpose(2, 0, 1)
    assert luma(lit).mean() < -0.12 and np.abs(burnt).max() < 0.01
    assert luma(toned(change, own, skin, shades=True)[:, 14:18, 22]).mean() < -0.12


def test_a_shade_is_a_share_of_the_light(skin):
    """Half the light, half the shade; what is dark is lightened less only where hair may lie."""
    own = np.zeros((3, SIZE, SIZE), np.float32)
    own[:, :, 16:] = -0.5  # half as light
    own[:, 30:] = 0.9
    change = np.zeros((3, SIZE, SIZE), np.float32)
    change[:, 2:6, [4, 28]] = change[:, 26:29, [4, 28]] = -0.2
    change[:, 31, 28] = -0.2
    hair = np.zeros((SIZE, SIZE), np.float32)
    hair[:8] = 1
    skin = skin * 0
    skin[8:24, 6:15] = 1
    for where in (slice(2, 6), slice(26, 29)):
        found = luma(toned(change, own, skin, hair))
        assert found[where, 28].mean() / found[where, 4].mean() == pytest.approx(0.5, rel=0.1)
    lightest = luma(toned(change, own, skin, hair))[31, 28]
    assert lightest / luma(toned(change, own, skin, hair))[27, 4] < BRIGHTEST * 1.1
    own[:, 12, 10] = own[:, 3, 10] = -0.6
    change *= 0
    change[:, 12, 10] = change[:, 3, 10] = 0.2
    found = luma(toned(change, own, skin, hair))
    assert found[12, 10] > 0.15 and found[3, 10] < 0.1


def test_lips_that_part_keep_most_of_their_hue(own):
    """Six tenths of the way back to it, as light as they are drawn; what is beside them stays."""
    lips, rng = np.zeros((SIZE, SIZE), np.float32), np.random.default_rng(2)
    lips[20:24] = 1
    new = (own + rng.normal(0, 0.2, own.shape)).astype(np.float32)
    found = own_hue(new, own, lips)
    np.testing.assert_allclose(luma(found), luma(new), atol=1e-5)
    np.testing.assert_array_equal(found[:, :20], new[:, :20])
    for row, column in ((20, 3), (23, 30)):
        drawn, was, is_ = (x[:, row, column] + 1 for x in (new, own, found))
        wanted = drawn + 0.6 * (
            was / (was @ [0.299, 0.587, 0.114]) * luma(new + 1)[row, column] - drawn
        )
        np.testing.assert_allclose(is_, wanted, atol=1e-5)


def test_where_a_beard_was_nothing_is_lighter_than_the_skin(own, skin):
    """A beard that goes leaves skin, and not a white one."""
    dark = own.copy()
    dark[:, 18:22] -= 0.5
    change = np.zeros_like(own)
    change[:, 18:22] = 1.2
    bare = skin.copy()
    bare[18:22] = 0
    limit = np.maximum(luma(own)[bare > 0.5].max(), luma(dark))
    for shades in (True, False):
        found = luma(dark + toned(change, dark, bare, shades=shades))
        assert (found <= limit + 1e-5).all()
        assert found[18:22, 6:26].mean() > luma(dark)[18:22, 6:26].mean() + 0.2
        lit = luma(dark + toned(-change, dark, bare, shades=shades))
        assert (lit[8:18, 6:26] <= luma(dark)[8:18, 6:26] + 0.3).all()


def test_lips_that_lose_their_paint_are_no_colder_than_the_skin(own, skin):
    """What is put on may be; lips of a yellow face would else be green without lipstick."""
    own = np.ones((3, SIZE, SIZE), np.float32) * [[[0.5]], [[0.2]], [[-0.3]]]
    own[:, 14:18, 8:24] = np.array([0.4, -0.1, -0.2])[:, None, None]
    own, lips, change = own.astype(np.float32), np.zeros_like(skin), np.zeros_like(own, np.float32)
    lips[14:18, 8:24] = 1
    change[:, 14:18, 8:24] = np.array([-0.3, 0.25, 0.3])[:, None, None]
    red = []
    for put_on in (True, False):
        new = own + toned(change, own, skin * (1 - lips), paint=1.0, put_on=put_on) + 1
        red.append(float((new[0] / (luma(new - 1) + 1))[15:17, 10:22].mean()))
    of_skin = 1.5 / (0.299 * 1.5 + 0.587 * 1.2 + 0.114 * 0.7)
    assert red[0] < of_skin - 0.05 and red[1] >= of_skin - 0.02


@pytest.mark.parametrize("paint", [[-0.25, -0.05, -0.02], [0.2, -0.4, -0.4], [0.1, -0.55, -0.3]])
def test_lips_lose_their_paint_down_to_those_that_nobody_paints(own, skin, paint):
    """Red ones come near to unpainted lips, with as much red as before; nude ones stay."""
    lips = np.zeros((SIZE, SIZE), np.float32)
    lips[25:29, 10:22] = 1
    known = Known(own, skin)

    def redness(pixels):
        """The slow way: how much more red the mean of the lips has, over luma, than the skin."""
        at = pixels[:, lips > 0] + 1
        of_skin = np.median(own[:, skin > 0.5] + 1, 1)
        return (at[0].mean() / (LUMA[:, 0, 0] @ at.mean(1))) / (
            of_skin[0] / (LUMA[:, 0, 0] @ of_skin)
        )

    red = own + lips * np.float32(paint)[:, None, None]
    new = unpainted(red, lips, known)
    over = max(redness(red) - 1.06, 0)
    wanted = redness(red) - over + 0.1 * np.tanh(over / 0.15)
    assert abs(redness(new) - wanted) < 0.02 and wanted < 1.17
    np.testing.assert_allclose(new[0], red[0], atol=1e-4)
    assert (new[:, lips == 0] == red[:, lips == 0]).all()
    if not over:
        np.testing.assert_allclose(new, red, atol=1e-5)


def test_lips_of_no_colour_and_black_ones_stay(own, skin):
    lips = np.ones((SIZE, SIZE), np.float32)
    for grey in (np.broadcast_to(own.mean(0), own.shape), np.full_like(own, -1)):
        new = unpainted(grey, lips, Known(grey, skin))
        np.testing.assert_allclose(new, grey, atol=0.03)  # no luma is looked at below .01


def test_the_shade_of_shaven_hair_is_weaker_and_keeps_the_hue(own, skin):
    darker = np.zeros_like(own)
    darker[:, 12:20, 10:20] = -0.3
    bare = np.ones((SIZE, SIZE), np.float32)
    fold, shaven = (toned(darker, own, skin, bare=bare, stubble=stubble) for stubble in (0, bare))
    at = (slice(None), slice(14, 18), slice(12, 18))
    assert luma(fold[at]).mean() < luma(shaven[at]).mean() < -0.02
    hue = [((own + one + 1) / (luma(own + one) + 1))[at] for one in (0 * own, fold, shaven)]
    assert (hue[1][0] > hue[0][0] + 0.005).all()  # a fold is redder
    np.testing.assert_allclose(hue[2], hue[0], atol=0.03)


def test_a_faint_shade_is_no_patch_of_one_depth(own, skin):
    """Where it is drawn twice as deep it is deeper, and a fold at its deepest is not."""
    bare, at = np.ones((SIZE, SIZE), np.float32), (slice(None), slice(14, 18), slice(12, 18))

    def depth(drawn, faint):
        change = np.zeros_like(own)
        change[:, 12:20, 10:20] = -drawn
        return -luma(toned(change, own, skin, bare=bare, faint=faint)[at]).mean()

    assert depth(0.3, 0) > depth(0.3, 0.7) > 0.02
    assert depth(0.6, 0.7) / depth(0.3, 0.7) > depth(0.6, 0) / depth(0.3, 0) + 0.2
    assert depth(0.6, 0) < 1.25 * depth(0.3, 0)


def test_pale_brows_are_not_painted(own, skin):
    """A brow becomes darker by a share of how dark it is, however dark it is drawn."""
    brows, change = np.zeros((SIZE, SIZE), np.float32), np.zeros_like(own)
    brows[8:12, 8:24] = 1
    own[:] = np.array([0.4, 0.2, 0.1])[:, None, None]
    change[:, 9:11, 8:24] = -0.6
    found = []
    for dark in (0.1, 0.2, 0.5):
        pale = own.copy()
        pale[:, 9:11, 8:24] -= dark
        known = Known(pale, skin * (1 - brows))
        colours = toned(change, pale, skin * (1 - brows), brows=brows, known=known)
        made, room = (x[9:11, 10:22] for x in (luma(colours), luma(known.around) - luma(pale)))
        assert (made >= -0.4 * room - 0.02).all() and (made < 0).all()
        # In its own hue, whatever is drawn
        hues = [(x + 1) / (luma(x) + 1) for x in (pale, pale + colours)]
        np.testing.assert_allclose(hues[1][:, 9:11, 10:22], hues[0][:, 9:11, 10:22], atol=0.02)
        found.append(made.mean())
    assert found[0] > found[1] > found[2]


def test_brows_darken_where_they_are(own, skin):
    """A brow that is drawn beside the photograph's is no second brow."""
    brows, change = np.zeros((SIZE, SIZE), np.float32), np.zeros_like(own)
    brows[8:12, 8:24] = 1
    change[:, 9:11, 8:24] = -0.4
    own[:, 9, 8:24] = -0.8
    free, kept = (luma(toned(change, own, skin * (1 - brows), brows=x)) for x in (0, brows))
    np.testing.assert_allclose(kept[9, 10:22], free[9, 10:22], atol=1e-6)
    assert free[10, 10:22].mean() < -0.2 and np.abs(kept[10, 10:22]).mean() < 0.1


def test_what_comes_to_light_is_the_skin_around_it(own, skin):
    """Half of the way to its light is half of the way to its colour, whatever was drawn."""
    own = np.ones((3, SIZE, SIZE), np.float32) * [[[0.4]], [[0.1]], [[-0.1]]]
    around = own[:, 0, 0].copy()
    own[:, 14:18, 14:18] = np.array([-0.5, -0.6, -0.5])[:, None, None]
    change, bare = np.zeros((3, SIZE, SIZE), np.float32), skin.copy()
    change[:, 14:18, 14:18] = np.array([0.9, 0.3, -0.2], np.float32)[:, None, None]
    bare[14:18, 14:18] = 0
    own = own.astype(np.float32)

    def beside(paint):  # of the way, how far from it
        new = (own + toned(change, own, bare, paint=paint))[:, 16, 16] - own[:, 16, 16]
        way = around - own[:, 16, 16]
        along = new @ way / (way @ way)
        assert 0.1 < along < 1
        return np.linalg.norm(new - along * way)

    assert beside(0) < 0.5 * beside(1)


def test_a_broad_shade_stays_where_it_is_what_was_asked(own, skin):
    change = np.zeros_like(own)
    change[:, 16:] = -0.4
    cheeks = skin.copy()
    cheeks[16:] = 0
    light, shaded = (luma(toned(change, own, cheeks, shades=shades)) for shades in (False, True))
    assert shaded[26:].mean() == pytest.approx(-0.4, rel=0.2)
    assert light[26:].mean() > 0.6 * shaded[26:].mean()


def test_red_skin_is_no_redder_under_a_beard(skin):
    red = np.array([0.4, -0.2, -0.4], np.float32)[:, None, None] * np.ones((3, SIZE, SIZE))
    beard = np.zeros_like(red)
    beard[:, 20:24, 8:24] = -0.4
    cheeks = skin.copy()
    cheeks[18:] = 0
    under = red + toned(beard, red.astype(np.float32), cheeks, shades=True)
    place = np.s_[:, 21, 15]
    assert luma(under)[21, 15] < luma(red)[21, 15] - 0.3
    hue, was = under[place] + 1, red[place] + 1
    np.testing.assert_allclose(hue / hue.sum(), was / was.sum(), atol=0.03)


def test_where_a_beard_was_the_skin_has_its_colour(skin):
    """Black hair is grey, and lightened it would be grey skin."""
    own = np.ones((3, SIZE, SIZE), np.float32) * [[[0.3]], [[0.0]], [[-0.2]]]
    hair = np.zeros((SIZE, SIZE), bool)
    hair[16:20, 12:20] = True
    own = np.where(hair, -0.8, own).astype(np.float32)
    bare = skin * ~hair
    change = np.where(hair, 0.7, 0.0).astype(np.float32) * np.ones((3, 1, 1), np.float32)

    def ratio(x):  # of red to blue light
        return (x[0, hair] + 1).mean() / (x[2, hair] + 1).mean()

    found = own + toned(change, own, bare, shades=True)
    assert ratio(found) == pytest.approx(1.3 / 0.8, rel=3e-2)
    assert luma(found)[hair].mean() > luma(own)[hair].mean() + 0.3
    assert ratio(own + toned(change, own, bare)) < 1.25  # half as much where no hair is said to be
    grey = np.repeat(luma(own)[None], 3, 0)
    found = grey + toned(change, grey, bare, shades=True)
    np.testing.assert_allclose(found[0], found[2], atol=1e-6)


def test_reddened_lips_leave_no_ring_on_the_skin(own, skin):
    """What is taken away of a broad tint is the skin's own."""
    lips = np.zeros((SIZE, SIZE), np.float32)
    lips[18:22, 11:21] = 1
    change = lips * np.array([0.4, -0.2, -0.2], np.float32)[:, None, None]
    around = (skin > 0.5) & (lips == 0)
    found = toned(change, own, skin * (1 - lips))
    assert np.abs(found[:, around]).max() < 0.01
    assert found[0, lips > 0].min() > 0.2


def test_bare_skin_keeps_its_colour(own, skin):
    """It becomes lighter or darker; what is not bare may take any colour."""
    spot = np.zeros((3, SIZE, SIZE), np.float32)
    spot[:, 14:18, [10, 20]] = np.array([-0.1, -0.2, 0.1], np.float32)[:, None, None]
    bare = np.zeros((SIZE, SIZE), np.float32)
    bare[:, :16] = 1
    found = toned(spot, own, skin, bare=bare)[:, 14:18, [10, 20]]
    free = toned(spot, own, skin)[:, 14:18, [10, 20]]
    np.testing.assert_allclose(found[:, :, 1], free[:, :, 1], atol=1e-6)
    was = own[:, 14:18, 10] + 1
    hue = (was + found[:, :, 0]) / luma(was + found[:, :, 0])
    np.testing.assert_allclose(hue, was / luma(was), atol=0.01)
    assert luma(found[:, :, 0]).max() < -0.05


def test_what_comes_to_light_is_skin_more_than_dust(own, skin):
    spot = np.zeros((3, SIZE, SIZE), np.float32)
    spot[:, 14:18, 10] = 0.3
    light = toned(spot, own, skin)[:, 14:18, 10].mean(1)
    assert light[0] > light[1] > light[2]
    grey = np.repeat(luma(own)[None], 3, 0)
    np.testing.assert_allclose(np.ptp(toned(spot, grey, skin), 0), 0, atol=1e-5)


def test_nothing_becomes_blue_on_warm_skin(own, skin):
    """A shade that is colder than white is grey at most; what was cold before may stay so."""
    change = np.zeros((3, SIZE, SIZE), np.float32)
    change[:, 14:18, 10:13] = np.array([-0.9, -0.5, -0.2], np.float32)[:, None, None]
    for shades in (False, True):
        new = (own + toned(change, own, skin, shades=shades))[:, 14:18, 10:13] + 1
        assert new[0].mean() >= 0.98 * new[2].mean()
    cold = own.copy()
    cold[:, 14:18, 10:13] = own[::-1, 14:18, 10:13]  # an eye
    still = toned(np.zeros_like(own), cold, skin)
    np.testing.assert_allclose(still, 0, atol=1e-6)


@pytest.mark.parametrize("colour", [(-1, -1, -1), (-1, -1, 1), (-1, 1, 1), (1, -1, -1)])
def test_skin_that_is_black_or_of_one_colour_has_a_white(skin, colour):
    flat = np.ones((3, SIZE, SIZE), np.float32) * np.float32(colour)[:, None, None]
    with np.errstate(all="raise"):
        white = Known(flat, skin).white
    assert (white > 0).all() and luma(white).item() == pytest.approx(1)
