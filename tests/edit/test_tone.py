"""What a change of texture leaves: not the light, not the tone, and no colour in a grey face."""

import numpy as np
import pytest

from istrc.edit.tone import COLOURED, GREY, LUMA, coloured, toned

SIZE = 32


@pytest.fixture
def own():
    """A coloured face (3, S, S)."""
    rng = np.random.default_rng(0)
    return (rng.normal(0, 0.1, (3, SIZE, SIZE)) + [[[0.4]], [[0.1]], [[-0.1]]]).astype(np.float32)


@pytest.fixture
def skin():
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[8:24, 6:26] = 1
    return mask


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


def test_the_light_stays_where_it_was(own, skin):
    slope = np.linspace(-0.3, 0.3, SIZE, dtype=np.float32)[None, None] * np.ones((3, SIZE, 1))
    left = toned(slope, own, skin)
    assert np.abs(left).max() < 0.15  # the smooth part of what differs between the halves is gone
    assert np.abs(left[:, :, 8:24]).max() < 0.02
    spot = np.zeros((3, SIZE, SIZE), np.float32)
    spot[:, 14:18, 10:12] = 0.5  # a spot is no light
    assert toned(spot, own, skin)[:, 14:18, 10:12].mean() > 0.3


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
