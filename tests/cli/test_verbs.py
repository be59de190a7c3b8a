"""blend, average, arithmetic, vary, compare and calibrate, on a toy circle."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def run(istrc, toy_model):
    """A verb on aligned pictures with the toy model."""

    def call(verb, *arguments, model=toy_model):
        return istrc(verb, *arguments, "--aligned", "--model", model)

    return call


@pytest.fixture
def two(faces):
    return [faces / "a.png", faces / "b.jpg"]


@pytest.fixture
def rows(tmp_path):
    """Five saved embeddings."""
    z = 1 + np.random.default_rng(0).normal(size=(5, 8))
    np.save(tmp_path / "rows.npy", z)
    return tmp_path / "rows.npy"


@pytest.fixture
def antipodal(tmp_path):
    np.save(tmp_path / "poles.npy", np.stack([np.eye(8)[0], -np.eye(8)[0]]))
    return tmp_path / "poles.npy"


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def one_line(result, *said):
    assert result.exit_code == 1, result.err
    assert len(result.lines) == 1, result.err
    for word in said:
        assert word in result.lines[0], result.lines[0]


# blend


@pytest.mark.parametrize("mode", ["anchored", "circle"])
def test_a_blend_is_a_strip(run, two, tmp_path, mode):
    out = tmp_path / "new" / "strip.png"
    result = run("blend", *two, "--frames", 5, "--cell", 40, "--mode", mode, "-o", out, "--json")
    assert result.exit_code == 0 and result.err == ""
    assert Image.open(out).width >= 5 * 40
    value = result.json()
    [one] = value["results"]
    assert value["mode"] == mode and one["inputs"] == [str(path) for path in two]
    assert len(one["angles"]) == 5 and one["angles"][0] == 0
    np.testing.assert_allclose(np.diff(one["angles"]), one["angles"][-1] / 4, atol=2e-4)


def test_a_blend_is_a_folder_of_frames(run, two, istrc, toy_model, tmp_path):
    out = tmp_path / "frames"
    result = run("blend", *two, "--frames", 11, "-o", out, "--save", tmp_path / "z.npy")
    assert result.exit_code == 0
    assert names(out) == [f"{number:02d}.png" for number in range(11)]
    assert np.load(tmp_path / "z.npy").shape == (11, 8)
    # The ends of an anchored blend are what the auto-encoder keeps of the pictures
    rebuilt = tmp_path / "rebuilt.png"
    istrc(
        "reconstruct", two[1], "--mode", "anchored", "--crop", "--aligned", "--model", toy_model,
        "-o", rebuilt,
    )  # fmt: skip
    assert np.abs(pixels(out / "10.png").astype(int) - pixels(rebuilt)).max() <= 1


def test_saved_embeddings_blend_in_circle_mode_only(run, rows, tmp_path):
    ends = [f"{rows}[0]", f"{rows}[4]"]
    out = tmp_path / "s.png"
    assert run("blend", *ends, "--mode", "circle", "--path", "lerp", "-o", out).exit_code == 0
    out.unlink()
    one_line(run("blend", *ends, "-o", out), "--mode circle")
    one_line(run("blend", rows, ends[0], "--mode", "circle", "-o", out), "5 rows")
    one_line(run("blend", f"{rows}[5]", ends[0], "--mode", "circle", "-o", out), "no such row")
    assert not out.exists()


def test_what_cannot_be_blended(run, faces, two, antipodal, empty, tmp_path):
    out = tmp_path / "s.png"
    poles = [f"{antipodal}[0]", f"{antipodal}[1]"]
    for path in ("slerp", "lerp"):
        result = run("blend", *poles, "--mode", "circle", "--path", path, "-o", out)
        one_line(result, "antipodal")
    one_line(run("blend", empty, two[0], "-o", out), "no pictures")
    one_line(run("blend", faces, two[0], "-o", out), "3 pictures, and one is needed")
    one_line(run("blend", tmp_path / "gone.jpg", two[0], "-o", out), "gone.jpg")
    one_line(run("blend", *two, "-o", two[0]), "overwrite an input")
    one_line(run("blend", *two, "-o", out, "--save", tmp_path / "z.txt"), ".npy")
    assert not out.exists()


# average


@pytest.mark.parametrize("mean", ["frechet", "euclidean"])
def test_an_average_tells_how_many_and_how_far(run, faces, tmp_path, mean):
    out = tmp_path / "mean.png"
    result = run("average", faces, "--mean", mean, "-o", out)
    assert result.exit_code == 0 and "3 faces" in result.err and "spread" in result.err
    assert pixels(out).shape == (32, 32, 3)


def test_an_average_of_a_hundred_rows(run, tmp_path):
    np.save(tmp_path / "many.npy", 1 + np.random.default_rng(0).normal(size=(120, 8)))
    out, saved = tmp_path / "mean.png", tmp_path / "mean.npy"
    result = run(
        "average", tmp_path / "many.npy", "--mode", "circle", "-o", out, "--save", saved, "--json"
    )
    assert result.exit_code == 0
    [one] = result.json()["results"]
    assert one["count"] == 120 and len(one["angles"]) == 120
    assert one["spread"] == pytest.approx(np.mean(one["angles"]), abs=1e-3)
    assert np.linalg.norm(np.load(saved)) == pytest.approx(1, abs=1e-5)


def test_an_input_that_fails_is_named_and_the_others_averaged(run, faces, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "mean.png"
    result = run("average", faces, tmp_path / "bad.png", "-o", out, "--json")
    assert result.exit_code == 1 and "bad.png" in result.lines[0] and len(result.lines) == 1
    assert result.json()["results"][0]["count"] == 3 and out.exists()


def test_what_has_no_average(run, faces, rows, antipodal, empty, tmp_path):
    out = tmp_path / "mean.png"
    one_line(run("average", faces / "a.png", "-o", out), "a.png", "one face", "at least two")
    one_line(run("average", f"{rows}[1]", "--mode", "circle", "-o", out), "one face")
    one_line(run("average", empty, "-o", out), "no pictures")
    one_line(run("average", antipodal, "--mode", "circle", "-o", out), "antipodal")
    one_line(run("average", rows, "-o", out), "--mode circle")
    assert not out.exists()


# arithmetic


def test_names_files_and_rows_are_calculated_with(run, two, rows, tmp_path):
    out = tmp_path / "out.png"
    spaced = tmp_path / "my face.png"
    shutil.copy(two[0], spaced)
    text = f"(A + '{spaced}')/2 - {two[1]} + {rows}[3]"
    result = run("arithmetic", text, "--let", f"A={two[0]}", "-o", out, "--json")
    assert result.exit_code == 0, result.err
    [one] = result.json()["results"]
    assert [term["weight"] for term in one["terms"]] == [0.5, 0.5, -1, 1]
    assert [term["input"] for term in one["terms"]] == [
        str(two[0]), str(spaced), str(two[1]), f"{rows}[3]",
    ]  # fmt: skip
    assert pixels(out).shape == (32, 32, 3)


def test_a_result_is_put_onto_a_face(run, istrc, toy_model, two, tmp_path):
    """A - B + B is A: on A's own picture nothing changes."""
    out, rebuilt = tmp_path / "out.png", tmp_path / "rebuilt.png"
    arguments = ["--let", f"A={two[0]}", "--let", f"B={two[1]}", "-o", out]
    assert run("arithmetic", "A - B + B", *arguments, "--onto", two[0]).exit_code == 0
    istrc(
        "reconstruct", two[0], "--mode", "anchored", "--crop", "--aligned", "--model", toy_model,
        "-o", rebuilt,
    )  # fmt: skip
    assert np.abs(pixels(out).astype(int) - pixels(rebuilt)).max() <= 1


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("(A + B", 7, "not closed"),
        ("A + 2", 3, "a face and a number"),
        ("A + C", 5, "no face is called C"),
        ("A + (ann)/2", 6, "did you mean anna"),
        ("A - gone.jpg", 5, "no such file"),
        ("A - no-such-b.jpg", 5, "needs spaces"),
    ],
)
def test_errors_point_at_the_column(run, two, tmp_path, text, column, said):
    out = tmp_path / "out.png"
    lets = ["--let", f"A={two[0]}", "--let", f"B={two[1]}", "--let", f"anna={two[1]}"]
    result = run("arithmetic", text, *lets, "-o", out, "--json")
    assert result.exit_code == 1 and not out.exists()
    assert len(result.lines) == 3
    assert f"column {column}:" in result.lines[0] and said in result.lines[0]
    assert result.lines[1] == text and result.lines[2] == " " * (column - 1) + "^"
    assert result.json()["errors"][0]["column"] == column


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["A - A"], "cancels"),
        (["A", "--let", "B"], "NAME=FILE"),
        (["A", "--let", "A=x.jpg"], "another name"),
        (["A", "--onto", "ROWS[0]"], "no picture"),
    ],
)
def test_what_is_no_calculation(run, two, rows, tmp_path, arguments, said):
    arguments = [text.replace("ROWS", str(rows)) for text in arguments]
    out = tmp_path / "out.png"
    one_line(run("arithmetic", *arguments, "--let", f"A={two[0]}", "-o", out), said)
    assert not out.exists()


# vary


def test_sixty_three_neighbours_fill_a_sheet(run, two, tmp_path):
    out = tmp_path / "sheet.png"
    assert run("vary", two[0], "--cell", 20, "-o", out).exit_code == 0
    width, height = Image.open(out).size
    assert width == height >= 8 * 20


def test_neighbours_are_at_the_angle_and_of_the_seed(run, rows, tmp_path):
    saved = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        target = tmp_path / f"{name}.npy"
        result = run(
            "vary", f"{rows}[0]", "--mode", "circle", "--count", 4, "--angle", 0.5, "--seed", seed,
            "-o", tmp_path / name, "--save", target,
        )  # fmt: skip
        assert result.exit_code == 0
        assert names(tmp_path / name) == ["00.png", "01.png", "02.png", "03.png"]
        saved[name] = np.load(target)
    z = np.load(rows)[0]
    angle = np.arccos(saved["a"] @ z / np.linalg.norm(z))
    np.testing.assert_allclose(angle, 0.5, atol=1e-3)
    np.testing.assert_array_equal(saved["a"], saved["b"])
    assert (saved["a"] != saved["c"]).any()


def test_what_cannot_be_varied(run, faces, rows, empty, tmp_path):
    out = tmp_path / "sheet.png"
    one_line(run("vary", faces, "-o", out), "3 pictures")
    one_line(run("vary", empty, "-o", out), "no pictures")
    one_line(run("vary", f"{rows}[0]", "-o", out), "--mode circle")


# compare


def test_without_a_threshold_the_angle_alone(run, two):
    result = run("compare", *two)
    assert result.exit_code == 0
    assert " rad between " in result.out and "cannot be said" in result.out
    value = run("compare", *two, "--json").json()
    [one] = value["results"]
    assert "same" not in one and value["verdict"]["threshold"] is None
    assert one["euclidean"] == pytest.approx(2 * np.sin(one["angle"] / 2), abs=1e-3)
    assert len(one["differences"]) == 5


@pytest.fixture
def calibrated(toy_model, tmp_path):
    """The toy model with a threshold of 1 radian at FAR 1e-3."""
    from istrc.circle import Circle
    from istrc.recognisers.recogniser import key

    model = tmp_path / "model"
    shutil.copytree(toy_model, model)
    found = {
        "recogniser": key(Circle.from_pretrained(model).recogniser.record),
        "far": {"0.001": {"angle": 1.0, "tar": 0.5}},
        "pairs": {"same": 10, "different": 1000},
    }
    (model / "verification.json").write_text(json.dumps(found))
    return model


def test_the_same_person_or_not(run, calibrated, antipodal, rows):
    near, far = [f"{rows}[0]", f"{rows}[0]"], [f"{antipodal}[0]", f"{antipodal}[1]"]
    result = run("compare", *near, model=calibrated)
    assert "the same person: under 1.000 rad" in result.out and "0.001" in result.out
    assert "not the same person" in run("compare", *far, model=calibrated).out
    value = run("compare", *far, "--json", model=calibrated).json()
    assert value["results"][0]["same"] is False
    assert value["verdict"] == {
        "threshold": 1.0, "far": 0.001, "tar": 0.5, "pairs_of_different_people": 1000,
    }  # fmt: skip
    one_line(run("compare", *near, "--far", "0.5", model=calibrated), "--far 0.5", "0.001")


def test_of_several_the_table(run, calibrated, rows):
    result = run("compare", rows, model=calibrated)
    lines = result.out.splitlines()
    assert result.exit_code == 0 and len(lines) == 1 + 5 + 1
    assert len(run("compare", rows, "--json", model=calibrated).json()["results"]) == 10


def test_what_cannot_be_compared(run, two, empty):
    one_line(run("compare", two[0]), "two or more")
    one_line(run("compare", empty), "no pictures")


# calibrate


def test_thresholds_are_written_beside_the_weights(istrc, toy_folder, tmp_path):
    pytest.importorskip("sklearn")
    import torch

    from istrc.circle import Circle
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.facenet import FaceNet
    from istrc.models.mapping import Mapping

    torch.manual_seed(0)
    model = tmp_path / "model"
    Circle(
        FaceNet(16, 8, (4, 4, 4, 4)),
        AutoEncoder(16, 6, (4, 4)),
        Mapping(8, 6, 8, 2),
        AttributeClassifiers(("smile",), 8, 4, 4),
    ).save_pretrained(model)
    result = istrc("calibrate", toy_folder, model, "--json")
    assert result.exit_code == 0, result.err
    found = json.loads((model / "verification.json").read_text())
    assert found["split"] == "tune" and found["faces"] == 64 and found["seed"] == 0
    assert str(toy_folder) not in json.dumps(found)
    rows = tmp_path / "rows.npy"
    np.save(rows, np.eye(8)[:2])
    result = istrc("compare", rows, "--model", model)
    assert "person" in result.out and "cannot" not in result.out


def test_data_of_another_size_is_refused(istrc, toy_folder, toy_model):
    pytest.importorskip("sklearn")
    one_line(istrc("calibrate", toy_folder, toy_model), "--size 32")


@pytest.mark.parametrize("verb", ["blend", "average", "arithmetic", "vary", "compare"])
def test_help_has_examples(istrc, verb):
    result = istrc(verb, "--help")
    assert result.exit_code == 0 and f"istrc {verb}" in result.out and "Examples" in result.out
