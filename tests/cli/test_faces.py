"""`istrc faces`: the faces of a photograph, by the numbers that --face takes."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A photograph with a large face on the left and a smaller one on the right; one with none."""
    data = pytest.importorskip("skimage.data")
    folder = tmp_path_factory.mktemp("people")
    portrait = Image.fromarray(data.astronaut()).crop((100, 0, 356, 256))
    picture = Image.new("RGB", (440, 256), "white")
    picture.paste(portrait, (0, 0))
    picture.paste(portrait.resize((160, 160)), (268, 48))
    picture.save(folder / "two.png")
    Image.fromarray(np.full((120, 120, 3), 128, np.uint8)).save(folder / "none.png")
    return folder / "two.png"


def test_faces_are_listed_on_standard_output_largest_first(istrc, two):
    result = istrc("faces", two)
    assert result.exit_code == 0 and result.err == ""
    first, second = result.out.splitlines()
    assert first.startswith(f"{two} 1: ") and second.startswith(f"{two} 2: ")
    assert " px at (" in first


def test_a_runtime_has_its_old_name_too_which_no_help_shows(istrc, two):
    assert istrc("faces", two, "--runtime", "light").out == istrc("faces", two).out != ""
    other, said = istrc("faces", two, "--runtime", "dark"), istrc("faces", "--help").out
    assert other.exit_code == 2 and "use auto, torch, onnx" in other.err
    assert "auto|torch|onnx" in said and "light" not in said


def test_the_numbers_are_those_of_face_k(istrc, two, toy_model, tmp_path):
    result = istrc("faces", two, "-o", tmp_path / "numbered.png", "--json")
    assert result.exit_code == 0
    [one] = result.json()["results"]
    assert one["faces"] == 2 and [face["number"] for face in one["found"]] == [1, 2]
    middles = [np.mean(face["corners"], axis=0) for face in one["found"]]
    assert middles[0][0] < 262 < middles[1][0]
    assert one["found"][0]["side"] > one["found"][1]["side"]
    for face in one["found"]:
        corners = np.array(face["corners"])
        assert np.linalg.norm(corners[1] - corners[0]) == pytest.approx(face["side"], abs=0.3)
        assert abs(face["angle"]) < 0.3
    preview = Image.open(tmp_path / "numbered.png")
    assert preview.width == 640 and preview.getexif() == {} and "xmp" not in preview.info
    # What --face 2 changes is inside the second frame, and where its mesh reaches beyond
    out = tmp_path / "out.png"
    arguments = ["--face", 2, "-a", "smile", "-o", out, "--model", toy_model]
    assert istrc("edit", two, *arguments).exit_code == 0
    changed = (np.asarray(Image.open(out)) != np.asarray(Image.open(two))).any(2)
    rows, columns = changed.nonzero()
    corners = np.array(one["found"][1]["corners"])
    beyond = 0.35 * one["found"][1]["side"]
    (left, top), (right, bottom) = corners.min(0) - beyond, corners.max(0) + beyond
    assert left <= columns.min() and columns.max() <= right
    assert top <= rows.min() and rows.max() <= bottom


def test_two_processes_list_what_one_lists(istrc, two, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.png").write_bytes(two.read_bytes())
    (folder / "b.png").write_bytes((two.parent / "none.png").read_bytes())
    told = {}
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        result = istrc("faces", folder, "-o", out, "--jobs", jobs)
        assert result.exit_code == 1 and len(result.lines) == 1 and "b.png" in result.lines[0]
        assert sorted(path.name for path in out.iterdir()) == ["a.png", "c.png"]
        told[jobs] = result.out
    assert told[1] == told[2] and len(told[1].splitlines()) == 4


def test_no_face_is_one_line_and_the_others_are_done(istrc, two, tmp_path):
    (two.parent / "text.png").write_bytes(b"no picture")
    table = tmp_path / "faces.csv"
    result = istrc("faces", two.parent, "-o", tmp_path / "previews", "--report", table)
    assert result.exit_code == 1
    assert [path.name for path in (tmp_path / "previews").iterdir()] == ["two.png"]
    assert len(result.lines) == 2 and "no face found" in result.lines[0]
    assert "none.png" in result.lines[0] and "text.png" in result.lines[1]
    assert len(result.out.splitlines()) == 2
    assert len(table.read_text().splitlines()) == 1 + 3


def test_an_input_is_not_overwritten(istrc, two):
    before = two.read_bytes()
    result = istrc("faces", two, "-o", two)
    assert result.exit_code == 1 and "overwrite" in result.err and two.read_bytes() == before
