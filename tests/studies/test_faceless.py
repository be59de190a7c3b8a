"""False faces, counted with a finder whose answers are known, and the command."""

import json

import numpy as np
import pytest
from PIL import Image
from studies.faceless import PACKAGED, THINGS, enlarged, main, measure_faceless, pictures_of

from istrc.errors import InputError
from istrc.photo.align import frame_from_box
from istrc.photo.detect import Box
from istrc.photo.find import Found
from studies import faceless


@pytest.fixture
def things(tmp_path):
    """Five pictures in two folders of a folder, of the greys 0, 20 ... 80."""
    for number in range(5):
        path = tmp_path / "things" / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 60), (20 * number,) * 3).save(path)
    return tmp_path / "things"


@pytest.fixture
def dark_ones(monkeypatch):
    """Two faces are seen in what is darker than 50, in pictures of 120 pixels."""

    def found_in(pixels, aligner):
        assert max(pixels.shape) == 120
        box = Box(4.5, 4.5, 9, 1.0)
        scores = (0.9, 0.6) if pixels.mean() < 50 else ()
        return [Found(frame_from_box(box), score, box) for score in scores]

    monkeypatch.setattr(faceless, "found_in", found_in)


def test_false_faces_are_counted(things, dark_ones):
    told = []
    found = measure_faceless(
        [str(things)], None, side=120, count=9, progress=lambda *at: told.append(at)
    )
    one = found["sources"]["things"]
    assert one == {
        "pictures": 5, "false": 6, "seen_in": 3, "scores": [0.6, 0.6, 0.6, 0.9, 0.9, 0.9],
    }  # fmt: skip
    assert told[-1] == ("things", 5, 5)
    few = measure_faceless([str(things)], None, side=120, count=2)
    assert few["sources"]["things"]["pictures"] == 2


def test_only_what_is_small_is_enlarged():
    assert enlarged(np.zeros((30, 60, 3), np.uint8), 120).shape == (60, 120, 3)
    assert enlarged(np.zeros((30, 60, 3), np.uint8), 40).shape == (30, 60, 3)


def test_a_package_s_things_are_pictures():
    pytest.importorskip("skimage")
    total, pictures = pictures_of(PACKAGED, 100, 0)
    assert total == len(THINGS)
    assert all(one.dtype == np.uint8 and one.shape[2:] == (3,) for one in pictures)


def test_a_folder_without_pictures_is_named(tmp_path):
    with pytest.raises(InputError, match="no pictures"):
        measure_faceless([str(tmp_path)], None, side=1, count=1)


def test_the_command_writes_what_it_tells(blank_model, things, dark_ones, tmp_path, capsys):
    file = tmp_path / "f.json"
    given = [things, "--side", 120, "--model", blank_model, "--json", file]
    main([str(word) for word in given])
    assert json.loads(file.read_text())["faceless"]["sources"]["things"]["false"] == 6
    assert "| things | 5 | 6 | 3 |" in capsys.readouterr().out
