"""Strips and contact sheets: the faces are where they should be, the words are there."""

import numpy as np
import pytest
from PIL import Image

from istrc.errors import InputError
from istrc.figures import GAP, MARGIN, Row, contact_sheet, signed, strip

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def face(colour, size=16):
    return np.full((size, size, 3), colour, np.uint8)


def ink(figure: Image.Image) -> np.ndarray:
    """Where anything dark is drawn, bool (H, W)."""
    return np.asarray(figure.convert("L")) < 200


def test_a_strip_without_words_is_exactly_its_cells():
    figure = strip([Row("", [face(RED), face(GREEN)]), Row("", [face(BLUE)])], cell=32)
    assert figure.size == (2 * MARGIN + 2 * 32 + GAP, 2 * MARGIN + 2 * 32 + GAP)
    pixels = np.asarray(figure)
    assert (pixels[MARGIN : MARGIN + 32, MARGIN : MARGIN + 32] == RED).all()
    assert (pixels[MARGIN : MARGIN + 32, MARGIN + 32 + GAP : MARGIN + 64 + GAP] == GREEN).all()
    assert (pixels[MARGIN + 32 + GAP : MARGIN + 64 + GAP, MARGIN : MARGIN + 32] == BLUE).all()
    # The shorter row leaves white
    assert (pixels[MARGIN + 32 + GAP :, MARGIN + 32 :] == 255).all()


def test_labels_stand_left_of_the_faces_and_captions_below():
    bare = strip([Row("", [face(RED)])], cell=64)
    labelled = strip([Row("smile", [face(RED)], ["+1"])], cell=64)
    assert labelled.width > bare.width and labelled.height > bare.height
    drawn = ink(labelled)
    red = (np.asarray(labelled) == RED).all(2)
    rows, columns = np.nonzero(red)
    assert red.sum() == 64 * 64
    assert drawn[:, : columns.min()].any()
    assert drawn[rows.max() + 1 :, columns.min() : columns.max() + 1].any()
    assert not drawn[rows.max() + 1 :, : columns.min()].any()


def test_a_title_pushes_the_rows_down():
    rows = [Row("", [face(RED)])]
    assert strip(rows, title="walks").height > strip(rows).height


def test_a_caption_never_leaves_its_cell():
    figure = strip([Row("", [face(RED), face(RED)], ["a very long caption indeed", ""])], cell=48)
    right = MARGIN + 48 + GAP
    assert not ink(figure)[MARGIN + 48 :, right:].any()


def test_a_face_that_is_not_square_is_shown_whole():
    wide = np.full((10, 40, 3), RED, np.uint8)
    pixels = np.asarray(strip([Row("", [wide])], cell=40))[MARGIN : MARGIN + 40, MARGIN:-MARGIN]
    assert (pixels == RED).all(2).sum() == 10 * 40
    assert (pixels[0] == 255).all() and (pixels[-1] == 255).all()


def test_the_marked_face_is_framed():
    plain = np.asarray(strip([Row("", [face(RED)])], cell=32))
    framed = np.asarray(strip([Row("", [face(RED)], marked=0)], cell=32))
    changed = (plain != framed).any(2)
    assert changed.sum() == 32 * 32 - 28 * 28  # a frame of two pixels


def test_a_contact_sheet_fills_row_by_row():
    faces = [face(RED), face(GREEN), face(BLUE)]
    figure = contact_sheet(faces, columns=2, cell=20)
    pixels = np.asarray(figure)
    step = 20 + GAP
    assert tuple(pixels[MARGIN + 5, MARGIN + step + 5]) == GREEN
    assert tuple(pixels[MARGIN + step + 5, MARGIN + 5]) == BLUE


@pytest.mark.parametrize(
    "call",
    [
        lambda: strip([]),
        lambda: strip([Row("x", [])]),
        lambda: strip([Row("x", [face(RED)], ["a", "b"])]),
        lambda: contact_sheet([]),
        lambda: strip([Row("x", [face(RED).astype(np.float32)])]),
        lambda: strip([Row("x", [np.zeros((4, 4), np.uint8)])]),
    ],
)
def test_what_cannot_be_drawn_is_refused(call):
    with pytest.raises(ValueError):
        call()


@pytest.mark.parametrize(
    ("value", "text"), [(1, "+1"), (-0.5, "-0.5"), (0, "0"), (-1e-9, "0"), (0.25, "+0.25")]
)
def test_strengths_are_written_with_their_sign(value, text):
    assert signed(value) == text


@pytest.mark.parametrize(("faces", "cell"), [(64, 1024), (300, 1200)])
def test_a_figure_that_no_file_holds_is_refused(faces, cell):
    row = Row("", [np.zeros((4, 4, 3), np.uint8)] * faces)
    with pytest.raises(InputError, match=r"a picture of \d+x\d+ pixels is too large"):
        strip([row] if faces == 64 else [row] * 8, cell=cell)
