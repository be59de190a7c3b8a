"""Crowds of faces whose places are known, searched by a finder whose answers are known."""

import numpy as np
import pytest
from studies.finding import CROWDS, SIZES, compared, crowd, ground, measure_crowds
from studies.scenes import box_of, frame_at

from istrc.photo.find import Found
from studies import finding

FACES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)


def seen(frame) -> Found:
    return Found(frame, 1.0, box_of(frame))


def test_every_size_has_a_crowd_of_its_own_and_the_largest_come_first():
    for side in SIZES:
        assert set(CROWDS[f"6 of {side}"]) == {side}
    for sides in CROWDS.values():
        assert list(sides) == sorted(sides, reverse=True)
    assert len(CROWDS["15 of 40 to 80"]) == 15


def test_a_ground_of_any_size_has_no_seam():
    pixels = ground((700, 1500), np.random.default_rng(0))
    assert pixels.shape == (700, 1500, 3) and pixels.dtype == np.uint8
    step = np.abs(np.diff(pixels.astype(int), axis=1)).mean((0, 2))  # (1499,)
    assert max(step[511], step[1023]) < step.mean()  # mirrored: both sides are the same
    assert np.array_equal(pixels[:, 500], pixels[:, 1024 - 501])


def test_a_crowd_has_its_faces_apart_and_inside():
    rng = np.random.default_rng(1)
    pixels, frames = crowd(FACES, (60, 30, 30), (240, 320), rng)
    assert [frame.side for frame in frames] == pytest.approx([60, 30, 30])
    middles = [frame.corners().mean(0) for frame in frames]
    for number, (middle, frame) in enumerate(zip(middles, frames, strict=True)):
        assert (middle > 0.9 * frame.side).all()
        assert (middle < [320 - 0.9 * frame.side, 240 - 0.9 * frame.side]).all()
        for other, far in zip(middles[:number], frames, strict=False):
            assert np.abs(middle - other).max() > 0.5 * far.side + 0.9 * frame.side
        x, y = middle.astype(int)
        patch = pixels[y - 5 : y + 5, x - 5 : x + 5]
        assert patch.std() > 10  # of a face of noise, not of the ground


def test_a_crowd_without_room_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        crowd(FACES, (60, 60, 60, 60), (130, 130), np.random.default_rng(0))


def test_found_missed_and_beside():
    frames = [frame_at((100, 100), 40, 0.0), frame_at((300, 100), 40, 0.0)]
    ghost = frame_at((200, 200), 40, 0.0)
    assert compared([seen(frames[0]), seen(ghost)], frames) == (1, 1)
    assert compared([], frames) == (0, 0)
    assert compared([seen(frame) for frame in frames], frames) == (2, 0)


def test_crowds_are_measured_with_what_is_found(monkeypatch):
    """A finder that sees all faces of a picture but its smallest, and a ghost in the corner."""
    made = []

    def remember(*arguments):
        made.append(crowd(*arguments))
        return made[-1]

    def found_in(pixels, aligner):
        assert np.array_equal(pixels, made[-1][0])
        return [seen(frame) for frame in (*made[-1][1][:-1], frame_at((8, 8), 9, 0.0))]

    monkeypatch.setattr(finding, "crowd", remember)
    monkeypatch.setattr(finding, "found_in", found_in)
    ticks = []
    told = measure_crowds(
        FACES,
        None,
        crowds={"4": (60, 60, 60, 40), "one": (80,)},
        pictures=2,
        large={7: (1500, 2000)},
        progress=lambda: ticks.append(1),
    )
    assert told["crowds"] == {"4": {"rate": 0.75, "false": 1}, "one": {"rate": 0, "false": 1}}
    assert told["large"]["7"]["rate"] == pytest.approx(8 / 9) and told["large"]["7"]["false"] == 1
    assert told["large"]["7"]["seconds"] >= 0 and len(ticks) == 5
    assert [len(frames) for _, frames in made] == [4, 4, 1, 1, 9]
