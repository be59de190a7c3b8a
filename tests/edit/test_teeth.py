"""What is seen between lips: as light and as white as real teeth, and with gaps between them."""

from types import SimpleNamespace

import numpy as np
import pytest

from istrc.edit.masks import Masks
from istrc.edit.teeth import (
    APART,
    ASIDE,
    HEIGHTS,
    cells,
    gaps,
    knots,
    lights,
    like_teeth,
    no_redder,
)
from istrc.edit.tone import LUMA, Known
from istrc.models.probes import Probes

SIZE, SIDE, COUNT = 32, 128, len(HEIGHTS) * len(ASIDE)


@pytest.fixture
def opened(face_points, open_mouth):
    """A shape (68, 2) whose mouth is open, and its cells and gaps."""
    reference = open_mouth(face_points, 0.2)
    return reference, cells(reference, SIDE), gaps(reference, SIDE)


def luma(x):
    return (LUMA * x).sum(0)


def teeth_of(own, skin):
    """Luma from 0 on: on light skin a little more than it has, on dark skin their own."""
    lit = np.percentile(luma(own)[skin > 0.5], 85) + 1
    return max(1.18 * lit, min(1.5, 2.2 * lit))


def near(luma):
    """What is lighter than 1.2 of white's 2 nears that."""
    return luma if luma < 1.2 else 1.2 + 0.8 * np.tanh((luma - 1.2) / 0.8)


def test_teeth_on_dark_skin_are_not_grey(own, skin):
    mouth, white = np.ones((4, 4), np.float32), np.ones((3, 4, 4), np.float32)
    for share, most in ((0.5, 1.5), (0.3, 1.5), (1.3, 2.0)):  # of the light that falls on the face
        lit = ((own + 1) * share - 1).astype(np.float32)
        found = luma(like_teeth(white, mouth, Known(lit, skin))).max() + 1
        assert found == pytest.approx(min(teeth_of(lit, skin), near(2)), rel=0.01)
        assert found <= most + 0.01


def test_teeth_are_lit_by_what_lights_the_skin(own, skin):
    mouth = np.ones((4, 4), np.float32)
    red = np.full((3, 4, 4), -0.6, np.float32)
    white = np.ones((3, 4, 4), np.float32)
    teal = np.array([-0.2, 0.4, 0.4], np.float32)[:, None, None] + np.zeros((3, 4, 4), np.float32)
    for given in (white, teal):
        found = like_teeth(given, mouth, Known(own, skin))
        assert luma(found).max() <= teeth_of(own, skin) - 1 + 0.02
        assert (found[0] >= found[2] - 1e-6).all()  # the skin is warm, and so are they
    warm = red + np.array([0.6, 0.0, 0.0], np.float32)[:, None, None]  # as flesh is
    np.testing.assert_allclose(like_teeth(warm, mouth, Known(own, skin)), warm, atol=1e-6)
    cold = own[::-1].copy()
    found = like_teeth(white, mouth, Known(cold, skin))
    assert (found[2] >= found[0] - 1e-6).all()


def test_a_mouth_that_is_dimmed_keeps_what_is_in_it(own, skin):
    """Teeth and the dark between them are dimmed alike; what is beside them says nothing."""
    mouth = np.zeros((4, 4), np.float32)
    mouth[:2] = 1
    inside = np.full((3, 4, 4), 5.0, np.float32)
    inside[:, 0], inside[:, 1] = 1.0, 0.0
    dimmed = luma(like_teeth(inside, mouth, Known(own, skin))) + 1
    assert dimmed[0] == pytest.approx(teeth_of(own, skin), rel=0.01)
    assert dimmed[1] == pytest.approx(dimmed[0] / near(2), rel=0.01)
    inside[:, 0], inside[:, 1] = 2.5, 1.5  # lighter than white: in order still
    light = luma(like_teeth(inside, mouth, Known(own, skin)))
    assert (light[0] > light[1] + 0.01).all()


def test_the_cells_of_a_mouth_part_it(opened):
    """Between the lips every place has 1 of them all; each has most at its own knot."""
    reference, where, _ = opened
    total, axis = where.sum(0), (np.arange(SIDE) + 0.5) * 2 / SIDE - 1
    assert where.shape == (COUNT, SIDE, SIDE) and (where >= 0).all()
    inner = reference[60:68]
    left, right = reference[60, 0], reference[64, 0]
    for column in np.flatnonzero((axis > left) & (axis < right)):
        # By hand: straight lines between the points of either lip
        top = np.interp(axis[column], *reference[60:65].T)
        low = np.interp(axis[column], *reference[[60, 67, 66, 65, 64]].T)
        aside = abs(axis[column] - inner[:, 0].mean()) / (right - left) * 2
        for row in np.flatnonzero((axis > top) & (axis < low)):
            if aside < 1 and low - top > 0.005:
                assert total[row, column] == pytest.approx(1, abs=1e-5)
                height = (axis[row] - top) / (low - top)
                by_hand = np.outer(knots(height, HEIGHTS), knots(aside, ASIDE)).ravel()
                np.testing.assert_allclose(where[:, row, column], by_hand, atol=1e-5)
    assert not where[:, : SIDE // 4].any()


def test_knots_share_what_lies_between_them():
    values = np.array([-1.0, 0.04, 0.1, 0.145, 9.0])
    found = knots(values, APART)
    np.testing.assert_allclose(found.sum(0), 1)
    np.testing.assert_allclose(found.T[1], [1, 0, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.T[2], [0, 0.5, 0.5, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.T[3], [0, 0, 0.5, 0.5, 0], atol=1e-12)
    np.testing.assert_allclose(np.array(APART) @ found, values.clip(APART[0], APART[-1]))


def test_teeth_have_gaps_where_teeth_end(opened):
    """The same on both sides, from the middle on, and narrower the further aside; nowhere else."""
    reference, _, lines = opened
    row = lines[round((reference[60:68, 1].mean() + 1) * SIDE / 2)]
    darkest = [k for k in range(1, SIDE - 1) if row[k] > 0.2 and row[k] >= row[k - 1 : k + 2].max()]
    half = (reference[64, 0] - reference[60, 0]) * SIDE / 4
    middle = (reference[60:68, 0].mean() + 1) * SIDE / 2 - 0.5
    for wanted in np.cumsum([0, 8.5 * 0.98, 6.5 * 0.9]) / 29 * half:  # further aside they merge
        for place in (middle - wanted, middle + wanted):
            assert min(abs(place - at) for at in darkest) < 1
    assert 5 <= len(darkest) <= 10 and lines.max() <= 1
    np.testing.assert_allclose(
        row, np.interp(2 * middle - np.arange(SIDE), np.arange(SIDE), row), atol=0.15
    )
    assert not lines[: SIDE // 4].any()


def some_lights(seed=0):
    probes = Probes(("smile",), 8, mouth=(len(APART), COUNT))
    rng = np.random.default_rng(seed)
    probes.mouth_light.copy_(probes.mouth_light.new_tensor(rng.uniform(0.2, 0.6, (2, 5, COUNT, 2))))
    return probes


def test_the_light_between_lips_is_that_of_such_mouths():
    """Between two gaps and two expressions, with more contrast than the mean of many has."""
    probes = some_lights()
    speaks, laughs = probes.mouth_light.double().numpy()
    for smiles, of in ((0.0, speaks), (1.0, laughs), (0.25, 0.75 * speaks + 0.25 * laughs)):
        mixed = (of[1] + of[2]) / 2  # at 0.1, between 0.08 and 0.12
        inner = mixed.reshape(len(HEIGHTS), len(ASIDE), 2)[1:-1, :-1].mean((0, 1))
        times = 1.7 - 0.1 * smiles
        found = lights(probes, 0.1, smiles)
        np.testing.assert_allclose(found, inner + times * (mixed - inner), atol=1e-5)
    assert lights(None, 0.1, 0.5) is None
    assert lights(Probes(("smile",), 8), 0.1, 0.5) is None  # of an older circle
    assert lights(Probes(("smile",), 8, mouth=(3, COUNT)), 0.1, 0.5) is None  # of another version
    assert lights(Probes(("smile",), 8, mouth=(len(APART), COUNT)), 0.1, 0.5) is None  # unmeasured


def test_an_open_mouth_becomes_as_light_as_is_asked(opened):
    """In every cell, whatever was drawn there; half as light beside skin of half the light."""
    _, where, lines = opened
    skin, mouth = np.ones((SIDE, SIDE), np.float32), (where.sum(0) > 0.5).astype(np.float32)
    slope = 0.3 * np.sin(np.arange(SIDE, dtype=np.float32) / 20)
    wanted = np.linspace(0.5, 0.7, COUNT)
    lit = np.stack([0 * wanted, wanted], 1)  # so much of the skin's light
    for share in (1.0, 0.5):
        face = np.full((3, SIDE, SIDE), 1.0 * share - 1, np.float32)
        drawn = face + share * slope
        found = luma(like_teeth(drawn, mouth, Known(face, skin), (lit, where, lines))) + 1
        means = (where * found).sum((1, 2)) / where.sum((1, 2))
        np.testing.assert_allclose(means, share * wanted, atol=0.04 * share)


@pytest.mark.parametrize("side", [128, 256])
def test_what_is_fine_in_an_opened_mouth_is_stronger(opened, side):
    """In the box that is drawn, at every size: what is as fine as teeth, and not what is broad."""
    at = Masks(SimpleNamespace(reference=opened[0]), side, False)
    box, (where, lines) = at.mouth_box, at.opening
    across, stronger = np.arange(side) * 2 * np.pi * 128 / side, []
    known = Known(np.zeros((3, side, side), np.float32), np.ones((side, side), np.float32))
    lit = np.stack([np.full(COUNT, 0.9), np.zeros(COUNT)], 1)
    for period in (4, 64):
        drawn = np.zeros_like(known.own) + 0.04 * np.sin(across / period).astype(np.float32)
        found = like_teeth(drawn[box], at.mouth[box], known, (lit, where, 0 * lines))
        inner = at.between[box] > 0.99
        stronger.append(luma(found)[inner].std() / (0.9 * luma(drawn[box])[inner].std()))
    assert 1.15 < stronger[0] < 1.5 and stronger[1] < 1.1
    black = np.full_like(known.own, -1)
    light = luma(like_teeth(black[box], at.mouth[box], known, (lit, where, lines)))
    assert np.isfinite(light).all()


def test_gaps_are_seen_between_teeth_and_not_in_the_dark(opened):
    _, where, lines = opened
    skin, mouth = np.ones((SIDE, SIDE), np.float32), (where.sum(0) > 0.5).astype(np.float32)
    face = np.zeros((3, SIDE, SIDE), np.float32)
    for light, seen in ((1.2, True), (0.6, False)):
        lit = np.stack([np.full(COUNT, light), np.zeros(COUNT)], 1)
        at = where.sum(0) > 0.99
        with_, without = (
            luma(like_teeth(face, mouth, Known(face, skin), (lit, where, of)))[at]
            for of in (lines, 0 * lines)
        )
        if seen:
            share = (1 - (with_ + 1) / (without + 1)) / lines[at].clip(min=1e-6)
            assert np.median(share[lines[at] > 0.1]) == pytest.approx(0.13, abs=0.01)
        else:
            np.testing.assert_array_equal(with_, without)


def test_teeth_in_the_shade_of_lips_are_as_white_as_others(opened):
    """Of a mouth that opens: its lights are teeth, and no flesh, however dark it is."""
    _, where, lines = opened
    skin, mouth = np.ones((SIDE, SIDE), np.float32), (where.sum(0) > 0.99).astype(np.float32)
    own = np.stack([np.full((SIDE, SIDE), v) for v in (0.3, 0.0, -0.15)]).astype(np.float32)
    heights, reds = np.repeat(HEIGHTS, len(ASIDE)), []
    for light in (1.25, 0.9, 0.75):
        lit = np.stack([np.where(heights > 0.7, 0.3, light), np.zeros(COUNT)], 1)
        found = like_teeth(np.zeros_like(own), mouth, Known(own, skin), (lit, where, lines))
        red = (found[0] + 1) / (luma(found) + 1)
        parts = [where[np.isclose(heights, height)].sum(0) > 0.9 for height in (0.3, 0.86)]
        reds.append([float(red[part].mean()) for part in parts])
    teeth = [red[0] for red in reds]
    assert max(teeth) < 1.06 * min(teeth)
    assert all(red[1] > red[0] + 0.15 for red in reds)  # below them it is flesh


def test_nothing_in_a_mouth_becomes_redder_than_flesh(own, skin):
    """What was drawn dark and red, and is a tooth, is no orange; all else stays."""
    own[:] = np.array([0.3, 0.0, -0.15])[:, None, None]
    mouth = np.zeros((SIZE, SIZE), np.float32)
    mouth[20:26, 10:22] = 1
    own[:, 20:26, 10:22] = 0.5  # teeth
    known, shift = Known(own, skin * (1 - mouth)), np.zeros_like(own)
    shift[1:, 20:26, 10:16] = -0.9  # becomes red
    shift[:, 20:26, 16:22] = -0.3  # becomes darker
    shift[1:, 5, 5] = -0.2  # outside
    made = no_redder(shift, own, mouth, known)
    red, dark = (own + made + 1)[:, 20:26, 10:16], (own + made + 1)[:, 20:26, 16:22]
    assert (red[0] / luma(red) < 1.5).all() and (own + shift + 1)[0, 22, 12] / 0.9 > 1.6
    np.testing.assert_allclose(luma(own + made), luma(own + shift), atol=1e-5)
    np.testing.assert_allclose(dark, (own + shift + 1)[:, 20:26, 16:22], atol=1e-6)
    np.testing.assert_array_equal(made[:, mouth == 0], shift[:, mouth == 0])
