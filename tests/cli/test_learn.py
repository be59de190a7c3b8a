"""istrc learn, and what knows of it afterwards, on a toy circle."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from istrc.learning import user_attributes


def draw(path, bright, seed):
    """An aligned picture whose upper half is bright or dark."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 130, (6, 6, 3))
    coarse[:3] += 120 if bright else 0
    Image.fromarray(coarse.astype(np.uint8)).resize((178, 218), Image.BICUBIC).save(path)


@pytest.fixture(scope="session")
def sides(tmp_path_factory):
    """Folders of eight pictures with hats and eight without."""
    folder = tmp_path_factory.mktemp("sides")
    for name, bright in (("hats", True), ("bare", False)):
        (folder / name).mkdir()
        for number in range(8):
            draw(folder / name / f"{number}.png", bright, number + 100 * bright)
    return folder


@pytest.fixture
def run(istrc, toy_model, monkeypatch, tmp_path):
    monkeypatch.setenv(user_attributes.VARIABLE, str(tmp_path / "learned"))
    return lambda *words: istrc(*words, "--model", toy_model)


@pytest.fixture
def hats(run, sides):
    """A run that has learned hats."""
    words = ("--with", sides / "hats", "--without", sides / "bare", "--aligned")
    assert run("learn", "hats", *words).exit_code == 0
    return run


def one_line(result, *said):
    assert result.exit_code == 1, result.err
    assert len(result.lines) == 1, result.err
    for word in said:
        assert str(word) in result.lines[0], result.lines[0]


def test_two_folders_become_an_attribute(run, sides):
    words = ("--with", sides / "hats", "--without", sides / "bare", "--aligned")
    result = run("learn", "Hats", *words, "--json")
    assert result.exit_code == 0, result.err
    [one] = result.json()["results"]
    assert one["name"] == "hats" and (one["with"], one["without"]) == (8, 8)
    assert 0 <= one["auc_low"] <= one["auc"] <= one["auc_high"] <= 1
    assert one["trust"] and one["output"] == str(user_attributes.kept("hats")[0])
    assert "8 with and 8 without: 20 on each side would tell more" in result.err


def test_everything_knows_it_afterwards(hats, sides, faces, tmp_path):
    out = tmp_path / "out.png"
    result = hats("edit", faces / "a.png", "--aligned", "-a", "hats=-1.5", "-o", out)
    assert result.exit_code == 0 and out.exists(), result.err
    strip = tmp_path / "strip.png"
    result = hats(
        "walk", faces / "a.png", "--aligned", "-a", "hats", "--keep", "smile", "-o", strip
    )
    assert result.exit_code == 0 and strip.exists(), result.err
    result = hats("edit", faces / "a.png", "--aligned", "-a", "smile", "--keep", "hats", "-o", out)
    assert result.exit_code == 0, result.err


def test_it_is_listed_and_forgotten(hats, faces, istrc):
    result = istrc("learn", "--list", "--json")
    [one] = result.json()["results"]
    assert one["name"] == "hats" and one["with"] == 8 and "trust" in one
    assert "hats: AUC" in istrc("learn", "--list").err
    result = istrc("learn", "hats", "--forget")
    assert result.exit_code == 0 and "deleted" in result.err and not user_attributes.kept()
    one_line(istrc("learn", "hats", "--forget"), "hats: nothing was learned")
    result = istrc("learn", "--list")
    assert result.exit_code == 0 and "nothing learned yet" in result.err
    one_line(hats("edit", faces / "a.png", "-a", "hats", "-o", "x.png"), "no such attribute")


def test_a_csv_says_who_has_it(run, sides, tmp_path):
    names = [f"hats/{n}.png" for n in range(6)] + [f"bare/{n}.png" for n in range(8)]
    values = ["yes"] * 6 + ["no"] * 7 + [""]  # the last is not known
    rows = "".join(f"{n},{v},blue\n" for n, v in zip(names, values, strict=True))
    (sides / "labels.csv").write_text("file,Has Hat,colour\n" + rows)
    words = ("--csv", sides / "labels.csv", "--aligned")
    result = run("learn", "hats", *words, "--column", "Has Hat", "--json")
    assert result.exit_code == 0, result.err
    [one] = result.json()["results"]
    assert (one["with"], one["without"]) == (6, 7)
    assert run("learn", "has_hat", *words).exit_code == 0  # the column has the name
    one_line(run("learn", "hat", *words, "--column", "hut"), "labels.csv", "'hut'", "has_hat")
    one_line(run("learn", "hat", *words, "--column", "colour"), "'colour'")
    one_line(run("learn", "hat", "--csv", tmp_path / "no.csv"), "no.csv", "no such file")


def test_out_is_a_file_to_give_away(run, sides, tmp_path):
    out = tmp_path / "given" / "hats.safetensors"
    words = ("--with", sides / "hats", "--without", sides / "bare", "--aligned")
    result = run("learn", "hats", *words, "-o", out)
    assert result.exit_code == 0 and out.exists() and not user_attributes.kept(), result.err
    assert f"istrc learn --add {out}" in result.err
    result = run("learn", "--add", out)
    assert result.exit_code == 0 and user_attributes.kept("hats"), result.err
    one_line(run("learn", "--add", out), "hats", "--forget")
    one_line(run("learn", "more", *words, "-o", "hats.npy"), "hats.npy", ".safetensors")


def test_slips_are_one_line(hats, sides, faces, tmp_path):
    words = ("--without", sides / "bare", "--aligned")
    few = tmp_path / "few"
    few.mkdir()
    for number in range(3):
        shutil.copy(sides / "hats" / f"{number}.png", few)
    one_line(hats("learn", "caps", "--with", few, *words), "3 different faces with it", "5")
    one_line(hats("learn", "hats", "--with", sides / "hats", *words), "hats", "--forget")
    one_line(hats("learn", "smile", "--with", sides / "hats", *words), "smile", "choose another")
    one_line(hats("learn", "mode", "--with", sides / "hats", *words), "mode: no name")
    one_line(hats("learn", "caps", "--with", tmp_path / "none", *words), "none", "no such")
    one_line(hats("learn", "caps", "--with", sides / "hats"), "--without INPUT is missing")
    one_line(hats("learn", "--with", sides / "hats", *words), "NAME")
    one_line(hats("learn", "caps"), "say what to learn from")
    one_line(hats("learn", "caps", "--forget", "--list"), "--list and --forget")
    one_line(hats("learn", "caps", "--column", "caps", "--with", few, *words), "--csv FILE")
    # Nothing to be found in any of them: one line, not one a picture
    plain = ("--with", sides / "hats", "--without", sides / "bare")
    one_line(hats("learn", "caps", *plain), "no face in any of 8 pictures", "no face found")
    # The same picture, under another name and in another format
    twice = tmp_path / "twice"
    shutil.copytree(sides / "hats", twice)
    Image.open(sides / "bare" / "3.png").save(twice / "x.bmp")
    one_line(hats("learn", "caps", "--with", twice, *words), "x.bmp", "3.png", "other side")
    one_line(hats("edit", faces / "a.png", "-a", "hat", "-o", "x.png"), "did you mean hats")


def test_a_bad_picture_is_named_and_the_others_are_learned_from(run, sides, tmp_path):
    mixed = tmp_path / "mixed"
    shutil.copytree(sides / "hats", mixed)
    (mixed / "cut.png").write_bytes((mixed / "0.png").read_bytes()[:200])
    result = run("learn", "hats", "--with", mixed, "--without", sides / "bare", "--aligned")
    assert result.exit_code == 1 and user_attributes.kept("hats")
    assert sum("cut.png" in line for line in result.lines) == 1


def test_a_picture_that_is_there_twice_counts_once(run, sides, tmp_path):
    mixed = tmp_path / "mixed"
    shutil.copytree(sides / "hats", mixed)
    shutil.copy(mixed / "0.png", mixed / "again.png")
    words = ("--with", mixed, "--without", sides / "bare", "--aligned")
    result = run("learn", "hats", *words)
    assert result.exit_code == 0 and "1 of the pictures with hats are there twice" in result.err


def test_another_recognisers_attribute_is_told(hats, istrc, faces, tmp_path):
    place = user_attributes.kept("hats")[0]
    place.parent.rename(place.parent.with_name("0" * 16))
    result = hats("edit", faces / "a.png", "-a", "hats", "-o", tmp_path / "x.png")
    one_line(result, "-a hats: it was learned for another recogniser")


@pytest.mark.parametrize(("start", "word"), [("ha", "hats"), ("eyegl", "eyeglasses")])
def test_completion_knows_attributes(hats, toy_model, start, word):
    line = f"istrc edit x.jpg --model {toy_model} -a {start}"
    environment = {
        **os.environ,
        "_ISTRC_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
        "_TYPER_COMPLETE_ARGS": line,
    }
    script = (
        "import sys; sys.argv = ['istrc']\n"
        "try:\n import istrc.__main__; istrc.__main__.main()\n"
        "finally: print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == [word], done.stderr
    assert done.stderr.split()[-1] == "False"  # nothing heavy at the press of a key


def test_the_file_is_safetensors_with_its_story_inside(hats):
    from safetensors import safe_open

    with safe_open(user_attributes.kept("hats")[0], framework="numpy") as file:
        told = json.loads(file.metadata()["istrc"])
        assert set(file.keys()) == {"weight", "bias"}
    assert told["name"] == "hats" and told["recogniser"]["kind"] == "own"
    assert str(os.getcwd()) not in json.dumps(told)
