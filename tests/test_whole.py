"""Names of files that are not whole yet, and links as outputs."""

import hashlib
import json
import os

import numpy as np
import pytest

from istrc.errors import InputError
from istrc.photo.write import write_picture
from istrc.whole import beside, checksum, contents, read_json, whole, write_json

LONGEST = 249  # bytes of a name, under the 255 of most file systems


def linked(link, target):
    try:
        link.symlink_to(target)
    except (OSError, NotImplementedError):
        pytest.skip("no links here")
    return link


def picture(path):
    write_picture(None, np.zeros((20, 20, 3), np.uint8), path)


def text(path):
    with whole(path) as temporary:
        temporary.write_text("new")


@pytest.mark.parametrize("write", [picture, text, lambda path: write_json(path, {})])
@pytest.mark.parametrize("longest", [LONGEST, 255])
def test_names_as_long_as_they_may_be(tmp_path, write, longest):
    path = tmp_path / ("L" * (longest - 4) + ".png")
    write(path)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", [".mp4", ".npy", ".png", ""])
def test_the_name_in_between_is_beside_it_hidden_short_and_ends_the_same(tmp_path, ending):
    temporary, target = beside(tmp_path / ("L" * 200 + ending))
    assert temporary.parent == target.parent and temporary.name.startswith(".istrc-")
    assert temporary.name.endswith(f".partial{ending}") and len(temporary.name) < 40
    assert beside(target) != (temporary, target)  # another each time


@pytest.mark.parametrize("write", [picture, text])
def test_a_link_s_target_is_written_and_the_link_stays(tmp_path, write):
    (tmp_path / "there").mkdir()
    link = linked(tmp_path / "o.png", tmp_path / "there" / "real.png")
    write(link)
    assert link.is_symlink() and os.listdir(tmp_path / "there") == ["real.png"]


@pytest.mark.parametrize("write", [picture, text])
def test_a_link_that_leads_nowhere_names_its_target(tmp_path, write):
    target = tmp_path / "gone" / "real.png"
    link = linked(tmp_path / "o.png", target)
    with pytest.raises(InputError) as error:
        write(link)
    assert str(error.value).startswith(f"{link}: a link to {target}, ")
    assert os.listdir(tmp_path) == ["o.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("write", [picture, text])
@pytest.mark.parametrize("linking", [False, True])
def test_a_pipe_or_a_device_is_refused_and_stays(tmp_path, write, linking):
    os.mkfifo(tmp_path / "pipe.png")
    path = tmp_path / "pipe.png"
    if linking:
        path = linked(tmp_path / "o.png", path)
    with pytest.raises(InputError, match="a pipe or a device"):
        write(path)
    assert (tmp_path / "pipe.png").is_fifo()
    with pytest.raises(InputError, match=f"{os.devnull}: a pipe or a device"):
        beside(os.devnull)


def test_json_is_never_half_written(tmp_path):
    write_json(tmp_path / "a.json", {"x": [1, 2]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [1, 2]}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_json_that_nests_without_end_is_damaged_and_no_crash(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="^nested too deeply$"):
        read_json(path)


def test_what_a_killed_process_left_is_written_over(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole(tmp_path / "a.npy", alone=True) as temporary:
        temporary.write_text("half")
        left = temporary
        raise KeyboardInterrupt
    left.write_text("of one killed")
    with whole(tmp_path / "a.npy", alone=True) as temporary:
        assert temporary == left
        temporary.write_text("all")
    assert os.listdir(tmp_path) == ["a.npy"] and (tmp_path / "a.npy").read_text() == "all"


def test_the_checksum_is_of_all_bytes_in_order(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * (1 << 20) + b"y")
    (tmp_path / "b").write_bytes(b"z")
    told = hashlib.sha256(b"x" * (1 << 20) + b"yz").hexdigest()
    assert checksum(tmp_path / "a", tmp_path / "b") == told


def test_what_never_ends_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        for read in (read_json, checksum):
            with pytest.raises(OSError, match="not a regular file"):
                read(path)
    (tmp_path / "long").write_bytes(bytes(1001))
    assert contents(tmp_path / "long", 1001) == bytes(1001)
    with pytest.raises(OSError, match="over 0 MB"):
        contents(tmp_path / "long", 1000)
