"""Inputs, and the file each output becomes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from istrc.cli.files import find_all, plan_outputs, write_lines
from istrc.errors import IstrcError
from istrc.whole import whole


@pytest.fixture
def folder(tmp_path):
    """Pictures b.png, a.jpg, c.webp, a text, a hidden picture and a picture in a subfolder."""
    pixels = Image.fromarray(np.zeros((20, 20, 3), np.uint8))
    for name in ("b.png", "a.jpg", "c.webp", ".hidden.png"):
        pixels.save(tmp_path / name)
    (tmp_path / "deep").mkdir()
    pixels.save(tmp_path / "deep" / "d.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def names(paths):
    return [path.name for path in paths]


def test_a_folder_is_read_flat_and_sorted_by_name(folder):
    found = find_all([str(folder)])
    assert names(found.paths) == ["a.jpg", "b.png", "c.webp"]
    assert found.several and not found.missing


def test_a_glob_is_expanded_when_the_shell_did_not(folder):
    found = find_all([str(folder / "*.png")])
    assert names(found.paths) == ["b.png"] and found.several


def test_one_picture_is_not_several(folder):
    assert not find_all([str(folder / "a.jpg")]).several
    assert find_all([str(folder / "b.png"), str(folder / "a.jpg")]).several


def test_what_is_missing_is_named_and_the_others_are_found(folder):
    empty = folder / "deep" / "empty"
    empty.mkdir()
    arguments = [folder / "none.jpg", folder / "a.jpg", empty, folder / "*.bmp"]
    found = find_all([str(argument) for argument in arguments])
    assert names(found.paths) == ["a.jpg"]
    assert len(found.missing) == 3
    for argument, error in zip([arguments[0], *arguments[2:]], found.missing, strict=True):
        assert str(error).startswith(str(argument))


def plan(sources, out, **options):
    jobs, errors = plan_outputs([Path(source) for source in sources], str(out), **options)
    return [str(job.output) for job in jobs], errors


@pytest.mark.parametrize(
    ("out", "suffix", "expected"),
    [
        ("out.jpg", None, "out.jpg"),
        ("out.jpg", ".png", "out.jpg"),  # a name that was given is kept
        ("out", None, "out.webp"),
        ("out", ".png", "out.png"),
        ("out/", None, "out/me.webp"),
        ("out/", ".png", "out/me.png"),
    ],
)
def test_one_input_becomes_out(out, suffix, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a folder `out` of the checkout (make demo's) would change it
    outputs, errors = plan(["a/me.webp"], out, several=False, suffix=suffix)
    assert outputs == [str(Path(expected))] and not errors


def test_several_inputs_keep_their_stems_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outputs, errors = plan(["a/x.jpg", "b/y.v2.png", "z.gif"], "out", several=True)
    # GIF is read and not written
    assert outputs == [str(Path("out", name)) for name in ("x.jpg", "y.v2.png", "z.png")]
    assert not errors


def test_an_existing_folder_is_written_into(tmp_path):
    outputs, _ = plan(["me.jpg"], tmp_path, several=False)
    assert outputs == [str(tmp_path / "me.jpg")]


def test_two_inputs_never_share_an_output():
    outputs, errors = plan(["a/1.jpg", "b/1.jpg", "b/2.jpg"], "out", several=True)
    assert outputs == [str(Path("out/1.jpg")), str(Path("out/2.jpg"))]
    assert len(errors) == 1 and str(errors[0]).startswith(str(Path("b/1.jpg")))


def test_no_input_is_overwritten(folder):
    outputs, errors = plan([folder / "a.jpg"], folder / "a.jpg", several=False)
    assert not outputs and "overwrite" in str(errors[0])
    # nor the input of another: a.jpg would become a.png
    sources = [folder / "b.png", folder / "b.jpg"]
    outputs, errors = plan(sources, folder, several=True, suffix=".png")
    assert not outputs and len(errors) == 2


def test_several_inputs_need_a_folder(folder):
    with pytest.raises(IstrcError, match="need a folder"):
        plan(["x.jpg", "y.jpg"], folder / "a.jpg", several=True)
    with pytest.raises(IstrcError, match="need a folder"):
        plan(["x.jpg", "y.jpg"], folder / "new.png", several=True)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "z.txt"
    write_lines(path, ["old"])
    with pytest.raises(RuntimeError), whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old\n"
    assert names(tmp_path.iterdir()) == ["z.txt"]


def test_the_temporary_file_ends_like_the_real_one(tmp_path):
    with whole(tmp_path / "new" / "z.npy") as temporary:
        assert temporary.suffix == ".npy" and temporary.parent.is_dir()
        np.save(temporary, np.zeros(3))
    assert np.load(tmp_path / "new" / "z.npy").shape == (3,)


def test_links_that_lead_round_stop_nothing(folder):
    loop = folder / "loop.png"
    loop.symlink_to(loop)
    outputs, errors = plan([loop, folder / "a.jpg"], folder / "out", several=True)
    assert len(outputs) == 2 and not errors
    assert plan([folder / "a.jpg"], loop, several=False)[0]


@pytest.mark.parametrize("out", ["", "-", "/dev/null"])
def test_out_is_a_file_or_a_folder(out):
    with pytest.raises(IstrcError, match=f"^-o {out}: is no file|^-o: is empty"):
        plan_outputs([Path("a.jpg")], out, several=False)
