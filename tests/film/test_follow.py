"""One face is followed: by a scripted detector, over a scene in which squares are faces."""

import numpy as np
import pytest
import torch

from istrc import sphere
from istrc.errors import InputError
from istrc.film import follow as module
from istrc.film.follow import EVERY, Follower, box_of
from istrc.photo.align import frame_from_box
from istrc.photo.detect import Box
from istrc.photo.find import Found

SIZE = (160, 120)
RED, GREEN, BLUE = (230, 20, 20), (20, 230, 20), (20, 20, 230)


def draw(*faces, ground=40):
    """Squares (x, y, side, colour) on grey: what the scripted detector takes for faces."""
    picture = np.full((SIZE[1], SIZE[0], 3), ground, np.uint8)
    for x, y, side, colour in faces:
        picture[y : y + side, x : x + side] = colour
    return picture


@pytest.fixture
def looks(monkeypatch):
    """Replaces the detector by one that finds saturated squares; returns what it was asked."""
    asked = []

    def glance(pixels, side=0, turn=0):
        if turn:
            return []
        asked.append(pixels.shape[:2])
        boxes = []
        for colour in (RED, GREEN, BLUE):
            y, x = np.nonzero((pixels == colour).all(-1))
            if len(x) > 15:
                side = (np.ptp(x) + np.ptp(y)) / 2 + 1
                boxes.append(
                    Box((x.min() + x.max() + 1) / 2, (y.min() + y.max() + 1) / 2, side, 1.0)
                )
        return sorted(boxes, key=lambda box: -box.side)

    def believed(pixels, boxes, aligner):
        return [Found(frame_from_box(box), box.score, box) for box in boxes]

    monkeypatch.setattr(module, "glance", glance)
    monkeypatch.setattr(module, "believed", believed)
    return asked


def embed(crops):
    """The colour of a face's middle is who it is."""
    half = crops.shape[1] // 2
    colours = torch.from_numpy(crops[:, half - 2 : half, half - 2 : half].astype(np.float32))
    return sphere.normalize(colours.mean((1, 2)))


def followed(pictures, fps=10, **how):
    follower = Follower(embed, None, 16, **how)
    for number, picture in enumerate(pictures):
        follower.look(picture, number / fps)
    return follower, follower.finish()


def test_points_are_found_in_the_frames_that_have_the_face(looks):
    def find(crops):
        return np.broadcast_to(crops.mean((1, 2))[:, None], (len(crops), 68, 3)).copy()

    pictures = [draw()] * 2 + [draw((20 + 2 * i, 30, 40, RED)) for i in range(3)]
    follower, track = followed(pictures, find=find)
    assert track.points.shape == (5, 68, 3)
    for number in np.flatnonzero(track.found):
        crop = follower.crops[number]
        np.testing.assert_allclose(track.points[number, 0], crop.mean((0, 1)))
    assert track.found.sum() == 3 and not track.points[~track.found].any()
    assert followed(pictures)[1].points is None


def test_a_frame_and_its_box_undo_each_other():
    box = Box(40, 50, 40, 0.0, 0.2)
    again = box_of(frame_from_box(box))
    np.testing.assert_allclose([again.x, again.y, again.side, again.angle], [40, 50, 40, 0.2])


def test_a_moving_face_is_found_in_every_frame_and_looked_for_only_where_it_was(looks):
    pictures = [draw((20 + 2 * i, 40, 30, RED), ground=40 + i) for i in range(16)]
    _, track = followed(pictures)
    assert track.found.all() and track.runs() == [slice(0, 16)]
    assert looks[0] == (120, 160) and len(looks) == 1 + 15 // EVERY
    assert all(h < 80 and w < 80 for h, w in looks[1:])
    # Confirmed frames are where the squares are; the crop's middle is above the box's
    x = track.places[::EVERY, 0]
    np.testing.assert_allclose(np.diff(x), 2 * EVERY, atol=1e-6)
    assert (track.z @ sphere.normalize(torch.tensor(RED).float()) > 0.999).all()


def test_the_followed_face_stays_the_same_though_another_is_larger(looks):
    pictures = [draw((10, 40, 30, RED), (90, 30, 20 + 2 * i, GREEN)) for i in range(12)]
    follower, track = followed(pictures)
    assert follower.count == 2 and track.found.all()
    assert (track.z.argmax(1) == 0).all()
    _, second = followed(pictures, which=2)
    assert (second.z.argmax(1) == 1).all()
    with pytest.raises(InputError, match="--face 3: the first frame with faces has 2 faces"):
        followed(pictures, which=3)


def test_after_a_cut_the_same_person_is_found_and_nobody_else(looks):
    first = [draw((10, 40, 30, RED)) for _ in range(7)]
    others = [draw((10, 40, 30, GREEN), ground=200) for _ in range(5)]
    back = [draw((100, 20, 24, GREEN), (40, 60, 26, RED), ground=90) for _ in range(6)]
    _, track = followed(first + others + back)
    assert track.found.tolist() == [True] * 7 + [False] * 5 + [True] * 6
    assert len(set(track.scenes.tolist())) == 3 and track.scenes[7] == 1
    assert (track.z[track.found].argmax(1) == 0).all()


def test_what_the_detector_does_not_confirm_is_let_go(looks):
    """The aligner would see a face in a wall: after the last sight of it there is none."""
    pictures = [draw((60, 40, 30, RED))] * 8 + [draw()] * 12 + [draw((60, 40, 30, RED))] * 8
    _, track = followed(pictures)
    assert track.found[:7].all() and not track.found[8:20].any()
    assert track.found[22:].all()


def test_a_blink_of_the_detector_is_bridged(looks):
    blind = draw((60, 40, 30, (150, 20, 20)))
    pictures = [draw((60, 40, 30, RED))] * 5 + [blind] * 3 + [draw((60, 40, 30, RED))] * 6
    assert followed(pictures)[1].found.all()


def test_a_film_without_faces_is_looked_at_now_and_then(looks):
    follower, track = followed([draw()] * 20)
    assert not track.found.any() and follower.count == 0
    assert len(looks) == 20  # two looks, every 0.2 s
    assert track.runs() == [] and track.z.shape[0] == 20


def test_crops_are_a_sample_of_the_whole_film(looks, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", 8)
    follower, track = followed([draw((60, 40, 30, RED))] * 50)
    numbers = sorted(follower.crops)
    assert track.found.all() and 4 <= len(numbers) <= 8
    assert len(set(np.diff(numbers))) == 1 and numbers[-1] > 40
