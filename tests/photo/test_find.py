"""Faces of a photograph with their scores, and the line where there are none."""

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from istrc.errors import InputError
from istrc.photo import find
from istrc.photo.align import Alignment, aligned_frame, frame_from_box
from istrc.photo.detect import Box
from istrc.photo.find import BELIEVED, find_faces, find_frames, score_of
from istrc.pretrained import shipped_aligner


@pytest.fixture(scope="module")
def aligner():
    found = shipped_aligner("onnx")
    if found is None:
        pytest.skip("the shipped weights are not installed")
    return found


@pytest.fixture(scope="module")
def head() -> Image.Image:
    """260 x 300 pixels; its face's crop has a side of about 140 and its centre at (103, 108)."""
    return Image.fromarray(pytest.importorskip("skimage.data").astronaut()).crop((120, 0, 380, 300))


def middles(faces) -> np.ndarray:
    return np.array([one.frame.corners().mean(0) for one in faces])


def put(canvas: Image.Image, head: Image.Image, sides) -> np.ndarray:
    """Heads in a grid of five columns, each as large as its face's crop is to be: its centres."""
    centres = []
    for number, side in enumerate(sides):
        scale = side / 140
        small = head.resize((round(260 * scale), round(300 * scale)), Image.Resampling.LANCZOS)
        left = canvas.width * (number % 5) // 5 + 20
        top = 20 + canvas.height * (number // 5) // -(-len(sides) // 5)
        canvas.paste(small, (left, top))
        centres.append((left + 103 * scale, top + 108 * scale))
    return np.array(centres)


def all_found(faces, centres, sides) -> bool:
    """Whether every face is found once, and nothing else."""
    apart = np.linalg.norm(middles(faces)[:, None] - centres[None], axis=-1)  # (found, true)
    nearest = apart.argmin(0)
    close = all(apart[nearest[k], k] < 0.25 * side for k, side in enumerate(sides))
    return close and len(faces) == len(centres) == len(set(nearest.tolist()))


def test_a_photographs_face_is_found_and_framed(photograph):
    pixels = np.asarray(Image.open(photograph).convert("RGB"))
    frames = find_frames(pixels, photograph, None)
    assert len(frames) == 1 and frames[0].crop(pixels, 64).shape == (64, 64, 3)


def test_near_and_far_faces_of_one_photograph_are_found(aligner, head):
    canvas = Image.new("RGB", (2400, 1400), (120, 130, 140))
    sides = (420, *(140,) * 6)
    centres = put(canvas, head, sides)
    faces = find_faces(np.asarray(canvas), "group.png", aligner)
    assert all_found(faces, centres, sides)
    assert faces[0].frame.side > 2 * faces[1].frame.side
    assert all(one.score > 0.9 for one in faces)


@pytest.mark.parametrize("shape", [(2400, 1400), (1200, 900)])
def test_a_crowd_of_small_faces_is_found(aligner, head, shape):
    canvas = Image.new("RGB", shape, (90, 110, 100))
    sides = np.linspace(80, 42, 15)
    centres = put(canvas, head, sides)
    assert all_found(find_faces(np.asarray(canvas), "crowd.png", aligner), centres, sides)


def test_a_small_face_in_a_wide_panorama_is_found_in_strips(aligner, head):
    canvas = Image.new("RGB", (20_000, 1500), (90, 120, 160))
    canvas.paste(head, (17_000, 1100))
    (face,) = find_faces(np.asarray(canvas), "wide.png", aligner)
    assert math.dist(face.frame.corners().mean(0), (17_103, 1208)) < 30


def test_a_face_in_the_last_rows_of_a_tall_picture(aligner, head):
    canvas = Image.new("RGB", (900, 5000), (60, 60, 60))
    canvas.paste(head, (300, 4690))
    (face,) = find_faces(np.asarray(canvas), "tall.png", aligner)
    assert math.dist(face.frame.corners().mean(0), (403, 4798)) < 30


def test_min_face_says_what_is_looked_for(aligner, head):
    canvas = Image.new("RGB", (1500, 900), (90, 120, 160))
    centres = put(canvas, head, (300, 60))
    pixels = np.asarray(canvas)
    assert len(find_faces(pixels, "two.png", aligner)) == 2
    (large,) = find_faces(pixels, "two.png", aligner, min_face=100)
    assert math.dist(large.frame.corners().mean(0), centres[0]) < 50
    with pytest.raises(InputError, match="less than 400 pixels are not looked for"):
        find_faces(pixels, "two.png", aligner, min_face=400)


def dice() -> Image.Image:
    picture = Image.new("RGB", (600, 450), (40, 90, 60))
    draw = ImageDraw.Draw(picture)
    for k in range(6):
        x, y = 30 + 190 * (k % 3), 30 + 200 * (k // 3)
        draw.rounded_rectangle((x, y, x + 150, y + 150), radius=20, fill=(240, 235, 225))
        for u, v in [(-1, -1), (1, 1), (-1, 1), (1, -1), (-1, 0), (1, 0)][: k + 1]:
            cx, cy = x + 75 + 42 * u, y + 75 + 42 * v
            draw.ellipse((cx - 13, cy - 13, cx + 13, cy + 13), fill=(20, 20, 20))
    return picture


@pytest.mark.parametrize("name", ["dice", "text", "chelsea", "coffee", "rocket", "noise"])
def test_what_is_no_face_is_not_found(aligner, name):
    data = pytest.importorskip("skimage.data")
    if name == "dice":
        pixels = np.asarray(dice())
    elif name == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, (500, 600, 3), dtype=np.uint8)
    else:
        pixels = np.asarray(Image.fromarray(getattr(data, name)()).convert("RGB"))
    with pytest.raises(InputError, match=f"^{name}.png: no face found"):
        find_faces(pixels, f"{name}.png", aligner)


BOX = Box(150, 150, 100, 1.0)


def alignment(apart, covered=-3.0) -> Alignment:
    points = np.full((68, 3), covered)
    return Alignment(frame_from_box(BOX), points, apart)


def test_the_score_is_the_logistic_of_what_was_measured():
    told = score_of(BOX, alignment((1.5, 2.0)))
    weights = [1.0, math.log(1.5), math.log(2.0), -3.0]
    logit = sum(w * v for w, v in zip(find.WEIGHTS, weights, strict=True)) + find.BIAS
    assert told == pytest.approx(1 / (1 + math.exp(-logit)))
    # Clearer to the detector, settled and uncovered is surer; astray is as bad as far apart
    assert score_of(replace(BOX, score=1.5), alignment((1.5, 2.0))) > told
    assert score_of(BOX, alignment((1.5, 2.0), covered=-1.0)) < told
    assert score_of(BOX, alignment(())) == score_of(BOX, alignment((find.LOST, find.LOST))) < told


def test_a_doubtful_face_is_named_with_its_score(monkeypatch):
    boxes = [BOX, replace(BOX, x=450)]
    scores = {boxes[0]: 0.2, boxes[1]: 0.125}
    looked = []

    def looks(pixels, min_face):
        for number in range(3):
            looked.append(number)
            yield boxes

    def judged(pixels, box, aligner, judge):
        return find.Found(frame_from_box(box), scores[box], box)

    monkeypatch.setattr(find, "looks", looks)
    monkeypatch.setattr(find, "judged", judged)
    small, large = (np.zeros((side, side, 3), np.uint8) for side in (500, 3000))
    with pytest.raises(InputError) as caught:
        find_faces(small, "a.jpg", None)
    assert "likeliest place, at (150, 150), scores 0.20 of 0.5" in str(caught.value)
    assert "\n" not in str(caught.value) and "min-face" not in str(caught.value)
    assert looked == [0, 1, 2]
    with pytest.raises(InputError, match="less than 40 pixels .* crop the picture .* --min-face"):
        find_faces(large, "a.jpg", None)
    # The first look that shows one is the last
    scores[boxes[1]] = BELIEVED
    looked.clear()
    (face,) = find_faces(small, "a.jpg", None)
    assert face.score == BELIEVED and looked == [0]


def test_the_shipped_network_is_its_own_judge():
    """Another instance of it as well, or each proposed face would be aligned by both."""
    assert find.judge_of(aligner := shipped_aligner("onnx")) is aligner
    assert find.judge_of(other := object()) is not other


def test_without_the_judge_the_detector_decides(monkeypatch):
    monkeypatch.setattr(find, "_shipped", lambda: None)
    scores = {
        value: find.judged(None, replace(BOX, score=value), None, None).score
        for value in (0.0, 0.29, 0.31, 2.0)
    }
    assert [value >= BELIEVED for value in scores.values()] == [False, False, True, True]


def test_an_aligned_picture_is_not_searched(monkeypatch):
    monkeypatch.setattr(find, "looks", lambda *_: pytest.fail("searched"))
    (found,) = find_frames(np.zeros((218, 178, 3), np.uint8), "a.jpg", None, aligned=True)
    assert np.array_equal(found.matrix, aligned_frame(178, 218).matrix)


def test_what_cannot_be_framed_is_named():
    grey = np.full((80, 100, 3), 128, np.uint8)
    with pytest.raises(InputError, match="^a.jpg: no face found; .*--aligned"):
        find_frames(grey, "a.jpg", None)
    with pytest.raises(InputError, match="^b.jpg: ") as caught:
        find_frames(grey, "b.jpg", None, aligned=True)
    assert "\n" not in str(caught.value)
