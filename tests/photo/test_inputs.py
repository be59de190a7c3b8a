"""The pictures that INPUTs lead to."""

import os

import numpy as np
import pytest
from PIL import Image

from istrc.errors import InputError
from istrc.photo.inputs import find_inputs
from istrc.photo.read import read_picture


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.JPG", "c.webp", "notes.txt", ".hidden.png", "sub/d.png", "sub/e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def names(paths) -> list[str]:
    return [path.name for path in paths]


def test_an_input_is_a_file_a_folder_or_a_glob(folder):
    assert names(find_inputs(folder)) == ["a.JPG", "b.png", "c.webp"]  # flat, sorted
    assert names(find_inputs(str(folder / "*.png"))) == ["b.png"]
    assert names(find_inputs(folder / "[bc].*")) == ["b.png", "c.webp"]
    assert names(find_inputs(folder / "**" / "*.png")) == ["b.png", "d.png", "e.png"]
    assert names(find_inputs(folder / "sub")) == ["d.png", "e.png"]
    assert names(find_inputs(folder / "notes.txt")) == ["notes.txt"]


def test_a_name_with_brackets_is_a_name_first(folder):
    (folder / "me [1].png").write_bytes(b"x")
    assert names(find_inputs(folder / "me [1].png")) == ["me [1].png"]


def test_inputs_that_lead_to_nothing_are_named(folder):
    (folder / "empty").mkdir()
    for pattern, words in (
        (folder / "empty", "no pictures in this folder"),
        (folder / "*.tif", "no pictures match"),
        (folder / "gone.jpg", "no such file or folder"),
    ):
        with pytest.raises(InputError) as error:
            find_inputs(pattern)
        assert str(error.value).startswith(f"{pattern}: ") and words in str(error.value)


def test_what_is_called_a_picture_and_cannot_be_read_is_not_passed_over(folder):
    """Reading names it; of other names it is no picture."""
    try:
        for name in ("d.png", "d.txt"):
            (folder / name).symlink_to(folder / "gone")
    except (OSError, NotImplementedError):
        pytest.skip("no links here")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "p.tif")
    odd = ["d.png", *(["p.tif"] if hasattr(os, "mkfifo") else [])]
    found = find_inputs(folder)
    assert names(found) == ["a.JPG", "b.png", "c.webp", *odd]
    assert names(find_inputs(folder / "d*")) == ["d.png"]
    assert names(find_inputs(folder / "d.txt")) == ["d.txt"]
    with pytest.raises(InputError, match="d.png: a link to .*gone, which is not there"):
        read_picture(folder / "d.png")


def test_a_folder_s_files_are_known_by_what_they_are(tmp_path):
    picture = Image.fromarray(np.zeros((20, 20, 3), np.uint8))
    kinds = {
        "JPEG": "a.jfif b.jpe c.hif d.pjpeg e.jpg_large f",
        "PNG": "g.apng h.jpg",
        "BMP": "i.dib",
        "PPM": "j.pnm",
        "JPEG2000": "k.j2k l.jpx m.jpf",
        "WEBP": "n.image",
        "GIF": "o.GIFF",
    }
    pictures = []
    for kind, called in kinds.items():
        for name in called.split():
            picture.save(tmp_path / name, kind)
            pictures.append(name)
    picture.save(tmp_path / "raw.dng", "TIFF")  # as cameras' raw files are
    others = {
        "notes.txt": b"BMW and other cars",
        "p": b"P6 is a bus",
        "film.mp4": b"\0\0\0\x18ftypisom" + bytes(60),
        "z.pdf": b"%PDF-1.7\n",
        "empty": b"",
    }
    for name, data in others.items():
        (tmp_path / name).write_bytes(data)
    heic = b"\0\0\0\x18ftypheic" + bytes(60)
    (tmp_path / "phone").write_bytes(heic)
    assert names(find_inputs(tmp_path)) == sorted([*pictures, "phone"])
    assert names(find_inputs(tmp_path / "[a-d].*")) == ["a.jfif", "b.jpe", "c.hif", "d.pjpeg"]
