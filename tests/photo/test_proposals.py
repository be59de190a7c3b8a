"""Proposals of small faces: at every size, and the same in strips as at once."""

import math

import numpy as np
import pytest
from PIL import Image

from istrc.photo import detect
from istrc.photo import proposals as proposing
from istrc.photo.proposals import SIDES, STRIDE, Proposal, _apart, _logits, _peaks, proposals


@pytest.fixture(scope="module")
def head() -> Image.Image:
    """260 x 300 pixels; its face's crop has a side of about 140 and its centre at (103, 108)."""
    return Image.fromarray(pytest.importorskip("skimage.data").astronaut()).crop((120, 0, 380, 300))


@pytest.mark.parametrize("side", [42, 60, 90, 150, 300])
def test_the_face_is_among_the_likeliest_places(head, side):
    """Many fewer than the detector looks at in vain before it gives up."""
    scale = side / 140
    picture = Image.new("RGB", (1600, 1000), (100, 120, 110))
    small = head.resize((round(260 * scale), round(300 * scale)), Image.Resampling.LANCZOS)
    picture.paste(small, (700, 300))
    assert any(
        math.dist((proposal.x, proposal.y), (700 + 103 * scale, 300 + 108 * scale)) < 0.3 * side
        and 0.6 < proposal.side / side < 1.6
        for proposal in proposals(picture, 40, 400)[:4]
    )


def test_nothing_is_where_nothing_is():
    assert proposals(Image.new("RGB", (900, 700), (90, 90, 90)), 40, 400) == []
    for size in ((1, 1), (7, 3000), (3000, 1), (30, 30)):
        assert proposals(Image.new("RGB", size), 40, 400) == []


def test_strips_say_what_the_whole_does(head, monkeypatch):
    grey = np.asarray(head.convert("L").resize((331, 397)))
    whole = _logits(grey)
    assert whole.shape == (len(SIDES) - 1, math.ceil(397 / STRIDE), math.ceil(331 / STRIDE))
    for rows in (1, 64, 200):
        monkeypatch.setattr(proposing, "_STRIP", rows * 331)
        np.testing.assert_allclose(_logits(grey), whole, atol=1e-3)


def test_peaks_are_cells_that_no_neighbour_exceeds():
    logits = np.full((2, 5, 6), -9.0, np.float32)
    logits[0, 0, 0], logits[0, 1, 1], logits[1, 4, 5], logits[1, 2, 2] = 1.0, 2.0, 0.5, -1.5
    assert _peaks(logits) == [(0, 1, 1, 2.0), (1, 4, 5, 0.5)]


def test_one_place_stands_for_those_of_its_size_beside_it():
    likely, beside = Proposal(100, 100, 40, 3.0), Proposal(110, 100, 50, 1.0)
    larger, far = Proposal(100, 100, 160, 2.0), Proposal(300, 100, 40, 0.0)
    assert _apart([far, beside, larger, likely]) == [likely, larger, far]


def test_the_search_gives_up_after_so_many_places_without_a_face(monkeypatch):
    """The likelier ones come first: a face among them begins the count anew."""
    looked = []
    face = detect.Box(5, 5, 10, 1.0)

    def search(picture, scale):
        looked.append(picture.size)
        return [face] if len(looked) == 20 else []

    many = [Proposal(100 * k, 50, 40, 0.0) for k in range(1, 200)]
    monkeypatch.setattr(detect, "proposals", lambda *_: many)
    monkeypatch.setattr(detect, "_search", search)
    found = detect._small(Image.new("RGB", (20_000, 100)), 40, 400, [])
    assert len(found) == 1 and len(looked) == 20 + detect.PATIENCE
    # It is where the window was, and nothing is looked at where a clear face is
    assert found[0].x == pytest.approx(2000 - 31) and found[0].y == pytest.approx(50 - 31)
    looked.clear()
    near = [detect.Box(100, 58, 30, 1.0)]
    detect._small(Image.new("RGB", (20_000, 100)), 40, 400, near)
    assert len(looked) == 20 + detect.PATIENCE and many[0].x == 100


def test_the_smallest_face_grows_beyond_12_megapixels():
    def least(height, width):
        return detect.least(np.broadcast_to(np.uint8(0), (height, width, 3)))

    assert least(100, 100) == least(3000, 4000) == 40
    assert least(6000, 8000) == pytest.approx(80)
