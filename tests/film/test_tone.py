"""HDR as an ordinary screen shows it, and the way back."""

import math

import numpy as np
import pytest

from istrc.film import tone
from istrc.film.shot import Colours, Shot


def light_of_pq(code):
    """SMPTE ST 2084, equation 4.1, a number at a time."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = code ** (1 / m2)
    return 10_000 * (max(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def light_of_hlg(code):
    """BT.2100 of a grey on a screen of 1000 cd/m2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = code**2 / 3 if code <= 0.5 else (math.exp((code - c) / a) + b) / 12
    return 1000 * scene**1.2


@pytest.mark.parametrize("transfer, light", [(tone.PQ, light_of_pq), (tone.HLG, light_of_hlg)])
def test_greys_are_shown_as_the_standard_says(transfer, light):
    codes = np.arange(256, dtype=np.uint8)
    pixels = tone.shown(np.repeat(codes[None, :, None], 3, 2), transfer)[0]
    assert (pixels.max(1) - pixels.min(1)).max() <= 2
    assert (np.diff(pixels[:, 1].astype(int)) >= 0).all()
    for code in codes:
        share = light(code / 255) / 203
        if share > 0.8:
            share = 1 - 0.2 * math.exp(-(share - 0.8) / 0.2)
        assert pixels[code, 1] == pytest.approx(255 * share ** (1 / 2.2), abs=4)
    assert light_of_pq(0.5081) == pytest.approx(100, rel=0.01)  # ST 2084's own example
    assert light_of_hlg(0.75) == pytest.approx(203, rel=0.01)  # BT.2408: paper


@pytest.mark.parametrize("transfer", [tone.PQ, tone.HLG])
def test_what_a_screen_can_show_gets_back_to_the_same_numbers(transfer):
    rng = np.random.default_rng(0)
    seen = rng.integers(30, 230, (40, 40, 3), dtype=np.uint8)
    back = tone.numbered(seen, transfer)
    assert back.dtype == np.float32 and back.min() > 0 and back.max() < 255
    again = tone.shown(back.round().astype(np.uint8), transfer).astype(int)
    assert np.abs(again - seen).mean() < 2.5
    light = light_of_pq if transfer == tone.PQ else light_of_hlg
    grey = tone.numbered(np.full((1, 1, 3), 128, np.uint8), transfer)[0, 0]
    assert np.ptp(grey) < 0.1
    assert light(float(grey[0]) / 255) / 203 == pytest.approx((128 / 255) ** 2.2, rel=0.01)


@pytest.mark.parametrize("transfer", [tone.PQ, tone.HLG])
def test_an_edit_gets_into_the_film_as_it_was_seen(transfer):
    pytest.importorskip("av")
    colours = Colours(9, 0.2627, 0.0593, bits=10, hdr=transfer)
    rng = np.random.default_rng(0)
    y = rng.integers(300, 500, (8, 8)).repeat(4, 0).repeat(4, 1).astype(np.uint16)
    cb, cr = (np.full((16, 16), level, np.uint16) for level in (490, 540))
    shot = Shot((y, cb, cr), colours)
    pixels = shot.rgb()
    edited = pixels.copy()
    edited[8:24, 8:24] = (edited[8:24, 8:24] * 0.8).round()
    new = shot.changed(pixels, edited)
    outside = np.ones(y.shape, bool)
    outside[8:24, 8:24] = False
    assert all(np.array_equal(a[outside], b[outside]) for a, b in [(y, new.planes[0])])
    assert new.planes[0].dtype == np.uint16 and shot.changed(pixels, pixels) is shot
    assert np.abs(new.rgb().astype(int) - edited)[8:24, 8:24].mean() < 3
