"""Detail of a skin: measured in bands, and made stronger or fainter."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from istrc import Circle
from istrc.arrays import numpy
from istrc.edit.detail import (
    _BLURS,
    BANDS,
    SIDE,
    amplitudes,
    bands,
    blur,
    emphasised,
    gains,
    lit,
    more,
    places,
    shares,
)
from istrc.resample import blurred, resized
from istrc.shape.regions import skin

SIZE = 64


@pytest.fixture
def reference(mesh):
    return mesh.reference


@pytest.fixture
def probes():
    """Of which young faces have fainter detail, and broad mouths none of their own."""
    rng = np.random.default_rng(2)
    way = rng.normal(0, 0.1, (2, BANDS, SIDE, SIDE)).astype(np.float32)
    way[1] = 0
    ranges = np.zeros((2, 2, 3), np.float32)
    ranges[0] = [[1.0, -1.0, 3.0], [-1.0, -3.0, 1.0]]
    return SimpleNamespace(
        names=("young", "wide_mouth"),
        detail=way,
        detail_mean=rng.normal(-3, 0.2, (BANDS, SIDE, SIDE)).astype(np.float32),
        detail_ranges=ranges,
    )


def test_bands_sum_to_the_luma_less_its_coarse_rest():
    luma = np.random.default_rng(0).normal(size=(2, SIZE, SIZE)).astype(np.float32)
    found = bands(luma)
    assert found.shape == (2, BANDS, SIZE, SIZE)
    coarse = blurred(luma, 2 ** (BANDS - 1) * SIZE / 128)
    np.testing.assert_allclose(found.sum(1), luma - coarse, atol=1e-5)


def test_how_blurred_a_face_is():
    """More, the more it is blurred, and whatever its contrast; nothing of what is in focus."""
    noise = np.random.default_rng(5).normal(size=(2, SIZE, SIZE)).astype(np.float32)
    where = np.zeros((SIZE, SIZE), np.float32)
    where[16:48, 16:48] = 1
    found = [blur(bands(blurred(noise, sigma)), where) for sigma in (0.1, 0.6, 1.0, 1.5)]
    assert not blur(bands(0 * noise + 1), where).any()
    assert not found[0].any() and (np.diff(found, axis=0)[1:] > 0.2).all()
    np.testing.assert_allclose(blur(bands(0.1 * blurred(noise, 1.0)), where), found[2], atol=1e-4)
    fine, broad = (
        sum(x * x for x in band[16:48, 16:48].ravel()) ** 0.5
        for band in bands(blurred(noise, 0.6))[0, :2]
    )
    assert found[1][0] == pytest.approx(np.interp(fine / broad, *np.transpose(_BLURS)), abs=1e-4)


def test_an_amplitude_is_a_root_mean_square_around_a_place():
    """Of a wave whose amplitude is 0.3 the whole way, and 0.6 on the right half."""
    at = np.arange(SIZE)
    wave = 0.3 * np.sqrt(2) * np.sin(at * 2.4)[None].repeat(SIZE, 0).astype(np.float32)
    wave[:, SIZE // 2 :] *= 2
    found = amplitudes(np.stack([wave] * BANDS)[None])
    assert found.shape == (1, BANDS, SIDE, SIDE)
    np.testing.assert_allclose(np.exp(found[0, :, :, 4:10]), 0.3, rtol=0.08)
    np.testing.assert_allclose(np.exp(found[0, :, :, 22:28]), 0.6, rtol=0.08)


def test_light_is_measured_on_the_skin():
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[20:40, 20:40] = 1
    faces = np.random.default_rng(1).uniform(-1, 1, (2, 3, SIZE, SIZE)).astype(np.float32)
    luma, light = lit(faces, mask)
    own = ((faces + 1) * np.array([0.299, 0.587, 0.114])[None, :, None, None]).sum(1)
    for face in range(2):
        assert light[face, 0, 0] == pytest.approx(np.median(own[face][mask > 0.5]), rel=1e-4)
    np.testing.assert_allclose(luma * light, own, rtol=1e-4)


def test_a_share_is_how_far_along_the_way_a_face_is(probes):
    """However sharp the picture is: a constant of a band says nothing."""
    weights = np.random.default_rng(3).uniform(0, 1, (SIDE, SIDE)).astype(np.float32)
    sharp = np.array([0.5, -0.3, 0.1], np.float32)[:, None, None]
    for share in (-2.0, 0.0, 1.5):
        found = probes.detail_mean + share * probes.detail[0] + sharp
        assert shares(found[None], probes, 0, weights) == pytest.approx(share, abs=1e-3)


def test_a_face_goes_to_where_its_class_is(probes, reference):
    """In the measured direction, on the skin, the farther the more is missing."""
    where = resized(places(reference, SIZE, "young"), SIDE, linear=True)
    away, there = (probes.detail_mean + share * probes.detail[0] for share in (-1.0, 3.5))
    found = np.stack([away, there])
    assert not gains(found, probes, {"young": 0.0}, reference, SIZE).any()
    assert not gains(found, probes, {"wide_mouth": 1.0, "else": 1.0}, reference, SIZE).any()
    gain = gains(found, probes, {"young": 1.0}, reference, SIZE)
    assert gain.shape == (2, BANDS, SIZE, SIZE)
    # 1.2 times the gap of 2 is asked of the first, and 0.15 times it of who is beyond the class
    for face, share in enumerate((2.52, 0.3)):
        wanted = resized(share * probes.detail[0] * where, SIZE, linear=True)
        np.testing.assert_allclose(gain[face], wanted, atol=0.03)
    half = gains(found, probes, {"young": 0.5}, reference, SIZE)
    np.testing.assert_allclose(half, gain / 2, atol=0.03)
    around = resized(where, SIZE, linear=True)
    assert not gain[:, :, around == 0].any()


def test_what_is_stronger_than_usual_fades_more(probes, reference):
    where = resized(places(reference, SIZE, "young"), SIDE, linear=True)
    row, column = np.argwhere(where > 0.95)[0]
    # Folds here and there, that the young have less of
    folds = np.random.default_rng(5).random((SIDE, SIDE)) < 0.2
    folds[row, column] = True
    probes.detail[0] = np.where(folds, -0.3, -0.02)
    found = (probes.detail_mean - probes.detail[0])[None]
    deeper = found.copy()
    deeper[0, :, row, column] += 1.0
    at = 0, slice(None), row * SIZE // SIDE, column * SIZE // SIDE
    younger, older = (
        [gains(one, probes, {"young": sign}, reference, SIZE)[at] for one in (found, deeper)]
        for sign in (1.0, -1.0)
    )
    assert (younger[0] < -0.2).all() and (younger[1] < younger[0] - 0.2).all()
    assert (older[0] > 0.2).all() and np.abs(older[1] - older[0]).max() < 0.1


def test_detail_grows_and_edges_stay():
    found = np.array([0.01, -0.02, 0.6], np.float32)
    more = emphasised(found, np.full(3, np.log(2), np.float32))
    np.testing.assert_allclose(more[:2], found[:2], rtol=0.05)  # once more of it
    assert abs(more[2]) < 1e-6
    less = emphasised(found, np.full(3, -9.0, np.float32))
    np.testing.assert_allclose(less[:2], -found[:2] * (1 - np.exp(-2.2)), rtol=0.05)


def test_what_is_broad_grows_less_than_what_is_fine():
    """And fades as it did."""
    rng = np.random.default_rng(4)
    texture = np.broadcast_to(rng.normal(0, 0.01, (SIZE, SIZE)), (3, SIZE, SIZE)).astype(np.float32)
    light, white = np.ones((1, 1), np.float32), np.ones((3, 1, 1), np.float32)
    found = bands(texture[:1])[0]
    for sign, shares_ in ((1, (1, 0.7, 0.4)), (-1, (1, 1, 1))):
        for band, share in enumerate(shares_):
            gain = np.zeros_like(found)
            gain[band] = 0.3 * sign
            change = more(texture, gain, light, white)[0]
            wanted = found[band] * np.expm1(0.3 * sign * share)
            np.testing.assert_allclose(change, wanted, atol=0.05 * np.abs(wanted).max())


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_the_shipped_circle_ages_by_stronger_detail(runtime, tmp_path):
    """Real weights and a photograph: where faces have folds, hers grow with age and fade."""
    data = pytest.importorskip("skimage.data")
    Image.fromarray(data.astronaut()).save(tmp_path / "photo.png")
    circle = Circle.from_pretrained(runtime=runtime)
    face = circle.read(tmp_path / "photo.png")
    drawing, side, still = face.rendering, circle.size, face.code * 0
    mask = skin(circle.mesh.reference, side)
    way = circle.probes.detail[circle.probes.names.index("young")]
    folds = (resized(numpy(way)[0], side) < -0.1) & (
        places(circle.mesh.reference, side, "young") > 0.8
    )
    assert folds.sum() > 100

    def amplitude(edits):
        change = drawing.layers(still, edits)[0].change
        luma, _ = lit(drawing._real + change, mask)
        return bands(luma)[0, 0, folds].std()

    own = amplitude(["young"])
    assert amplitude({"young": -1.0}) > 1.1 * own > 1.2 * amplitude({"young": 1.0})
    assert amplitude({"young": 0.0}) == own
    assert amplitude({"wide_mouth": 1.0}) == amplitude(["wide_mouth"])  # a length, and no skin
    layers = drawing.layers(still, {"young": -1.0})[0]
    assert layers.detail.shape == (2, side, side) and layers.detail[0].max() > 0.1
