"""Where nothing can be written: one line, a failure, and what was there before is kept."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts and limits are Linux's")
SMALL = 256 * 1024  # bytes


@pytest.fixture
def small_disk(tmp_path):
    """A file system of `SMALL` bytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def read_only(small_disk):
    """It, made read-only with `kept.png` and `kept.npy` in it by calling what this returns."""

    def close():
        options = ["mount", "-o", "remount,ro", str(small_disk)]
        subprocess.run(options, check=True, capture_output=True)
        return small_disk

    return close


def fill(disk):
    """Leave a few bytes of room."""
    with open(disk / "ballast", "wb", buffering=0) as file, pytest.raises(OSError):
        while file.write(b"x" * 4096):
            pass


def one_line(result, *words):
    assert result.exit_code == 1 and len(result.lines) == 1, result.err
    assert all(word in result.lines[0] for word in words), result.err


def test_an_edit_to_a_full_disk(istrc, toy_model, faces, small_disk):
    out = small_disk / "kept.png"
    Image.new("RGB", (8, 8)).save(out)
    before = out.read_bytes()
    fill(small_disk)
    edit = ["edit", faces / "a.png", "--aligned", "--model", toy_model, "-a", "smile=+1", "-o", out]
    one_line(istrc(*edit), str(out), "the disk is full", "make room")
    assert out.read_bytes() == before
    assert sorted(os.listdir(small_disk)) == ["ballast", "kept.png"]


def test_embeddings_to_a_full_disk(istrc, toy_model, faces, small_disk):
    out = small_disk / "z.npy"
    np.save(out, np.ones(3))
    before = out.read_bytes()
    fill(small_disk)
    result = istrc("embed", faces, "--aligned", "--model", toy_model, "-o", out)
    one_line(result, str(out), "the disk is full", "make room")
    assert out.read_bytes() == before
    assert sorted(os.listdir(small_disk)) == ["ballast", "z.npy"]


def test_prepare_to_a_full_disk_goes_on_when_there_is_room(istrc, tmp_path, small_disk):
    source, out = tmp_path / "source", small_disk / "prepared"
    source.mkdir()
    rng = np.random.default_rng(0)
    for k in range(40):  # 123 kB once prepared, and as much while it is
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(source / f"{k}.png")
    lines = ["file,smile", *(f"{k}.png,{k % 2}" for k in range(40))]
    (source / "labels.csv").write_text("\n".join(lines) + "\n")
    (small_disk / "ballast").write_bytes(bytes(SMALL // 8))
    command = ["prepare", source, out, "--size", 32, "--workers", 1]
    one_line(istrc(*command), f"{out}: the disk is full; make room and run again to go on")
    assert not (out / "prepared.json").exists() and not (out / "images.npy").exists()
    # Where there is room it goes on: the pictures may be gone meanwhile
    shutil.copytree(out / ".parts", tmp_path / "whole" / ".parts")
    for picture in source.glob("*.png"):
        picture.unlink()
    result = istrc("prepare", source, tmp_path / "whole", "--size", 32, "--workers", 1)
    assert result.exit_code == 0, result.err
    assert len(np.load(tmp_path / "whole" / "images.npy")) == 40


def test_read_only_folders(istrc, toy_model, faces, small_disk, read_only):
    kept = small_disk / "kept.png"
    Image.new("RGB", (8, 8)).save(kept)
    before, folder = kept.read_bytes(), read_only()
    common = [faces / "a.png", "--aligned", "--model", toy_model]
    for command in (
        ["edit", *common, "-a", "smile=+1", "-o", kept],
        ["edit", *common, "-a", "smile=+1", "-o", folder / "new" / "a.png"],
        ["reconstruct", *common, "-o", kept],
        ["embed", *common, "-o", folder / "z.npy"],
    ):
        result = istrc(*command)
        assert result.exit_code == 1, command
        assert "read-only file system" in result.lines[-1].lower(), result.err
        assert str(folder) in result.lines[-1], result.err
    assert kept.read_bytes() == before and os.listdir(folder) == ["kept.png"]


def test_a_file_larger_than_may_be_written(istrc, toy_model, faces, tmp_path):
    import resource

    out = tmp_path / "kept.png"
    Image.new("RGB", (8, 8)).save(out)
    before, limits = out.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    edit = ["edit", faces / "a.png", "--aligned", "--model", toy_model, "-a", "smile=+1", "-o", out]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        result = istrc(*edit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    one_line(result, str(out), "File too large")
    assert out.read_bytes() == before and os.listdir(tmp_path) == ["kept.png"]


# Every further command that writes, and what OUT is called in it
WRITING = {
    "walk": (["walk", "A", "--aligned", "-a", "smile", "-o", "OUT"], "w.png"),
    "reconstruct": (["reconstruct", "A", "--aligned", "-o", "OUT"], "r.png"),
    "decode": (["decode", "Z", "-o", "OUT"], "decoded"),
    "blend": (["blend", "A", "B", "--aligned", "-o", "OUT"], "b.png"),
    "blend to frames": (["blend", "A", "B", "--aligned", "-o", "OUT"], "frames/"),
    "average": (["average", "A", "B", "--aligned", "-o", "OUT"], "a.png"),
    "arithmetic": (["arithmetic", "'A' + 'B'", "--aligned", "-o", "OUT"], "s.png"),
    "vary": (["vary", "A", "--aligned", "--count", "3", "-o", "OUT"], "v.png"),
    "edit to a folder": (["edit", "A", "B", "--aligned", "-a", "smile=+1", "-o", "OUT"], "out"),
    "export recogniser": (["export", "recogniser", "-o", "OUT"], "e.onnx"),
    "export circle": (["export", "circle", "-o", "OUT"], "exported"),
}


@pytest.fixture
def written(istrc, toy_model, faces, tmp_path):
    """Runs one of `WRITING` into a folder."""
    np.save(tmp_path / "z.npy", np.eye(3, 8, dtype=np.float32))

    def run(name, folder):
        words, out = WRITING[name]
        known = {"A": faces / "a.png", "B": faces / "b.jpg", "Z": tmp_path / "z.npy"}
        known |= {"OUT": f"{folder}/{out}", "'A' + 'B'": f"'{known['A']}' + '{known['B']}'"}
        return istrc(*(known.get(word, word) for word in words), "--model", toy_model)

    return run


@pytest.mark.parametrize("name", WRITING)
def test_every_command_on_a_full_and_on_a_read_only_disk(written, small_disk, read_only, name):
    fill(small_disk)
    full = written(name, small_disk)
    left = [path for path in small_disk.rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["ballast"], full.err
    assert full.exit_code == 1 and len(full.lines) >= 1
    assert "the disk is full" in full.err, full.err
    read_only()
    closed = written(name, small_disk)
    assert closed.exit_code == 1 and "read-only file system" in closed.err.lower(), closed.err
