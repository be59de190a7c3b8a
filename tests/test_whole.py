"""Names of files that are not whole yet, and links as outputs."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import istrc
from istrc.errors import InputError
from istrc.photo.write import write_picture
from istrc.whole import (
    ABANDONED,
    beside,
    checksum,
    clear,
    contents,
    orphans,
    own,
    read_json,
    resolved,
    whole,
    write_json,
    write_whole,
)

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
    assert temporary.name.endswith(f".partial{ending}") and len(temporary.name) < 48
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


@pytest.mark.parametrize("write", [picture, text])
def test_a_file_that_is_write_protected_is_refused_and_stays(tmp_path, write, monkeypatch):
    path = tmp_path / "kept.png"
    write(path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "access", lambda file, mode: Path(file) != path)  # as root may anything
    with pytest.raises(InputError, match="kept.png: is write-protected"):
        write(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["kept.png"]


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(OSError) as error:
        write_whole(tmp_path / "taken.png", b"x")
    assert error.value.filename == str(tmp_path / "taken.png") and not error.value.filename2


BEGUN = """
import sys
import time
from pathlib import Path
from istrc.whole import beside

temporary, _ = beside(sys.argv[1])
temporary.write_text("half")
print(temporary.name, flush=True)
sys.stdin.read()
"""


def begun(path):
    """A process that writes `path`, and the name it writes it under."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGUN, path],
        env={**os.environ, "PYTHONPATH": str(Path(istrc.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip()


@pytest.mark.skipif(os.name == "nt", reason="there only a file's age is asked")
@pytest.mark.parametrize("write", [picture, text])
def test_what_a_killed_process_left_is_deleted_and_what_another_writes_is_not(tmp_path, write):
    (killed, left), (writing, its) = (begun(tmp_path / name) for name in ("a.png", "b.png"))
    killed.kill()
    killed.communicate()
    assert sorted(os.listdir(tmp_path)) == sorted([left, its])
    try:
        write(tmp_path / "c.png")
        assert sorted(os.listdir(tmp_path)) == sorted([its, "c.png"])
    finally:
        writing.kill()
        writing.communicate()
    write(tmp_path / "c.png")  # a process looks once
    assert its in os.listdir(tmp_path)


def test_what_a_process_left_that_cannot_be_seen_is_deleted_when_it_is_old(tmp_path):
    names = {
        "of another machine": f".istrc-{'0' * 8}-{os.getpid():x}-{'a' * 8}.partial.png",
        "whose number another has": beside(tmp_path / "x" / "a.png")[0].name,
        "by an earlier version": f".istrc-{'b' * 16}.partial.npy",
        "not ours": ".istrc-notes.partial.txt",
    }
    for age, kept in ((ABANDONED - 60, {*names}), (ABANDONED + 60, {"not ours"})):
        for name in names.values():
            (tmp_path / name).write_text("half")
            then = (tmp_path / name).stat().st_mtime - age
            os.utime(tmp_path / name, (then, then))
        clear.cache_clear()
        clear(tmp_path)
        assert {*os.listdir(tmp_path)} == {names[one] for one in kept}


@pytest.mark.skipif(os.name == "nt", reason="there only a folder's age is asked")
def test_the_folder_of_a_process_that_lives_is_no_orphan_however_old(tmp_path):
    killed, its = begun(tmp_path / "a.png")
    killed.kill()
    killed.communicate()
    names = {
        "killed": "kept-" + its.removeprefix(".istrc-").removesuffix(".partial.png") + "-x",
        "mine": f"kept-{own()}-x",
        "of another machine": f"kept-{'0' * 8}-{os.getpid():x}-{'a' * 8}",
        "not ours": "kept-notes",
    }
    for age, found in (
        (ABANDONED - 60, {"killed"}),
        (ABANDONED + 60, {"killed", "of another machine"}),
    ):
        for name in names.values():
            (tmp_path / name).mkdir(exist_ok=True)
            then = time.time() - age
            os.utime(tmp_path / name, (then, then))
        assert {one.name for one in orphans(tmp_path, "kept-")} == {names[one] for one in found}


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


def test_a_path_that_leads_round_is_resolved(tmp_path):
    loop, link, file = (tmp_path / name for name in ("loop", "link", "file"))
    loop.symlink_to(loop)
    link.symlink_to(file)
    assert resolved(link) == resolved(file) == resolved(tmp_path / "." / "file")
    assert resolved(loop).name == "loop"
