"""Photographs put together: faces come to lie where their frames say, and nothing else changes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from studies.scenes import (
    BACKGROUNDS,
    EYES,
    background,
    box_of,
    disturbed,
    draw_faces,
    eye_error,
    frame_at,
    is_face,
    lay,
    spoilt,
)

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.photo.align import Frame, compose, frame_from_box, transform
from istrc.shape.crop import CROP_CENTRE


@pytest.fixture
def prepared(tmp_path, write_prepared):
    """A prepared folder of 16 px noise: 12 faces, half of them held out."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "prepared"
    folder.mkdir()
    return Prepared(
        write_prepared(
            folder,
            rng.integers(0, 256, (12, 16, 16, 3)),
            rng.integers(0, 2, (12, 1)),
            attributes=("smile",),
            identity=np.arange(12),
            split=np.arange(12) >= 6,
        )
    )


def smooth_face(side=64):
    """A crop whose colours tell the place: red across, green down."""
    ramp = np.linspace(20, 230, side)
    face = np.full((side, side, 3), 90.0)
    face[..., 0], face[..., 1] = ramp[None, :], ramp[:, None]
    return face.round().astype(np.uint8)


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_backgrounds_are_drawn_with_the_generator(kind):
    first, again = (background(kind, 30, 40, np.random.default_rng(1)) for _ in range(2))
    assert first.shape == (30, 40, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again)
    if kind != "neutral":
        assert first.std() > 20 and 90 < first.mean() < 150
        assert not np.array_equal(first, background(kind, 30, 40, np.random.default_rng(2)))


def test_a_photograph_has_more_of_the_slow_than_of_the_fast():
    grey = background("photograph", 128, 128, np.random.default_rng(0)).mean(2)
    amplitude = np.abs(np.fft.fft2(grey - grey.mean()))
    slow, fast = amplitude[1:5, 1:5].mean(), amplitude[30:40, 30:40].mean()
    assert slow / fast == pytest.approx(35 / 2.5, rel=0.6)  # 1/f
    with pytest.raises(ValueError, match="background must be one of"):
        background("beach", 8, 8, np.random.default_rng(0))


@given(x=st.floats(-50, 500), y=st.floats(-50, 500), side=st.floats(5, 900), angle=st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_a_frame_is_where_it_was_asked_to_be(x, y, side, angle):
    frame = frame_at((x, y), side, angle)
    assert np.allclose(transform(frame.matrix, [x, y]), CROP_CENTRE)
    assert frame.side == pytest.approx(side) and frame.angle == pytest.approx(angle)
    assert eye_error(frame, frame) == pytest.approx(0, abs=1e-9)
    # The mean box of an upright face leads back to its frame
    upright = frame_at((x, y), side, 0.0)
    found = frame_from_box(box_of(upright))
    assert np.allclose(found.matrix, upright.matrix)
    assert is_face(box_of(upright), upright)


def test_the_error_of_the_eyes_by_hand():
    true = frame_at((50, 60), 100, 0.3)
    moved = Frame(true.matrix + np.array([[0, 0, 3.85], [0, 0, 0]]))  # 3.85 frame pixels aside
    assert eye_error(moved, true) == pytest.approx(0.1)
    turn = np.array([[math.cos(0.1), -math.sin(0.1), 0], [math.sin(0.1), math.cos(0.1), 0]])
    about = EYES.mean(0)
    turn[:, 2] = about - turn[:, :2] @ about
    # Turned about the middle of the eyes, both move along an arc of half an eye distance
    assert eye_error(Frame(compose(turn, true.matrix)), true) == pytest.approx(math.sin(0.05))


def test_eyes_lie_inside_the_crop_as_celeba_has_them():
    assert EYES[1, 0] - EYES[0, 0] == pytest.approx(38.5)
    assert (EYES.mean(0) - [25, 45] > 50).all()


@pytest.mark.parametrize("angle", [0.0, 0.4])
@pytest.mark.parametrize("side", [30, 64, 150])
def test_a_face_lies_under_its_frame(side, angle):
    face, ground = smooth_face(), np.full((220, 240, 3), 128, np.uint8)
    frame = frame_at((130.5, 100.25), side, angle)
    pixels = lay(face, ground, frame)
    assert (ground == 128).all()  # a new picture
    back = frame.crop(pixels, 64).astype(int)
    middle = slice(10, 54)
    assert np.abs(back - face)[middle, middle].max() <= 8
    corners = np.round(frame.corners()).astype(int)
    (left, top), (right, bottom) = corners.min(0) - 1, corners.max(0) + 1
    outside = np.ones(pixels.shape[:2], bool)
    outside[top:bottom, left:right] = False
    assert (pixels[outside] == 128).all()


def test_the_edge_fades_and_the_frame_may_leave_the_picture():
    face = np.full((40, 40, 3), 250, np.uint8)
    ground = np.zeros((60, 60, 3), np.uint8)
    row = lay(face, ground, frame_at((30, 30), 40, 0.0), feather=0.2)[30, :, 0].astype(int)
    assert (np.diff(row[10:20]) >= 0).all() and row[10] < 30 and row[30] == 250
    assert lay(face, ground, frame_at((0, 0), 40, 0.0))[:15, :15].any()
    assert not lay(face, ground, frame_at((-100, 0), 40, 0.0)).any()


def test_whole_pictures_come_with_their_surroundings():
    whole = np.full((218, 178, 3), 200, np.uint8)
    whole[45:173, 25:153] = smooth_face(128)
    pixels = lay(whole, np.zeros((300, 300, 3), np.uint8), frame_at((150, 140), 128, 0.0))
    back = frame_at((150, 140), 128, 0.0).crop(pixels, 128).astype(int)
    assert np.abs(back - whole[45:173, 25:153]).max() <= 2
    assert (pixels[60, 150] == 200).all()  # above the crop


def test_less_light_and_less_sharp():
    pixels = background("noise", 40, 40, np.random.default_rng(0))
    assert np.array_equal(spoilt(pixels), pixels)
    dark = np.round(pixels * 0.25).astype(np.uint8)
    assert np.array_equal(spoilt(pixels, light=0.25), dark)
    assert spoilt(pixels, blur=2.0).std() < pixels.std() / 3


def test_a_box_is_disturbed_within_its_bounds_and_tells_its_face():
    frame = frame_at((200, 200), 100, 0.0)
    true, rng = box_of(frame), np.random.default_rng(0)
    for _ in range(50):
        box = disturbed(true, rng, shift=0.1, scale=1.15)
        away = np.abs(np.subtract(box.centre, true.centre)).max()
        assert 0 < away <= 0.1 * true.side + 1e-9
        assert 1 / 1.15 <= box.side / true.side <= 1.15 and is_face(box, frame)
    assert not is_face(box_of(frame_at((300, 200), 100, 0.0)), frame)  # elsewhere
    assert not is_face(box_of(frame_at((200, 200), 300, 0.0)), frame)  # too large


def test_held_out_faces_are_drawn(prepared, tmp_path):
    drawn = draw_faces(prepared, None, split="valid", count=5, seed=0)
    assert len(drawn) == 5 and drawn.shape[1:] == (16, 16, 3)
    valid = prepared.images[prepared.rows("valid")]
    assert all((face == valid).all((1, 2, 3)).any() for face in drawn)

    folder = tmp_path / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    for k in range(4):
        picture = np.full((218, 178, 3), 40 * k, np.uint8)
        Image.fromarray(picture).save(folder / "img_align_celeba" / f"{k}.png")
    lines = "".join(f"{k}.png {'1' if k else '-1'}\n" for k in range(4))
    (folder / "list_attr_celeba.txt").write_text(f"4\nSmiling\n{lines}")
    (folder / "list_eval_partition.txt").write_text("0.png 0\n1.png 0\n2.png 1\n3.png 2\n")
    whole = draw_faces(prepared, folder, split="valid", count=9, seed=0)
    assert sorted(int(face[0, 0, 0]) for face in whole) == [80, 120]  # not those of train
    assert len(draw_faces(prepared, folder, split="valid", count=1, seed=0)) == 1
    (folder / "list_eval_partition.txt").write_text("".join(f"{k}.png 0\n" for k in range(4)))
    with pytest.raises(InputError, match="no 178x218 picture"):
        draw_faces(prepared, folder, split="valid", count=9, seed=0)
