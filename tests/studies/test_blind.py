"""`python -m studies.blind`: the key and the sheets belong together, and verdicts are counted."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from studies.blind import A_SHEET, TIMES, main, score, table

from istrc.data.prepared import Prepared
from istrc.errors import InputError


@pytest.fixture
def sheets(toy_folder, tmp_path):
    """Two programs' pictures: the first paints red, the second blue."""
    prepared = Prepared(toy_folder)
    for number, kind in enumerate(("first", "second")):
        (tmp_path / kind).mkdir()
        for edit, rows in (("smile+1", np.arange(10)), ("smile-1", np.arange(3, 6))):
            painted = np.zeros((len(rows), 16, 16, 3), np.uint8)
            painted[..., 2 * number] = 255
            np.save(tmp_path / kind / f"{edit}.npy", painted)
            np.save(tmp_path / kind / f"{edit}.rows.npy", rows)
    folders = [str(tmp_path / kind) for kind in ("first", "second")]
    main(["make", str(prepared.folder), *folders, str(tmp_path / "sheets"), "--faces", "9"])
    return tmp_path / "sheets"


def test_the_key_says_which_tile_is_whose(sheets):
    letters = json.loads((sheets / "key.json").read_text())["letters"]
    assert len(letters) == 9 + 3 and set(letters.values()) == {"A", "B"}
    for face, letter in letters.items():
        edit, number = face.split()
        start = int(number) // A_SHEET * A_SHEET
        picture = np.asarray(Image.open(sheets / f"{edit}_{start}.png"))
        size = round(16 * TIMES)
        assert picture.shape[1] == 3 * size
        row = (int(number) - start) * size + size // 2
        a, b = picture[row, size + size // 2], picture[row, 2 * size + size // 2]
        red, blue = (a, b) if letter == "A" else (b, a)
        assert red[0] > 200 > 50 > red[2] and blue[2] > 200 > 50 > blue[0]


def verdict(path, rows):
    names = ["edit", "face", "a_believable", "a_asked", "b_believable", "b_asked", "better"]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([names, *rows])
    return path


def test_verdicts_are_counted_for_the_programs_and_not_for_letters(sheets, tmp_path, capsys):
    letters = json.loads((sheets / "key.json").read_text())["letters"]
    rows = []
    for face, letter in letters.items():
        first, second = ["yes", "no"], ["yes", "yes"]
        answers = first + second if letter == "A" else second + first
        rows.append([*face.split(), *answers, letter if face.startswith("smile+1") else "equal"])
    path = verdict(tmp_path / "verdict.csv", rows)
    found = score(sheets, path)
    assert found["all"] == {
        "faces": 12, "first_believable": 12, "first_asked": 0, "first_both": 0,
        "first_preferred": 9, "second_believable": 12, "second_asked": 12, "second_both": 12,
        "second_preferred": 0,
    }  # fmt: skip
    assert found["smile-1"]["faces"] == 3 and found["smile-1"]["first_preferred"] == 0
    main(["score", str(sheets), str(path), "--json", str(tmp_path / "blind.json")])
    assert table(found) in capsys.readouterr().out
    assert json.loads((tmp_path / "blind.json").read_text())["blind"]["edits"] == found


@pytest.mark.parametrize("wrong", [["smile+1", "99"], ["smile+1", "0", "maybe"]])
def test_a_verdict_on_nothing_is_told(sheets, tmp_path, wrong):
    row = [*wrong, *["smile+1", "0", "yes", "yes", "yes", "yes", "A"][len(wrong) :]]
    with pytest.raises(InputError, match="line 2"):
        score(sheets, verdict(tmp_path / "verdict.csv", [row]))


def test_pictures_of_other_faces_are_told(toy_folder, tmp_path):
    for kind, rows in (("one", [0, 1]), ("two", [2, 3])):
        (tmp_path / kind).mkdir()
        np.save(tmp_path / kind / "smile+1.npy", np.zeros((2, 16, 16, 3), np.uint8))
        np.save(tmp_path / kind / "smile+1.rows.npy", np.array(rows))
    with pytest.raises(InputError, match="no edit of the same faces"):
        main(["make", str(toy_folder), *(str(tmp_path / k) for k in ("one", "two")), str(tmp_path)])
