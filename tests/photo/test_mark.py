"""Numbered frames on photographs of any size."""

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from istrc.photo import mark as marking
from istrc.photo.align import Frame
from istrc.photo.mark import SIDES, mark
from istrc.shape.crop import CROP, CROP_CENTRE


def frame_at(x: float, y: float, side: float, angle: float = 0.0) -> Frame:
    """A face whose crop has this centre and side, turned clockwise."""
    scale = (CROP[2] - CROP[0]) / side
    turn = scale * np.array(
        [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
    )
    return Frame(np.column_stack([turn, CROP_CENTRE - turn @ (x, y)]))


def yellow(preview) -> np.ndarray:
    return (np.abs(preview.astype(int) - marking._YELLOW).max(2) < 8).nonzero()


@pytest.mark.parametrize("size", [(60, 40), (640, 480), (30, 2000), (5000, 3000)])
def test_a_preview_has_a_size_to_look_at(size):
    preview = mark(np.zeros((size[1], size[0], 3), np.uint8), [])
    height, width = preview.shape[:2]
    assert SIDES[0] <= max(width, height) <= SIDES[1]
    assert width / height == pytest.approx(size[0] / size[1], rel=0.05)


@pytest.mark.parametrize("size", [(60, 40), (800, 600), (5000, 3000)])
@pytest.mark.parametrize("part", [0.05, 0.9])
def test_numbers_are_large_enough_to_read(size, part, monkeypatch):
    fonts = []
    draw = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda self, xy, text, fill, font, **more: (
            fonts.append(font.size),
            draw(self, xy, text, fill, font, **more),
        ),
    )
    pixels = np.full((size[1], size[0], 3), 90, np.uint8)
    preview = mark(pixels, [frame_at(size[0] / 2, size[1] / 2, part * size[1])])
    assert 18 <= fonts[0] <= max(preview.shape) / 10


def test_the_frame_is_drawn_where_the_crop_is():
    preview = mark(np.zeros((700, 1000, 3), np.uint8), [frame_at(500, 350, 200)])
    rows, columns = yellow(preview)
    label = rows < 250  # above the frame
    assert label.any()
    assert abs(columns[~label].min() - 400) <= 3 and abs(columns[~label].max() - 600) <= 3
    assert abs(rows.max() - 450) <= 3


def test_labels_stay_inside_and_apart():
    places = []
    size = (640, 480)
    draw = ImageDraw.Draw(Image.new("RGB", size))
    font = marking.ImageFont.load_default(20)
    for number, corner in enumerate([(0, 0), (5, 5), (640, 480), (635, 475), (300, 0)]):
        corners = frame_at(*corner, 60).corners()
        places.append(marking._place(draw, str(number), font, corners, size, places))
    for k, place in enumerate(places):
        assert place[0] >= 0 and place[1] >= 0 and place[2] < 640 and place[3] < 480
        assert not any(marking.overlap(place, other) for other in places[:k])


def test_what_is_clear_is_white():
    preview = mark(np.zeros((640, 640, 3), np.uint8), [], np.zeros((640, 640), np.uint8))
    assert (preview == 255).all()
