"""Wrinkles: noise along lines, where detail is to grow."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from istrc import Circle
from istrc.arrays import numpy
from istrc.edit.detail import BANDS, SIDE
from istrc.edit.tone import LUMA
from istrc.edit.wrinkles import along, lines, wrinkled, wrinkles

SIZE = 64


def ways(angle, alike=1.0):
    """Of lines at one angle everywhere."""
    one = alike * np.array([np.cos(2 * angle), np.sin(2 * angle)])
    return np.broadcast_to(one[:, None, None], (2, SIDE, SIDE)).astype(np.float32)


def probes(angle=0.0, alike=1.0):
    mean = np.full((BANDS, SIDE, SIDE), np.log(0.03), np.float32)
    return SimpleNamespace(config={"wrinkles": SIDE}, wrinkles=ways(angle, alike), detail_mean=mean)


def roughness(found, angle):
    """Mean squares of how luma changes along a line at an angle, and across it."""
    down, right = np.gradient(found)
    along_ = np.cos(angle) * right + np.sin(angle) * down
    across = np.cos(angle) * down - np.sin(angle) * right
    return np.square(along_).mean(), np.square(across).mean()


@pytest.mark.parametrize("angle", [0.0, np.pi / 4, np.pi / 2, -0.6])
def test_lines_run_at_the_angle_that_is_given(angle):
    found = lines(ways(angle).tobytes(), SIDE, SIZE)
    assert found.shape == (BANDS, SIZE, SIZE)
    for band in found:
        with_it, across = roughness(band, angle)
        assert across > 2 * with_it
    assert found is lines(ways(angle).tobytes(), SIDE, SIZE)  # for all faces the same


def test_no_lines_where_older_faces_have_none_in_common():
    half = ways(0.3).copy()
    half[..., SIDE // 2 :] = 0
    found = lines(half.tobytes(), SIDE, SIZE)
    assert np.abs(found[..., SIZE // 2 + 2 :]).max() < 1e-6
    assert found[..., : SIZE // 2 - 2].std() > 0.5


def test_noise_is_summed_along_a_straight_line():
    """The slow way, for upright lines, in the middle of which no edge is met."""
    noise = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)
    found = along(noise, np.full((SIZE, SIZE), np.pi / 2))
    reach = round(8 / 128 * SIZE)
    v, u = SIZE // 2, 20
    expected = noise[v, u] + sum(
        (noise[v + step + 1, u] + noise[v - step - 1, u]) * np.exp(-((1.5 * step / reach) ** 2))
        for step in range(reach)
    )
    np.testing.assert_allclose(found[v, u], expected, rtol=1e-4)


def test_lines_are_added_where_detail_grows_in_the_colour_of_what_is_there():
    texture = np.random.default_rng(1).normal(0, 0.02, (3, SIZE, SIZE)).astype(np.float32)
    texture += np.array([0.4, 0.0, -0.2], np.float32)[:, None, None]
    light = (LUMA * (texture + 1)).sum(0).mean().reshape(1, 1)
    gain = np.zeros((BANDS, SIZE, SIZE), np.float32)
    gain[:, :, SIZE // 2 :] = 0.3
    found = wrinkled(texture, gain, light, probes())
    assert not found[:, :, : SIZE // 2].any() and found[:, :, SIZE // 2 :].any()
    ratio = found / (texture + 1)
    np.testing.assert_allclose(ratio[0], ratio[2], atol=1e-6)
    assert np.abs(wrinkled(texture, 2 * gain, light, probes())).sum() > np.abs(found).sum()
    assert not wrinkled(texture, -gain, light, probes()).any()


def test_strong_detail_counts_as_that_of_the_mean_face():
    rng = np.random.default_rng(2)
    gain = np.full((BANDS, SIZE, SIZE), 0.3, np.float32)
    flat, rough, rougher = (
        np.abs(
            wrinkled(
                rng.normal(0, noise, (3, SIZE, SIZE)).astype(np.float32),
                gain,
                np.ones((1, 1), np.float32),
                probes(),
            )
        ).mean()
        for noise in (0.0, 0.3, 0.6)
    )
    assert 0 < flat < rough and abs(rougher / rough - 1) < 0.1


def test_who_becomes_older_wrinkles():
    known = probes()
    assert wrinkles(known, {"young": -0.5}) and wrinkles(known, {"smile": 1, "young": -1})
    for edits in (None, ["young"], {"young": 1.0}, {"young": 0.0}, {"smile": -1}):
        assert not wrinkles(known, edits)
    assert not wrinkles(None, {"young": -1})
    assert not wrinkles(SimpleNamespace(config={}), {"young": -1})


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_the_shipped_circle_knows_how_wrinkles_run(runtime, tmp_path):
    """Real weights: across the forehead, upright between the brows, down from the nose's wings."""
    data = pytest.importorskip("skimage.data")
    Image.fromarray(data.astronaut()).save(tmp_path / "photo.png")
    circle = Circle.from_pretrained(runtime=runtime)
    mean = circle.mesh.reference
    cosine, sine = numpy(circle.probes.wrinkles)

    def at(x, y):
        column, row = (int((one + 1) * SIDE / 2) for one in (x, y))
        return cosine[row, column], sine[row, column]

    brows = mean[17:27, 1].min()
    assert at(0.0, brows - 0.15)[0] > 0.2  # the middle of the forehead
    assert at(*mean[[21, 22]].mean(0))[0] < -0.2
    for wing, corner, side in ((31, 48, -1), (35, 54, 1)):
        outside = (mean[wing] + mean[corner]) / 2 + [0.06 * side, 0]
        assert side * at(*outside)[1] > 0.2  # down and away from the nose
    face = circle.read(tmp_path / "photo.png")
    still = face.code * 0
    older = face.rendering.layers(still, {"young": -1.0})[0].change
    circle.probes.config["wrinkles"] = 0
    face = circle.read(tmp_path / "photo.png")
    plain = face.rendering.layers(still, {"young": -1.0})[0].change
    assert np.abs(older - plain).max() > 0.03
