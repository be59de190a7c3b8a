"""The drawn face goes where the face is, and nowhere else."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from istrc.photo.align import Frame, aligned_frame, transform
from istrc.photo.paste import face_mask, paste_crop
from istrc.shape.crop import CROP


def similarity(side: float, angle: float, x: float, y: float) -> Frame:
    scale = 128 / side
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    return Frame(np.column_stack([turn, np.array([89.0, 109.0]) - turn @ [x, y]]))


def photograph(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def a_face(size: int, amount: float = 0.3, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).normal(size=(8, 8, 3)).astype(np.float32)
    layers = [
        np.asarray(Image.fromarray(coarse[..., c]).resize((size, size), Image.BICUBIC))
        for c in range(3)
    ]
    return (amount * np.stack(layers, -1)).clip(-1, 1).astype(np.float32)


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
    before, outside = pixels.copy(), ~inside_crop(frame, 240, 200)
    edited = paste_crop(pixels, a_face(32, 0.8, seed), frame)
    assert edited.shape == pixels.shape and edited.dtype == np.uint8
    np.testing.assert_array_equal(edited[outside], pixels[outside])
    np.testing.assert_array_equal(pixels, before)  # the caller's photograph is left alone


@pytest.mark.parametrize("size", [64, 128])
def test_the_crop_of_the_result_is_the_face_under_the_mask(size):
    rng = np.random.default_rng(1)
    coarse = rng.integers(60, 196, (14, 12, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((178, 218), Image.BICUBIC))
    frame, face = aligned_frame(178, 218), a_face(size, 0.45)
    before = frame.crop(pixels, size).astype(float)
    pasted = frame.crop(paste_crop(pixels, face, frame), size).astype(float)
    mask = face_mask(size)[..., None]
    blended = before * (1 - mask) + (face + 1) * 127.5 * mask
    assert np.abs(pasted - blended).mean() < 1
    assert np.abs(pasted - blended).max() < 8


def test_pasting_lands_where_the_frame_says():
    """A spot in the crop appears at the photograph's point that the matrix names."""
    face = np.full((64, 64, 3), -1, np.float32)
    face[20:23, 40:43] = 0.0  # centre at (41.5, 21.5) of 64
    for frame in (similarity(500, 0.7, 300, 320), similarity(130, -1.2, 200, 310)):
        edited = paste_crop(np.zeros((600, 600, 3), np.uint8), face, frame)[..., 0].astype(float)
        x, y = np.meshgrid(np.arange(600) + 0.5, np.arange(600) + 0.5)
        centre = [(edited * x).sum() / edited.sum(), (edited * y).sum() / edited.sum()]
        expected = transform(frame.inverse, [25 + 41.5 * 2, 45 + 21.5 * 2])
        np.testing.assert_allclose(centre, expected, atol=0.3)


@pytest.mark.parametrize("side", [120, 250, 900])
def test_no_seam(side):
    """On a plain photograph the result's gradient at the mask's border is that of the mask."""
    pixels = np.full((1000, 1000, 3), 100, np.uint8)
    frame, level = similarity(side, 0.5, 500, 500), 100 / 127.5 - 1
    face = np.full((64, 64, 3), level + 0.8, np.float32)
    edited = paste_crop(pixels, face, frame)[..., 0].astype(int)
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
    face = np.full((16, 16, 3), 0.5, np.float32)
    pixels = np.full((50, 40, 3), 100, np.uint8)
    partly = paste_crop(pixels, face, similarity(60, 0.0, 0, 25))
    assert (partly[25, 0] == 191).all() and (partly[25, 39] == 100).all()
    wholly = paste_crop(pixels, face, similarity(60, 0.0, 500, -90))
    np.testing.assert_array_equal(wholly, pixels)
    for shape in ((1, 1, 3), (1, 9, 3), (7, 2, 3)):
        tiny = np.full(shape, 9, np.uint8)
        assert paste_crop(tiny, face, similarity(30, 0.1, 0.5, 0.5)).shape == shape
        assert paste_crop(tiny, face, similarity(0.7, 0.1, 0.5, 0.5)).shape == shape


def test_wrong_faces_are_refused():
    frame, pixels = aligned_frame(178, 218), photograph(178, 218)
    for bad in (np.zeros((8, 9, 3)), np.zeros((8, 8)), np.zeros((0, 0, 3)), np.zeros((8, 8, 4))):
        with pytest.raises(ValueError, match=r"\(S, S, 3\)"):
            paste_crop(pixels, bad, frame)
    with pytest.raises(ValueError, match="finite"):
        paste_crop(pixels, np.full((8, 8, 3), np.nan), frame)


def test_a_12_megapixel_photograph_costs_what_its_face_costs():
    pixels = np.zeros((3000, 4000, 3), np.uint8)
    frame, face = similarity(400, 0.2, 2000, 1500), a_face(64)
    paste_crop(pixels, face, frame)
    started = time.process_time()
    paste_crop(pixels, face, frame)
    assert time.process_time() - started < 0.5  # 0.05 s on a quiet machine
