"""The change goes where the face is, and nowhere else."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from istrc.photo.align import CROP, Frame, aligned_frame, transform
from istrc.photo.paste import face_mask, paste_change, paste_crop


def similarity(side: float, angle: float, x: float, y: float) -> Frame:
    scale = 128 / side
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    return Frame(np.column_stack([turn, np.array([89.0, 109.0]) - turn @ [x, y]]))


def photograph(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth_change(size: int, amount: float = 0.3, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).normal(size=(8, 8, 3)).astype(np.float32)
    layers = [
        np.asarray(Image.fromarray(coarse[..., c]).resize((size, size), Image.BICUBIC))
        for c in range(3)
    ]
    return (amount * np.stack(layers, -1)).astype(np.float32)


def inside_crop(frame: Frame, width: int, height: int) -> np.ndarray:
    """(H, W) bool: pixels whose centre lies under THE CROP."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    points = transform(frame.matrix, np.stack([x, y], -1))
    left, top, right, bottom = CROP
    inside = (points > [left, top]) & (points < [right, bottom])
    return inside.all(-1)


@pytest.mark.parametrize("size", [3, 16, 64, 65, 128])
def test_mask_is_one_on_the_face_and_zero_on_the_border(size):
    mask = face_mask(size)
    assert mask.shape == (size, size) and mask.dtype == np.float32
    assert mask.min() >= 0 and mask.max() == 1
    for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert (edge == 0).all()
    np.testing.assert_array_equal(mask, mask[:, ::-1])
    np.testing.assert_array_equal(mask, mask[::-1])
    if size >= 64:
        assert np.abs(np.diff(mask, axis=0)).max() < 14 / size  # no step anywhere
        # Eyes, nose, the mouth's corners: wholly edited
        for x, y in [(70, 111), (108, 111), (89, 135), (72, 152), (106, 152)]:
            i, j = (int((v - o) * size / 128) for v, o in ((x, 25), (y, 45)))
            assert mask[j, i] == 1


placements = st.tuples(
    st.floats(4, 400), st.floats(-math.pi, math.pi), st.floats(-60, 300), st.floats(-60, 260)
)


@settings(max_examples=25, deadline=None)
@given(placements, st.integers(0, 5))
def test_bytes_outside_the_crop_are_the_photographs(placement, seed):
    frame, pixels = similarity(*placement), photograph(240, 200, seed)
    outside = ~inside_crop(frame, 240, 200)
    for edited in (
        paste_change(pixels, smooth_change(32, 0.8, seed), frame),
        paste_crop(pixels, np.clip(smooth_change(32, 0.8, seed), -1, 1), frame),
    ):
        assert edited.shape == pixels.shape and edited.dtype == np.uint8
        np.testing.assert_array_equal(edited[outside], pixels[outside])


@settings(max_examples=25, deadline=None)
@given(placements)
def test_no_change_gives_every_byte_back(placement):
    pixels = photograph(240, 200)
    before = pixels.copy()
    edited = paste_change(pixels, np.zeros((16, 16, 3), np.float32), similarity(*placement))
    np.testing.assert_array_equal(edited, before)
    assert edited is not pixels
    paste_change(pixels, np.ones((16, 16, 3), np.float32), similarity(*placement))
    np.testing.assert_array_equal(pixels, before)  # the caller's photograph is left alone


def test_change_adds_up_and_keeps_its_sign():
    pixels = np.full((300, 300, 3), 120, np.uint8)
    frame, change = similarity(180, 0.3, 150, 150), smooth_change(64, 0.1)
    once = paste_change(pixels, change, frame).astype(int) - 120
    twice = paste_change(pixels, 2 * change, frame).astype(int) - 120
    opposite = paste_change(pixels, -change, frame).astype(int) - 120
    assert np.abs(twice - 2 * once).max() <= 2
    assert np.abs(opposite + once).max() <= 1
    assert np.abs(once).max() > 10
    brighter = np.zeros((64, 64, 3), np.float32)
    brighter[..., 0] = 0.5
    red = paste_change(pixels, brighter, frame)
    assert red[150, 150].tolist() == [120 + 64, 120, 120]  # 0.5 * 127.5, rounded
    white = paste_change(pixels, np.full((64, 64, 3), 2, np.float32), frame)
    assert (white[150, 150] == 255).all()


@pytest.mark.parametrize("size", [64, 128])
def test_the_crop_of_the_result_is_the_crop_plus_the_masked_change(size):
    rng = np.random.default_rng(1)
    coarse = rng.integers(60, 196, (14, 12, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((178, 218), Image.BICUBIC))
    frame, change = aligned_frame(178, 218), smooth_change(size, 0.15)
    before = frame.crop(pixels, size).astype(float)
    after = frame.crop(paste_change(pixels, change, frame), size).astype(float)
    expected = face_mask(size)[..., None] * change * 127.5
    assert np.abs(after - before - expected).mean() < 0.8
    assert np.abs(after - before - expected).max() < 8
    crop = np.clip(change * 3, -1, 1)
    pasted = frame.crop(paste_crop(pixels, crop, frame), size).astype(float)
    mask = face_mask(size)[..., None]
    blended = before * (1 - mask) + (crop + 1) * 127.5 * mask
    assert np.abs(pasted - blended).mean() < 1
    assert np.abs(pasted - blended).max() < 8


def test_pasting_lands_where_the_frame_says():
    """A spot in the crop appears at the photograph's point that the matrix names."""
    change = np.zeros((64, 64, 3), np.float32)
    change[20:23, 40:43] = 1.0  # centre at (41.5, 21.5) of 64
    for frame in (similarity(500, 0.7, 300, 320), similarity(130, -1.2, 200, 310)):
        edited = paste_change(np.zeros((600, 600, 3), np.uint8), change, frame)[..., 0].astype(
            float
        )
        x, y = np.meshgrid(np.arange(600) + 0.5, np.arange(600) + 0.5)
        centre = [(edited * x).sum() / edited.sum(), (edited * y).sum() / edited.sum()]
        expected = transform(frame.inverse, [25 + 41.5 * 2, 45 + 21.5 * 2])
        np.testing.assert_allclose(centre, expected, atol=0.3)


@pytest.mark.parametrize("side", [120, 250, 900])
def test_no_seam(side):
    """On a plain photograph the result's gradient at the mask's border is that of the change."""
    pixels = np.full((1000, 1000, 3), 100, np.uint8)
    frame = similarity(side, 0.5, 500, 500)
    edited = paste_change(pixels, np.full((64, 64, 3), 0.8, np.float32), frame)[..., 0].astype(int)
    slope = max(np.abs(np.diff(edited, axis=a)).max() for a in (0, 1))
    # smootherstep's steepest slope is 1.875 over the feather's width
    assert slope <= 1.875 * 0.8 * 127.5 / ((1 - 0.72) * side / 2) * 1.15 + 1
    # and next to the untouched photograph it starts from nothing
    changed = edited != 100
    border = changed & ~(
        np.roll(changed, 1, 0) & np.roll(changed, -1, 0)
        & np.roll(changed, 1, 1) & np.roll(changed, -1, 1)
    )  # fmt: skip
    assert np.abs(edited[border] - 100).max() <= 2


def test_faces_partly_or_wholly_outside_and_tiny_pictures():
    change = np.full((16, 16, 3), 0.5, np.float32)
    pixels = np.full((50, 40, 3), 100, np.uint8)
    partly = paste_change(pixels, change, similarity(60, 0.0, 0, 25))
    assert (partly[25, 0] == 164).all() and (partly[25, 39] == 100).all()
    wholly = paste_change(pixels, change, similarity(60, 0.0, 500, -90))
    np.testing.assert_array_equal(wholly, pixels)
    for shape in ((1, 1, 3), (1, 9, 3), (7, 2, 3)):
        tiny = np.full(shape, 9, np.uint8)
        assert paste_change(tiny, change, similarity(30, 0.1, 0.5, 0.5)).shape == shape
        assert paste_crop(tiny, change, similarity(0.7, 0.1, 0.5, 0.5)).shape == shape


def test_wrong_faces_are_refused():
    frame, pixels = aligned_frame(178, 218), photograph(178, 218)
    for bad in (np.zeros((8, 9, 3)), np.zeros((8, 8)), np.zeros((0, 0, 3))):
        with pytest.raises(ValueError, match=r"\(S, S, 3\)"):
            paste_change(pixels, bad, frame)
    with pytest.raises(ValueError, match="finite"):
        paste_change(pixels, np.full((8, 8, 3), np.nan), frame)


def test_a_12_megapixel_photograph_costs_what_its_face_costs():
    pixels = np.zeros((3000, 4000, 3), np.uint8)
    frame, change = similarity(400, 0.2, 2000, 1500), smooth_change(64)
    paste_change(pixels, change, frame)
    started = time.process_time()
    paste_change(pixels, change, frame)
    assert time.process_time() - started < 0.5  # 0.05 s on a quiet machine


def test_an_overlay_that_covers_nothing_is_a_change():
    pixels, frame = photograph(300, 260), similarity(120, 0.3, 150, 130)
    change = smooth_change(64)
    bare = np.concatenate([change, np.zeros((64, 64, 1), np.float32)], -1)
    assert np.array_equal(paste_change(pixels, bare, frame), paste_change(pixels, change, frame))
    assert np.array_equal(paste_change(pixels, 0 * bare, frame), pixels)


def test_an_overlay_that_covers_all_is_the_decoded_face():
    """x' = x + m (c + a (d - x)) with a = 1 is the face d + c, as modes circle and anchored go."""
    pixels, frame = photograph(300, 260), similarity(120, 0.3, 150, 130)
    change, drawn = smooth_change(64, 0.1), smooth_change(64, 0.4, seed=1).clip(-0.9, 0.9)
    whole = np.concatenate([change + drawn, np.ones((64, 64, 1), np.float32)], -1)
    got, expected = paste_change(pixels, whole, frame), paste_crop(pixels, change + drawn, frame)
    assert np.abs(got.astype(int) - expected.astype(int)).max() <= 1
    outside = ~inside_crop(frame, 300, 260)
    assert np.array_equal(got[outside], pixels[outside]) and not np.array_equal(got, pixels)


@pytest.mark.parametrize(
    ("shape", "channels"), [((64, 64), 3), ((64, 64, 5), 3), ((64, 32, 4), 4), ((64, 32, 3), 3)]
)
def test_an_overlay_that_is_none_is_refused(shape, channels):
    with pytest.raises(ValueError, match=rf"expected \(S, S, {channels}\)"):
        paste_change(photograph(90, 90), np.zeros(shape), similarity(60, 0, 45, 45))
