"""Frames of a photograph's faces, and the line where there are none."""

import numpy as np
import pytest
from PIL import Image

from istrc.errors import InputError
from istrc.photo import find
from istrc.photo.align import aligned_frame
from istrc.photo.find import find_frames


def test_a_photographs_face_is_found_and_framed(photograph):
    pixels = np.asarray(Image.open(photograph).convert("RGB"))
    frames = find_frames(pixels, photograph, None)
    assert len(frames) == 1 and frames[0].crop(pixels, 64).shape == (64, 64, 3)


def test_frames_follow_the_boxes(monkeypatch):
    monkeypatch.setattr(find, "detect", lambda pixels: ["large", "small"])
    monkeypatch.setattr(find, "find_frame", lambda pixels, box, aligner: (box, aligner))
    found = find_frames(np.zeros((9, 9, 3), np.uint8), "a.jpg", "aligner")
    assert found == [("large", "aligner"), ("small", "aligner")]


def test_an_aligned_picture_is_not_searched(monkeypatch):
    monkeypatch.setattr(find, "detect", lambda pixels: pytest.fail("searched"))
    (found,) = find_frames(np.zeros((218, 178, 3), np.uint8), "a.jpg", None, aligned=True)
    assert np.array_equal(found.matrix, aligned_frame(178, 218).matrix)


def test_what_cannot_be_framed_is_named():
    grey = np.full((80, 100, 3), 128, np.uint8)
    with pytest.raises(InputError, match="^a.jpg: no face found; .*--aligned"):
        find_frames(grey, "a.jpg", None)
    with pytest.raises(InputError, match="^b.jpg: ") as caught:
        find_frames(grey, "b.jpg", None, aligned=True)
    assert "\n" not in str(caught.value)
