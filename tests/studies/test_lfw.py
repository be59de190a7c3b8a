"""LFW's layout: what pairs.txt may say, which face is taken, and nothing left out unsaid."""

import json

import numpy as np
import pytest
from PIL import Image
from studies.lfw import (
    bad_pictures,
    central_face,
    evaluate_lfw,
    find_picture,
    main,
    read_pairs,
)

from istrc import sphere
from istrc.data.prepared import to_tensor
from istrc.errors import InputError
from istrc.photo.align import aligned_frame, frame_from_box
from istrc.photo.detect import Box
from studies import lfw


@pytest.fixture(scope="module")
def circle(draw_circle):
    return draw_circle(("smile",))


PEOPLE = ("Ada_One", "Bob", "Cyd_Li", "Dan")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Four people of three aligned pictures each."""
    folder = tmp_path_factory.mktemp("lfw")
    rng = np.random.default_rng(0)
    for name in PEOPLE:
        (folder / name).mkdir()
        own = rng.integers(40, 216, (4, 4, 3))
        for number in (1, 2, 3):
            pixels = np.clip(own + rng.normal(0, 15, own.shape), 0, 255).astype(np.uint8)
            picture = Image.fromarray(pixels).resize((40, 40), Image.Resampling.BICUBIC)
            picture.save(folder / name / f"{name}_{number:04}.png")
    return folder


def write(path, head, folds):
    """A pairs.txt of folds: each a list of lines."""
    path.write_text(
        "\n".join([head, *("\t".join(map(str, line)) for fold in folds for line in fold)])
    )
    return path


FOLDS = [
    [("Ada_One", 1, 2), ("Bob", 1, 2), ("Ada_One", 1, "Bob", 3), ("Bob", 2, "Ada_One", 3)],
    [("Cyd_Li", 1, 3), ("Dan", 2, 3), ("Cyd_Li", 1, "Dan", 1), ("Dan", 2, "Cyd_Li", 2)],
]


def test_the_format_of_folds(tmp_path):
    found = read_pairs(write(tmp_path / "pairs.txt", "2\t2", FOLDS))
    assert found.same.tolist() == [True, True, False, False] * 2
    assert found.fold.tolist() == [0] * 4 + [1] * 4 and not found.single
    pairs = [tuple(found.names[p] for p in pair) for pair in found.places]
    assert pairs[0] == (("Ada_One", 1), ("Ada_One", 2))
    assert pairs[3] == (("Bob", 2), ("Ada_One", 3))
    assert len(set(found.names)) == len(found.names)


def test_a_single_set_is_dealt_to_folds(tmp_path):
    lines = [[("A", k, k + 1) for k in range(1, 13)] + [("A", k, "B", k) for k in range(1, 13)]]
    found = read_pairs(write(tmp_path / "pairsDevTest.txt", "12", lines))
    assert found.single and set(found.fold) == set(range(10))
    for fold in range(10):
        kinds = found.same[found.fold == fold]
        assert kinds.any() and not kinds.all()


@pytest.mark.parametrize(
    ("head", "folds", "said"),
    [
        ("ten 300", FOLDS, "line 1"),
        ("", [], "line 1"),
        ("2 3", FOLDS, "8 pairs, and its first line announces 12"),
        ("2 2", [FOLDS[0][::-1], FOLDS[1]], "line 2: must be a pair 'name n1 n2'"),
        ("2 2", [FOLDS[0][:3] + [("Bob", 2, 3)], FOLDS[1]], "line 5: must be a pair 'name1"),
        ("2 2", [[("Bob", 1, "two"), *FOLDS[0][1:]], FOLDS[1]], "line 2: a picture's number"),
        ("1", [[("A", 1, 2), ("A", 1, "B", 1)]], "no protocol"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path, head, folds, said):
    with pytest.raises(InputError, match=said):
        read_pairs(write(tmp_path / "pairs.txt", head, folds))


def test_pictures_are_found_by_name_and_number(photographs):
    assert find_picture(photographs, "Bob", 2).name == "Bob_0002.png"
    assert find_picture(photographs, "Bob", 4) is None


def test_measures_by_hand(circle, photographs, tmp_path):
    pairs = write(tmp_path / "pairs.txt", "2 2", FOLDS)
    found = evaluate_lfw(circle=circle, folder=photographs, pairs=pairs, aligned=True, batch=3)
    assert found["missing"] == [] == found["unreadable"] and found["centre_crops"]["count"] == 0

    def embedded(name, number):
        pixels = np.asarray(Image.open(find_picture(photographs, name, number)))
        return circle.embed(to_tensor(aligned_frame(40, 40).crop(pixels, 16)[None]))[0]

    angles = []
    for line in (line for fold in FOLDS for line in fold):
        a, b = (line[0], line[1]), (line[0], line[2]) if len(line) == 3 else line[2:]
        angles.append(float(sphere.angle(embedded(*a), embedded(*b))))
    same, angles = np.array([True, True, False, False] * 2), np.array(angles)
    wins = np.mean([n < f for n in angles[same] for f in angles[~same]])
    assert found["angle"]["auc"] == pytest.approx(wins) == pytest.approx(found["euclidean"]["auc"])
    assert found["pairs"] == dict(same=4, different=4, left_out=0, people=4, faces=12, folds=2)


def test_missing_and_damaged_pictures_are_named_and_their_pairs_left_out(
    circle, photographs, tmp_path
):
    folder = tmp_path / "copy"
    for name in PEOPLE:
        (folder / name).mkdir(parents=True)
        for picture in (photographs / name).iterdir():
            (folder / name / picture.name).write_bytes(picture.read_bytes())
    (folder / "Bob" / "Bob_0003.png").unlink()
    (folder / "Dan" / "Dan_0003.png").write_bytes(b"no picture at all")
    pairs = write(tmp_path / "pairs.txt", "2 2", FOLDS)
    options = dict(circle=circle, pairs=pairs, aligned=True)
    found = evaluate_lfw(folder=folder, **options)
    assert found["missing"] == ["Bob/Bob_0003"] and len(found["unreadable"]) == 1
    assert found["pairs"]["left_out"] == 2
    assert found["pairs"]["same"] == 3 == found["pairs"]["different"]
    assert next(name for name, _ in bad_pictures(found)) == "Bob/Bob_0003"
    with pytest.raises(InputError, match="no pair of a kind is left"):
        evaluate_lfw(folder=tmp_path / "nowhere", **options)
    few = evaluate_lfw(folder=folder, limit=4, **options)
    assert few["pairs"]["same"] + few["pairs"]["different"] + few["pairs"]["left_out"] == 4


def test_the_face_nearest_the_centre_or_the_middle(monkeypatch):
    pixels = np.zeros((250, 250, 3), np.uint8)
    large, central = Box(75, 75, 150, 2.0), Box(130, 120, 60, 1.0)
    monkeypatch.setattr(lfw, "detect", lambda _: [large, central])
    frame, found = central_face(pixels)
    assert found and np.allclose(frame.matrix, frame_from_box(central).matrix)
    monkeypatch.setattr(lfw, "detect", lambda _: [])
    frame, found = central_face(pixels)
    middle = Box(125, 125, 250 / 2.2, 0.0)
    assert not found and np.allclose(frame.matrix, frame_from_box(middle).matrix)


def test_pictures_without_a_face_are_counted(circle, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(lfw, "detect", lambda _: [])
    pairs = write(tmp_path / "pairs.txt", "2 2", FOLDS)
    found = evaluate_lfw(circle=circle, folder=photographs, pairs=pairs)
    assert found["centre_crops"]["count"] == 12 and "Bob_0001" in found["centre_crops"]["pictures"]


def test_the_command(blank_model, photographs, tmp_path, capsys):
    pairs = write(tmp_path / "pairs.txt", "2 2", [FOLDS[0], [("Cyd_Li", 1, 9), *FOLDS[1][1:]]])
    given = ["--model", blank_model, "--pairs", pairs, "--aligned", "--no-second"]
    main([str(word) for word in (photographs, *given, "--json", tmp_path / "lfw.json")])
    found = json.loads((tmp_path / "lfw.json").read_text())["verification"]
    assert found["missing"] == ["Cyd_Li/Cyd_Li_0009"]
    told = capsys.readouterr()
    assert "| angle |" in told.out and "1 pairs are left out" in told.err
    with pytest.raises(InputError, match=r"pairs\.txt: cannot be read"):
        main([str(photographs), "--model", str(blank_model), "--no-second"])
