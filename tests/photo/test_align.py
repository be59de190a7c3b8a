"""Frames: coordinates exact to the pixel's centre, crops without aliasing."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from istrc.errors import InputError
from istrc.photo.align import (
    Frame,
    aligned_frame,
    around,
    compose,
    find_frame,
    frame_from_box,
    invert,
    transform,
)
from istrc.photo.detect import Box
from istrc.shape.crop import BOX_CENTRE, BOX_SIDE

CROP = (25, 45, 153, 173)


def similarity(side: float, angle: float, x: float, y: float) -> Frame:
    """A frame whose crop has this side, clockwise angle and centre in the photograph."""
    scale = 128 / side
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    return Frame(np.column_stack([turn, np.array([89.0, 109.0]) - turn @ [x, y]]))


def noise_picture(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Smooth structure and fine grain: worse for a resampler than any face."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.BICUBIC))
    grain = rng.integers(-20, 21, (height, width, 3))
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [16, 32, 64, 100, 128, 256])
def test_aligned_picture_is_cropped_as_pillow_does(size):
    pixels = noise_picture(178, 218)
    expected = Image.fromarray(pixels).crop(CROP).resize((size, size), Image.LANCZOS)
    crop = aligned_frame(178, 218).crop(pixels, size)
    assert crop.shape == (size, size, 3) and crop.dtype == np.uint8
    difference = np.abs(crop.astype(int) - np.asarray(expected).astype(int))
    assert difference.max() <= (1 if size >= 64 else 6)
    assert difference.mean() < 0.8


def test_aligned_picture_of_another_size_and_the_crop_itself():
    pixels = noise_picture(178, 218)
    reference = aligned_frame(178, 218).crop(pixels, 64).astype(int)
    double = np.asarray(Image.fromarray(pixels).resize((356, 436), Image.BICUBIC))
    assert np.abs(aligned_frame(356, 436).crop(double, 64) - reference).mean() < 2
    square = pixels[45:173, 25:153]
    assert np.abs(aligned_frame(128, 128).crop(square, 64) - reference).max() <= 1
    small = aligned_frame(64, 64).crop(square[:64, :64], 64)
    np.testing.assert_array_equal(small, square[:64, :64])


@pytest.mark.parametrize("size", [(178, 218), (89, 109), (267, 327), (256, 314), (712, 872)])
def test_aligned_frames_put_corners_on_corners(size):
    corners = transform(aligned_frame(*size).matrix, [[0, 0], list(size)])
    np.testing.assert_allclose(corners, [[0, 0], [178, 218]], atol=1.0)


@pytest.mark.parametrize("size", [(218, 178), (640, 480), (178, 230), (0, 0), (178, 214)])
def test_other_shapes_are_refused_with_the_remedy(size):
    with pytest.raises(InputError, match=r"not an aligned picture.*--aligned"):
        aligned_frame(*size)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(20, 900),
    st.floats(-math.pi, math.pi),
    st.floats(-50, 450),
    st.floats(-50, 450),
    st.integers(8, 80),
)
def test_crop_sees_a_ramp_where_the_matrix_says(side, angle, x, y, size):
    """A linear ramp keeps its values under any exact resampling: this checks pixel centres."""
    frame = similarity(side, angle, x, y)
    width, height = 400, 300
    column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    ramp = np.stack([column * 0.6, row * 0.8, 255 - column * 0.3 - row * 0.4], -1)
    crop = frame.crop(np.round(ramp).astype(np.uint8), size)
    # Photograph coordinates of every crop pixel's centre, the slow way
    step = 128 / size
    checked = 0
    for j in range(0, size, max(1, size // 7)):
        for i in range(0, size, max(1, size // 7)):
            in_frame = (25 + (i + 0.5) * step, 45 + (j + 0.5) * step, 1)
            px, py = frame.inverse @ in_frame
            reach = 4 * max(1, side / size)  # the kernel must not touch the picture's edge
            if reach < px < width - reach and reach < py < height - reach:
                expected = [px * 0.6, py * 0.8, 255 - px * 0.3 - py * 0.4]
                np.testing.assert_allclose(crop[j, i], expected, atol=1.6)
                checked += 1
    assert checked or side > 250 or not (80 < x < 320 and 80 < y < 220)


def test_frame_properties_are_the_transforms():
    frame = similarity(200, 0.3, 500, 400)
    assert frame.side == pytest.approx(200) and frame.angle == pytest.approx(0.3)
    assert frame.scale == pytest.approx(0.64)
    np.testing.assert_allclose(compose(frame.matrix, frame.inverse), np.eye(2, 3), atol=1e-12)
    np.testing.assert_allclose(invert(frame.inverse), frame.matrix, atol=1e-9)
    np.testing.assert_allclose(frame.corners().mean(0), [500, 400])
    # Turned clockwise: its upper edge runs down to the right
    (x0, y0), (x1, y1) = frame.corners()[:2]
    assert x1 > x0 and y1 > y0
    for bad in (np.eye(3), np.full((2, 3), np.nan), np.array([[1.0, 0, 0], [0, -1, 0]])):
        with pytest.raises(ValueError):
            Frame(bad)


def test_a_large_photograph_is_not_aliased():
    """One-pixel stripes are mid-grey from afar, whatever the angle."""
    pixels = np.zeros((2400, 2400, 3), np.uint8)
    pixels[::2] = 255
    for angle in (0.0, 0.4, math.pi / 4):
        crop = similarity(1500, angle, 1200, 1200).crop(pixels, 64)
        assert np.abs(crop.astype(float) - 127.5).max() < 3


def test_edge_pixels_are_repeated_outside_the_photograph():
    pixels = noise_picture(60, 80)
    frame = similarity(64, 0.0, 0, 40)  # left half outside
    crop = frame.crop(pixels, 64)
    np.testing.assert_array_equal(crop[:, 32:], pixels[8:72, :32])
    np.testing.assert_array_equal(crop[:, :32], np.repeat(pixels[8:72, :1], 32, 1))
    far = similarity(64, 0.0, 1000, -1000).crop(pixels, 64)
    assert (far == pixels[0, -1]).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 3), (50, 2, 3)])
def test_tiny_pictures_have_crops(shape):
    pixels = np.full(shape, 77, np.uint8)
    for side in (0.5, 3.0, 5000.0):
        assert (similarity(side, 0.2, 0.5, 0.5).crop(pixels, 16) == 77).all()


def test_the_box_alone_gives_the_mean_mapping():
    box = Box(350, 250, 100, 1.0)
    frame = frame_from_box(box)
    np.testing.assert_allclose(transform(frame.matrix, box.centre), BOX_CENTRE)
    assert frame.scale * box.side == pytest.approx(BOX_SIDE)
    turned = frame_from_box(Box(350, 250, 100, 1.0, angle=0.5))
    np.testing.assert_allclose(transform(turned.matrix, box.centre), BOX_CENTRE)
    assert turned.angle == pytest.approx(0.5)


class Oracle:
    """A landmark network to which every face is as much off its mean shape."""

    size, rough_size = 64, 32

    def __init__(self, mean, correction=((1, 0, 0), (0, 1, 0))):
        """correction: (2, 3) from the crop's [-1, 1] that it sees to where the face lies in it."""
        self.mean, self.correction = mean, np.array(correction, float)
        self.looks = []

    def find_in(self, faces, rough=False):
        side = self.rough_size if rough else self.size
        assert faces.shape == (1, side, side, 3) and faces.dtype == np.uint8
        self.looks.append(rough)
        seen = transform(self.correction, self.mean)
        return np.concatenate([seen, np.zeros((68, 1))], 1)[None].astype(np.float32)


def test_find_frame_puts_the_eyes_where_they_belong_at_every_look(face_points):
    pixels, box = noise_picture(400, 300), Box(200, 150, 100, 1.0)
    shift = np.array([2.0, -1.0])  # pixels of the frame
    oracle = Oracle(face_points, [[1, 0, shift[0] / 64], [0, 1, shift[1] / 64]])
    frame, start = find_frame(pixels, box, oracle), find_frame(pixels, box)
    moved = transform(frame.matrix, box.centre) - transform(start.matrix, box.centre)
    np.testing.assert_allclose(moved, -3 * shift, atol=1e-3)
    assert oracle.looks == [True, True, False]  # the last is the exact one
    still = find_frame(pixels, box, Oracle(face_points))
    np.testing.assert_allclose(still.matrix, start.matrix, atol=1e-4)


def test_a_face_that_is_turned_and_larger_is_framed_so(face_points):
    pixels, box = noise_picture(400, 300), Box(200, 150, 100, 1.0)
    angle, scale = 0.2, 1.1
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    oracle = Oracle(face_points, [[cos, -sin, 0], [sin, cos, 0]])
    frame, start = find_frame(pixels, box, oracle, 1), find_frame(pixels, box)
    assert frame.angle - start.angle == pytest.approx(angle, abs=1e-4)
    assert frame.side / start.side == pytest.approx(scale, abs=1e-4)


def test_a_network_gone_astray_is_not_followed(face_points):
    pixels, box = noise_picture(400, 300), Box(200, 150, 100, 1.0)
    wild = Oracle(face_points, [[0.4, 0, 1.5], [0, 0.4, -1.0]])
    frame = find_frame(pixels, box, wild)
    np.testing.assert_array_equal(frame.matrix, frame_from_box(box).matrix)


def test_a_12_megapixel_photograph_costs_little(face_points):
    pixels = np.zeros((3000, 4000, 3), np.uint8)
    box = Box(1900, 1300, 1400, 1.0)
    find_frame(pixels, box, Oracle(face_points))
    started = time.process_time()
    find_frame(pixels, box, Oracle(face_points))
    assert time.process_time() - started < 0.5  # 0.06 s on a quiet machine


def test_a_whole_shift_is_a_slice_of_the_picture():
    """An aligned face's crop, edge pixels repeated beyond the picture."""
    picture = noise_picture(178, 218)
    assert np.array_equal(aligned_frame(178, 218).crop(picture, 128), picture[45:173, 25:153])
    moved = Frame(np.array([[1.0, 0, 60.0], [0, 1.0, -20.0]]))
    slow = np.empty((128, 128, 3), np.uint8)
    for row, column in np.ndindex(128, 128):
        y, x = np.clip(row + 45 + 20, 0, 217), np.clip(column + 25 - 60, 0, 177)
        slow[row, column] = picture[y, x]
    assert np.array_equal(moved.crop(picture, 128), slow)


def test_what_lies_around_points_ends_with_the_picture():
    points = np.array([[3.2, 4.0], [7.9, 12.5], [5.0, -3.0]])
    assert around(points, 20, 30) == (3, 0, 8, 13)
    assert around(points, 20, 30, margin=2) == (1, 0, 10, 15)
    assert around(points, 10, 6) == (3, 0, 6, 10)
    left, top, right, bottom = around(points + 100, 20, 30)  # nothing of it
    assert left == right or top == bottom
