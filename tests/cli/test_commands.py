"""The contract of the command line, on a toy circle."""

import inspect
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

BAD = {
    "empty.jpg": b"",
    "text.png": b"this is no picture",
    "cut.png": None,  # filled in from a good one
}


@pytest.fixture
def mixed(faces, tmp_path):
    """A folder with the three good pictures and three bad ones."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in faces.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for name, content in BAD.items():
        if content is None:
            content = (faces / "a.png").read_bytes()[:200]
        (folder / name).write_bytes(content)
    return folder


def names(folder):
    """What a command left, beside its own record."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".istrc.jsonl")


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


# edit


def test_one_picture_becomes_the_file_out(istrc, toy_model, faces, tmp_path):
    out = tmp_path / "new" / "out.png"
    result = istrc(
        "edit", faces / "a.png", "--aligned", "-a", "smile=+1", "-o", out, "--model", toy_model
    )
    assert result.exit_code == 0 and result.out == ""
    assert names(out.parent) == ["out.png"]
    before, after = pixels(faces / "a.png"), pixels(out)
    assert before.shape == after.shape and (before != after).any()
    # Outside the crop every byte is the photograph's
    outside = np.ones(before.shape[:2], bool)
    outside[45:173, 25:153] = False
    assert (before[outside] == after[outside]).all()


def test_a_folder_becomes_a_folder_and_stems_are_kept(istrc, toy_model, faces, tmp_path):
    out = tmp_path / "out"
    result = istrc("edit", faces, "--aligned", "-a", "beard", "-o", out, "--model", toy_model)
    assert result.exit_code == 0
    assert names(out) == ["a.png", "b.jpg", "c.webp"]


def test_crops_are_png_and_of_the_model_s_size(istrc, toy_model, faces, tmp_path):
    out = tmp_path / "out"
    arguments = ["--aligned", "--crop", "-a", "beard", "-o", out, "--model", toy_model]
    assert istrc("edit", faces, *arguments).exit_code == 0
    assert names(out) == ["a.png", "b.png", "c.png"]
    assert pixels(out / "a.png").shape == (32, 32, 3)


def test_bad_inputs_are_named_and_the_others_are_done(istrc, toy_model, mixed, tmp_path):
    out = tmp_path / "out"
    result = istrc(
        "edit", mixed, tmp_path / "gone.jpg", "--aligned", "-a", "smile", "-o", out,
        "--model", toy_model, "--json",
    )  # fmt: skip
    assert result.exit_code == 1
    assert names(out) == ["a.png", "b.jpg", "c.webp"]
    value = result.json()
    assert not value["ok"] and len(value["results"]) == 3 and len(value["errors"]) == 4
    for name in [*BAD, "gone.jpg"]:
        assert len([line for line in result.lines if name in line]) == 1, name
    assert len(result.lines) == 4


def test_json_holds_what_was_asked_and_measured(istrc, toy_model, faces, tmp_path):
    out = tmp_path / "out.png"
    result = istrc(
        "edit", faces / "a.png", "--aligned", "-a", "smile,young=-0.5", "--keep", "male,beard",
        "--mode", "circle", "-o", out, "--model", toy_model, "--json",
    )  # fmt: skip
    assert result.exit_code == 0 and result.err == ""
    value = result.json()
    assert value["edits"] == {"smile": 1.0, "young": -0.5}
    assert value["keep"] == ["male", "beard"] and value["mode"] == "circle"
    [one] = value["results"]
    assert one["input"] == str(faces / "a.png") and one["output"] == str(out)
    assert one["faces"] == 1 and 0 < one["angle"][0] < np.pi


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-a", "smil"], "did you mean smile"),
        (["-a", "glasses"], "eyeglasses"),
        (["-a", "smile=3"], "from -2 to 2"),
        (["-a", "smile", "--keep", "malee"], "male"),
        (["-a", "smile", "--keep", "smile"], "also edited"),
        (["-a", "smile", "--face", "0"], "--face 0"),
        (["-a", "smile", "--face", "2"], "no face 2"),
        (["-a", "smile", "--device", "abacus"], "abacus"),
        (["-a", "smile", "--model", "no-such-model"], "no-such-model"),
    ],
)
def test_a_wrong_wish_is_one_line(istrc, toy_model, faces, tmp_path, arguments, said):
    out = tmp_path / "out.png"
    if "--model" not in arguments:
        arguments = [*arguments, "--model", toy_model]
    result = istrc("edit", faces / "a.png", "--aligned", *arguments, "-o", out)
    assert result.exit_code == 1 and not out.exists()
    assert len(result.lines) == 1 and said in result.lines[0]


def test_no_face_is_said(istrc, toy_model, tmp_path):
    plain = tmp_path / "plain.png"
    Image.fromarray(np.full((120, 120, 3), 128, np.uint8)).save(plain)
    out = tmp_path / "out.png"
    result = istrc("edit", plain, "-a", "smile", "-o", out, "--model", toy_model)
    assert result.exit_code == 1 and not out.exists()
    assert len(result.lines) == 1 and "plain.png" in result.err and "no face" in result.err


def test_damaged_weights_are_one_line(istrc, toy_model, faces, tmp_path):
    import shutil

    model = tmp_path / "model"
    shutil.copytree(toy_model, model)
    weights = model / "mapping" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"oops")
    result = istrc(
        "edit", faces / "a.png", "--aligned", "-a", "smile", "-o", tmp_path / "o.png",
        "--model", model,
    )  # fmt: skip
    assert result.exit_code == 1
    assert len(result.lines) == 1 and "checksum" in result.err


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A photograph with two faces, a large one on the left and a smaller one on the right."""
    data = pytest.importorskip("skimage.data")
    portrait = Image.fromarray(data.astronaut()).crop((100, 0, 356, 256))
    picture = Image.new("RGB", (440, 256), "white")
    picture.paste(portrait, (0, 0))
    picture.paste(portrait.resize((160, 160)), (268, 48))
    path = tmp_path_factory.mktemp("two") / "two.png"
    picture.save(path)
    return path


def test_of_several_faces_one_or_all_are_edited(istrc, toy_model, two, tmp_path):
    before, changed = pixels(two), {}
    for which in ("largest", "1", "2", "all"):
        out = tmp_path / f"{which}.png"
        result = istrc(
            "edit", two, "-a", "smile", "--face", which, "-o", out, "--model", toy_model, "--json",
        )  # fmt: skip
        assert result.exit_code == 0
        [one] = result.json()["results"]
        assert one["faces"] == 2
        assert one["edited"] == {"largest": [1], "1": [1], "2": [2], "all": [1, 2]}[which]
        assert ("2 faces found" in result.err) == (which == "largest")
        changed[which] = (pixels(out) != before).any(2)
    left, right = np.s_[:, :262], np.s_[:, 262:]
    assert changed["1"][left].any() and not changed["1"][right].any()
    assert changed["2"][right].any() and not changed["2"][left].any()
    assert (changed["largest"] == changed["1"]).all()
    # Drawn together they are what they are alone, up to rounding
    for which, half in (("1", left), ("2", right)):
        both = [pixels(tmp_path / f"{name}.png")[half].astype(int) for name in ("all", which)]
        assert np.abs(both[0] - both[1]).max() <= 1
        assert (changed["all"][half] != changed[which][half]).mean() < 1e-4


def test_every_face_has_its_own_crop_and_row(istrc, toy_model, two, tmp_path):
    common = ["--face", "all", "--model", toy_model]
    out = tmp_path / "out.png"
    assert istrc("edit", two, "-a", "smile", "--crop", *common, "-o", out).exit_code == 0
    assert names(tmp_path) == ["out-1.png", "out-2.png"]
    assert istrc("embed", two, *common, "-o", tmp_path / "z.npy").exit_code == 0
    assert np.load(tmp_path / "z.npy").shape == (2, 8)
    assert (tmp_path / "z.txt").read_text() == f"{two}\n{two}\n"


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK", "L", "LA", "I;16", "1"])
def test_every_kind_of_picture_is_edited(istrc, toy_model, faces, tmp_path, mode):
    source = tmp_path / ("in.tif" if mode in ("CMYK", "I;16") else "in.png")
    picture = Image.open(faces / "a.png")
    if mode == "I;16":
        grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        Image.fromarray(grey).save(source)
    else:
        picture.convert(mode).save(source)
    out = tmp_path / "out.png"
    arguments = ["--aligned", "-a", "smile", "-o", out, "--model", toy_model]
    result = istrc("edit", source, *arguments)
    assert result.exit_code == 0, result.err
    assert pixels(out).shape == (218, 178, 3)


# walk


def test_a_strip_has_a_row_for_every_attribute(istrc, toy_model, faces, tmp_path):
    out = tmp_path / "strip.png"
    common = ["--aligned", "--frames", "3", "--cell", "40", "--model", toy_model, "-o", out]
    assert istrc("walk", faces / "a.png", "-a", "smile", *common).exit_code == 0
    one = Image.open(out).size
    result = istrc("walk", faces / "a.png", "-a", "smile", "-a", "beard=-1", *common, "--json")
    assert result.exit_code == 0
    two = Image.open(out).size
    assert one[0] >= 3 * 40 and one[1] < two[1]
    angles = result.json()["results"][0]["angles"]
    assert list(angles) == ["smile", "beard"]
    for row in angles.values():
        assert len(row) == 3 and row[0] < 1e-3 and row[0] <= row[1] <= row[2]


def test_a_walk_is_of_one_picture(istrc, toy_model, faces, tmp_path):
    result = istrc("walk", faces, "-a", "smile", "-o", tmp_path / "s.png", "--model", toy_model)
    assert result.exit_code == 1 and len(result.lines) == 1


# embed, decode, reconstruct


def test_embeddings_are_rows_in_order_with_the_list_beside(istrc, toy_model, mixed, tmp_path):
    out = tmp_path / "z.npy"
    result = istrc("embed", mixed, "--aligned", "-o", out, "--model", toy_model, "--json")
    assert result.exit_code == 1  # three bad ones
    z = np.load(out, allow_pickle=False)
    assert z.shape == (3, 8) and z.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
    listed = (tmp_path / "z.txt").read_text().splitlines()
    assert listed == [str(mixed / name) for name in ("a.png", "b.jpg", "c.webp")]
    assert [one["row"] for one in result.json()["results"]] == [0, 1, 2]
    # A row is the picture's own, whatever stood before it
    assert istrc(
        "embed", mixed / "c.webp", "--aligned", "-o", out, "--model", toy_model
    ).exit_code == 0  # fmt: skip
    np.testing.assert_allclose(np.load(out)[0], z[2], atol=1e-5)


def test_names_with_breaks_of_lines_are_still_one_line_each(istrc, toy_model, faces, tmp_path):
    folder, out = tmp_path / "odd", tmp_path / "z.npy"
    folder.mkdir()
    for name in ("a\nb.png", "c\u2028d.png", "e\rf.png"):
        shutil.copy(faces / "a.png", folder / name)
    assert istrc("embed", folder, "--aligned", "-o", out, "--model", toy_model).exit_code == 0
    listed = (tmp_path / "z.txt").read_text("utf-8").split("\n")
    assert [os.path.basename(line) for line in listed] == [
        "a\\nb.png",
        "c\u2028d.png",
        "e\\rf.png",
        "",
    ]
    assert istrc("decode", out, "-o", tmp_path / "named", "--model", toy_model).exit_code == 0
    assert "c\u2028d.png" in names(tmp_path / "named")


def test_decoded_rows_are_named_after_the_inputs(istrc, toy_model, faces, tmp_path):
    z = tmp_path / "z.npy"
    assert istrc("embed", faces, "--aligned", "-o", z, "--model", toy_model).exit_code == 0
    assert istrc("decode", z, "-o", tmp_path / "named", "--model", toy_model).exit_code == 0
    assert names(tmp_path / "named") == ["a.png", "b.png", "c.png"]
    (tmp_path / "z.txt").write_text("a.png\nfolder/a.png\nc.png\n")
    result = istrc("decode", z, "-o", tmp_path / "numbered", "--model", toy_model)
    assert result.exit_code == 0 and "2 different names for 3 rows" in result.err
    assert names(tmp_path / "numbered") == ["00000.png", "00001.png", "00002.png"]
    np.testing.assert_array_equal(
        pixels(tmp_path / "named" / "b.png"), pixels(tmp_path / "numbered" / "00001.png")
    )


def test_a_row_that_would_overwrite_an_input_leaves_the_others_theirs(
    istrc, toy_model, faces, tmp_path
):
    z, out = tmp_path / "z.npy", tmp_path / "out"
    assert istrc("embed", faces, "--aligned", "-o", z, "--model", toy_model).exit_code == 0
    assert istrc("decode", z, "-o", tmp_path / "named", "--model", toy_model).exit_code == 0
    (tmp_path / "z.txt").write_text(f"{out}/a.png\n{faces}/b.png\n{faces}/c.png\n")
    result = istrc("decode", z, "-o", out, "--model", toy_model)
    assert result.exit_code == 1 and "would overwrite" in result.err
    assert names(out) == ["b.png", "c.png"]
    for name in names(out):
        np.testing.assert_array_equal(pixels(out / name), pixels(tmp_path / "named" / name))


def test_one_row_becomes_the_file_out_whatever_its_length(istrc, toy_model, tmp_path):
    np.save(tmp_path / "unit.npy", np.eye(8)[2])
    np.save(tmp_path / "long.npy", 7 * np.eye(8, dtype=np.float32)[2:3])
    for name in ("unit", "long"):
        out = tmp_path / f"{name}.png"
        assert (
            istrc("decode", tmp_path / f"{name}.npy", "-o", out, "--model", toy_model).exit_code
            == 0
        )
    np.testing.assert_array_equal(pixels(tmp_path / "unit.png"), pixels(tmp_path / "long.png"))
    assert pixels(out).shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((2, 8)), "row 0 has no direction"),
        (np.full((2, 8), np.nan), "row 0 has no direction"),
        (np.ones((2, 9)), "9 numbers"),
        (np.ones((2, 2, 8)), "shape (2, 2, 8)"),
        (np.ones((0, 8)), "shape (0, 8)"),
        (np.array(["x"] * 8), "give numbers"),
        (np.array([{}], dtype=object), "not a NumPy array"),
        (b"junk", "not a NumPy array"),
        (None, "no such file"),
    ],
)
def test_what_is_no_embedding_is_said(istrc, toy_model, tmp_path, array, said):
    path = tmp_path / "z.npy"
    if isinstance(array, bytes):
        path.write_bytes(array)
    elif array is not None:
        np.save(path, array, allow_pickle=True)
    out = tmp_path / "out"
    result = istrc("decode", path, "-o", out, "--model", toy_model, "--json")
    assert result.exit_code == 1 and not out.exists()
    assert len(result.lines) == 1 and said in result.lines[0] and "z.npy" in result.lines[0]
    assert said in result.json()["errors"][0]["message"]


@pytest.mark.parametrize("mode", ["circle", "anchored"])
def test_reconstructions(istrc, toy_model, faces, tmp_path, mode):
    out = tmp_path / "out"
    common = ["--aligned", "--mode", mode, "--model", toy_model]
    assert istrc("reconstruct", faces, *common, "--crop", "-o", out).exit_code == 0
    assert names(out) == ["a.png", "b.png", "c.png"]
    assert pixels(out / "b.png").shape == (32, 32, 3)
    assert istrc("reconstruct", faces / "a.png", *common, "-o", tmp_path / "a.png").exit_code == 0
    assert pixels(tmp_path / "a.png").shape == (218, 178, 3)


# prepare


def test_prepare_counts_and_names_what_it_leaves_out(istrc, mixed, tmp_path):
    rows = "".join(f"{name},{k % 2}\n" for k, name in enumerate(sorted(names(mixed))))
    (mixed / "labels.csv").write_text("file,smile\n" + rows)
    result = istrc(
        "prepare", mixed, tmp_path / "prepared", "--size", "16", "--workers", "1", "--json"
    )
    assert result.exit_code == 1
    [one] = result.json()["results"]
    assert one["count"] == 3 and one["total"] == 6 and one["attributes"] == ["smile"]
    assert {error["input"] for error in result.json()["errors"]} == set(BAD)
    for name in BAD:
        assert any(name in line for line in result.lines)


# usage and help


def test_a_usage_error_is_one_line_and_code_2(istrc):
    result = istrc("edit", "--nope", "--json")
    assert result.exit_code == 2 and len(result.lines) == 1
    assert "--nope" in result.err
    assert not result.json()["ok"] and "--nope" in result.json()["errors"][0]["message"]
    result = istrc("edit", "x.jpg", "-a", "smile")
    assert result.exit_code == 2 and result.out == "" and "--out" in result.err


def commands():
    """Every command with its path: ("edit",), ("train", "facenet")..."""
    import typer.main

    from istrc.cli import app

    def below(command, path):
        yield path, command
        for name, inner in getattr(command, "commands", {}).items():
            yield from below(inner, (*path, name))

    return list(below(typer.main.get_command(app), ()))


def test_every_command_and_option_has_help(istrc):
    for path, command in commands():
        assert command.help, path
        # Terminals break its lines, and not where its source does
        assert all("\n" not in part for part in inspect.cleandoc(command.help).split("\n\n")), path
        for parameter in command.params:
            text = parameter.help
            assert text and text.strip().endswith((".", ")")), f"{path} {parameter.name}: {text!r}"
        assert istrc(*path, "--help").exit_code == 0


def test_every_command_speaks_json():
    for path, command in commands():
        if path and not getattr(command, "commands", None):
            assert any("--json" in parameter.opts for parameter in command.params), path


# the real process


def process(*arguments, **settings):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **settings}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=120
    )


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from istrc.cli import app\n"
        "try: app(['--help'], prog_name='istrc')\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'PIL', 'dlib'} & set(sys.modules)), file=sys.stderr)"
    )
    assert process("-c", script).stderr.strip() == "[]"


def test_the_module_runs_as_a_program(toy_model, faces, tmp_path):
    out = tmp_path / "out.png"
    done = process(
        "-m", "istrc", "edit", str(faces / "a.png"), "--aligned", "-a", "smile", "-o", str(out),
        "--model", toy_model, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] and out.exists()
    assert process("-m", "istrc", "edit").returncode == 2


def test_completion_knows_the_commands():
    done = process(
        "-m", "istrc",
        _ISTRC_COMPLETE="complete_bash", COMP_WORDS="istrc ed", COMP_CWORD="1",
        _TYPER_COMPLETE_ARGS="istrc ed",
    )  # fmt: skip
    assert done.stdout.split() == ["edit"]


# what is there is kept


@pytest.mark.parametrize(
    "command",
    [
        ["blend", "z.npy[0]", "z.npy[1]", "--mode", "circle", "-o", "b.png"],
        ["vary", "z.npy[0]", "--mode", "circle", "--count", "2", "-o", "v.png"],
        ["arithmetic", "z.npy[0] + z.npy[1]", "-o", "a.png"],
        ["average", "z.npy", "--mode", "circle", "-o", "a.png"],
    ],
)
def test_an_array_is_not_written_over_that_a_row_was_taken_of(
    istrc, toy_model, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    np.save("z.npy", np.eye(8)[:5])
    before = (tmp_path / "z.npy").read_bytes()
    result = istrc(*command, "--save", "z.npy", "--model", toy_model)
    assert result.exit_code == 1
    assert "z.npy: would overwrite an input; give another name" in result.err
    assert (tmp_path / "z.npy").read_bytes() == before and names(tmp_path) == ["z.npy"]
    (tmp_path / "new.txt").write_text("an earlier list")
    result = istrc(*command, "--save", "new.npy", "--model", toy_model)
    assert result.exit_code == 1 and "new.txt would name its rows" in result.err


def test_embed_writes_no_list_over_anything_else(istrc, toy_model, faces, tmp_path):
    picture, notes = tmp_path / "q.txt", tmp_path / "notes.txt"
    shutil.copyfile(faces / "a.png", picture)
    notes.write_text("mine")
    embed = ["--aligned", "--model", toy_model, "-o"]
    for source, out in ((picture, picture), (faces / "a.png", notes)):
        before = out.read_bytes()
        result = istrc("embed", source, *embed, out.with_suffix(".npy"))
        assert result.exit_code == 1 and f"would overwrite {out}" in result.err
        assert out.read_bytes() == before
    np.save(tmp_path / "q.npy", np.eye(8))  # nor where there was an array
    assert istrc("embed", picture, *embed, tmp_path / "q.npy").exit_code == 1
    assert picture.read_bytes() == (faces / "a.png").read_bytes()
    for name in ("a.png", "b.jpg"):  # an earlier one of ours is
        assert istrc("embed", faces / name, *embed, tmp_path / "z.npy").exit_code == 0
    assert (tmp_path / "z.txt").read_text() == f"{faces / 'b.jpg'}\n"


def test_an_empty_name_is_no_folder(istrc, toy_model, faces, tmp_path, monkeypatch):
    monkeypatch.chdir(faces)
    result = istrc("edit", "", "--aligned", "-a", "smile", "-o", tmp_path, "--model", toy_model)
    assert result.exit_code == 1 and "an empty name" in result.err and not names(tmp_path)


def test_names_in_a_table_keep_the_number_of_a_face():
    from istrc.cli.compare import _short

    assert _short("a.png") == "a.png"
    assert _short("two_people.jpg (2)") == "two_peop~jpg (2)"
    assert len(_short("x" * 17)) == 16
