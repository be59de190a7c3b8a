"""A folder of every kind of picture, on the toy circle: bad ones, resumed, in two processes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import ExifTags, Image
from tests.photo.packets import source_type_of

from istrc.photo.read import read_picture
from istrc.photo.xmp import COMPOSITE, GENERATED


@pytest.fixture
def run(istrc, toy_model):
    def with_model(command, *arguments):
        return istrc(command, *arguments, "--aligned", "--model", toy_model)

    return with_model


def made_by_model(path):
    return source_type_of(read_picture(path).xmp)


def test_every_bad_input_is_one_line_and_the_others_are_done(run, faces, tmp_path):
    folder, out = tmp_path / "mixed", tmp_path / "out"
    folder.mkdir()
    good = Image.open(faces / "a.png").convert("RGB")
    good.save(folder / "good.png")
    data = (faces / "b.jpg").read_bytes()
    bad = {
        "cut.jpg": data[: len(data) // 2],
        "empty.png": b"",
        "text.webp": b"hello",
        "huge.ppm": b"P6 60000 60000 255\n",
        "phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64),
        "odd.png": None,
    }
    for name, content in bad.items():
        if content is not None:
            (folder / name).write_bytes(content)
    good.resize((100, 60)).save(folder / "odd.png")  # not an aligned picture
    good.save(folder / "film.gif", save_all=True, append_images=[good.rotate(5)])
    good.save(folder / "pages.tif", save_all=True, append_images=[good.rotate(5)])
    grey = np.asarray(good.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(folder / "scan16.tif")
    good.convert("CMYK").save(folder / "print.jpg")
    table = tmp_path / "report.csv"
    result = run("edit", folder, "-a", "smile", "-o", out, "--report", table)
    assert result.exit_code == 1
    done = {"film.png", "good.png", "pages.tif", "print.jpg", "scan16.tif"}
    assert {path.name for path in out.iterdir()} == {*done, ".istrc.jsonl"}
    for name in bad:
        [line] = [line for line in result.lines if f"{name}: " in line]
        assert line.startswith("istrc edit: ") and ";" in line
    assert sum("only the first is used" in line for line in result.lines) == 2
    with open(table, newline="") as file:
        rows = {os.path.basename(row["input"]): row for row in csv.DictReader(file)}
    assert len(rows) == 11 and {name for name, row in rows.items() if row["error"]} == set(bad)


def test_a_second_run_does_only_what_is_missing(run, faces, tmp_path):
    out = tmp_path / "out"
    arguments = ["edit", faces, "-a", "smile", "-o", out, "--json"]
    first = run(*arguments).json()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.*g")}
    (out / "a.png").unlink()
    again = run(*arguments)
    assert again.exit_code == 0 and "2 of 3" in again.err
    told = again.json()["results"]
    assert [one.get("already", False) for one in told] == [False, True, True]
    for one, other in zip(first["results"], told, strict=True):
        for key in ("input", "output", "faces", "edited", "angle"):
            assert one[key] == other[key]
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("*.*g")}
    assert after["b.jpg"] == before["b.jpg"]
    for other in (["-a", "smile=0.5"], ["-a", "smile", "--no-provenance"], ["-a", "beard"]):
        assert "done already" not in run("edit", faces, *other, "-o", out).err
    assert "done already" in run("edit", faces, "-a", "beard", "-o", out).err
    assert "done already" not in run("edit", faces, "-a", "beard", "-o", out, "--again").err
    assert "done already" not in run("reconstruct", faces, "-o", out).err


def test_two_processes_make_what_one_makes(run, faces, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "edcba":
        (folder / f"{name}.png").write_bytes((faces / "a.png").read_bytes())
    (folder / "c.png").write_bytes(b"no picture")
    values = {}
    for jobs in (1, 2):
        result = run(
            "edit", folder, "-a", "smile", "-o", tmp_path / str(jobs), "--jobs", jobs, "--json"
        )
        assert result.exit_code == 1 and len(result.lines) == 1
        values[jobs] = result.json()
    names = [os.path.basename(one["input"]) for one in values[2]["results"]]
    assert names == ["a.png", "b.png", "d.png", "e.png"]
    for name in names:
        one, two = (np.asarray(Image.open(tmp_path / str(jobs) / name)) for jobs in (1, 2))
        assert np.abs(one.astype(int) - two).max() <= 1


@pytest.mark.parametrize(
    "command", [["edit", "-a", "smile", "-a", "beard=-1"], ["reconstruct", "--mode", "anchored"]]
)
def test_a_folder_is_drawn_as_each_of_its_pictures_is(run, faces, tmp_path, command):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(11):  # more than are drawn together
        image = Image.open(sorted(faces.iterdir())[number % 3]).convert("RGB")
        image.point(lambda v, darker=number: max(v - 9 * darker, 0)).save(folder / f"{number}.png")
    (folder / "4.png").write_bytes(b"no picture")
    command, *options = command
    result = run(command, folder, *options, "-o", tmp_path / "all", "--json")
    assert result.exit_code == 1
    for one in result.json()["results"]:
        alone = tmp_path / f"alone-{os.path.basename(one['output'])}"
        [told] = run(command, one["input"], *options, "-o", alone, "--json").json()["results"]
        assert told["faces"] == one["faces"] and told.get("edited") == one.get("edited")
        assert told.get("angle", 0) == pytest.approx(one.get("angle", 0), abs=2e-4)
        both = [np.asarray(Image.open(path)).astype(int) for path in (one["output"], alone)]
        assert np.abs(both[0] - both[1]).max() <= 1


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    "command", [["edit", "-a", "smile", "-a", "young=-1"], ["reconstruct", "--crop"]]
)
def test_what_goes_on_ends_with_the_same_bytes(istrc, faces, tmp_path, command, processes):
    from istrc.circle import Circle
    from istrc.health import drawn

    folder, out, circle = tmp_path / "in", tmp_path / "out", Circle.from_pretrained(runtime="onnx")
    folder.mkdir()
    for number in range(10):  # of which eight are drawn together, or five in either process
        Image.fromarray(drawn(circle, number)).save(folder / f"{number:02d}.png")
    (folder / "02.png").write_bytes(b"no picture")
    words = [command[0], folder, "--aligned", *command[1:], "--jobs", processes]
    assert istrc(*words, "-o", out).exit_code == 1

    def made():
        return {path.name: path.read_bytes() for path in out.glob("*.png")}

    whole = made()
    # All but one of either group; one of one group, of which another is done
    for gone in ({*whole} - {"03.png", "08.png"}, {"07.png"}):
        for name in gone:
            (out / name).unlink()
        before = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
        said = istrc(*words, "-o", out)
        assert said.exit_code == 1 and f"{9 - len(gone)} of 10 were done already" in said.err
        assert made() == whole
        assert before == {path: path.stat().st_mtime_ns for path in before}


def test_two_processes_embed_what_one_embeds(istrc, onnx_model, faces, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    inputs = [faces / "c.webp", tmp_path / "bad.png", faces]
    for jobs in (1, 2):
        words = ("--aligned", "--model", onnx_model, "--jobs", jobs, "--json")
        result = istrc("embed", *inputs, "-o", tmp_path / f"{jobs}.npy", *words)
        assert result.exit_code == 1 and len(result.lines) == 1 and "bad.png" in result.lines[0]
        told = [(os.path.basename(one["input"]), one["row"]) for one in result.json()["results"]]
        assert told == [("c.webp", 0), ("a.png", 1), ("b.jpg", 2), ("c.webp", 3)]
    one, two = (np.load(tmp_path / f"{jobs}.npy", allow_pickle=False) for jobs in (1, 2))
    np.testing.assert_allclose(one, two, atol=1e-5)
    np.testing.assert_array_equal(two[0], two[3])
    assert (tmp_path / "1.txt").read_text() == (tmp_path / "2.txt").read_text()


def test_ctrl_c_of_the_whole_group_stops_two_processes_cleanly(faces, onnx_model, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number in range(2000):
        os.link(faces / "a.png", folder / f"{number:04d}.png")
    table = tmp_path / "report.json"
    command = ["edit", folder, "--aligned", "-a", "smile", "-o", out, "--model", onnx_model]
    process = subprocess.Popen(
        [sys.executable, "-m", "istrc", *map(str, command), "--jobs", "2", "--report", str(table)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 300
    while len(list(out.glob("0*.png"))) < 3 and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130 and error.splitlines()[-1] == "istrc: stopped"
    assert "Traceback" not in error
    left = [path.name for path in out.iterdir()]
    assert all(name == ".istrc.jsonl" or name[0] == "0" for name in left)  # no partial file
    rows = json.loads(table.read_text())
    done = [row for row in rows if row["error"] is None]
    assert len(rows) == 2000 and len(done) == len(left) - 1 < 2000
    for row in done:
        assert read_picture(row["output"]).pixels.shape == (218, 178, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_an_edited_photograph_says_so_and_not_where_it_was_taken(run, faces, tmp_path, suffix):
    source = tmp_path / f"me{suffix}"
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "A. Person"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    Image.open(faces / "a.png").convert("RGB").save(source, exif=exif.tobytes())
    told = {}
    for name, options in {
        "plain": [],
        "place": ["--keep-location"],
        "silent": ["--no-provenance"],
    }.items():
        out = tmp_path / f"{name}{suffix}"
        assert run("edit", source, "-a", "smile", "-o", out, *options).exit_code == 0
        with Image.open(out) as image:
            place = image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
            software = image.getexif().get(ExifTags.Base.Software, "")
            assert image.getexif()[ExifTags.Base.Artist] == "A. Person"
        told[name] = (made_by_model(out), software[:5], bool(place))
    assert told == {
        "plain": (COMPOSITE, "istrc", False),
        "place": (COMPOSITE, "istrc", True),
        "silent": (None, "", False),
    }


def test_an_edit_that_changes_nothing_says_nothing(run, faces, tmp_path):
    out = tmp_path / "out.png"
    assert run("edit", faces / "a.png", "-a", "smile=0", "-o", out).exit_code == 0
    assert np.array_equal(read_picture(out).pixels, read_picture(faces / "a.png").pixels)
    assert made_by_model(out) is None


def test_all_commands_that_draw_faces_say_so(run, istrc, toy_model, faces, tmp_path):
    one, two = faces / "a.png", faces / "b.jpg"
    commands = {
        "crop": ["edit", one, "-a", "smile", "--crop"],
        "walk": ["walk", one, "-a", "smile", "--frames", 3],
        "rebuilt": ["reconstruct", one],
        "blend": ["blend", one, two, "--frames", 3],
        "average": ["average", one, two],
        "onto": ["arithmetic", "A + B", "--let", f"A={one}", "--let", f"B={two}", "--onto", one],
        "vary": ["vary", one, "--count", 3],
        "sum": ["arithmetic", "A + B", "--let", f"A={one}", "--let", f"B={two}"],
    }
    for name, command in commands.items():
        out = tmp_path / f"{name}.png"
        assert run(*command, "-o", out).exit_code == 0
        assert made_by_model(out) == (GENERATED if name == "sum" else COMPOSITE), name
        assert run(*command, "-o", out, "--no-provenance").exit_code == 0
        assert made_by_model(out) is None, name
    np.save(tmp_path / "z.npy", np.eye(8)[0])
    out = tmp_path / "decoded.png"
    assert istrc("decode", tmp_path / "z.npy", "-o", out, "--model", toy_model).exit_code == 0
    assert made_by_model(out) == GENERATED


@pytest.mark.parametrize("name", ["report.txt", "a-folder", ""])
def test_where_a_report_cannot_go_is_said_before_the_work(run, faces, tmp_path, name):
    (tmp_path / "a-folder").mkdir()
    out = tmp_path / "out.png"
    result = run("edit", faces / "a.png", "-a", "smile", "-o", out, "--report", tmp_path / name)
    assert result.exit_code == 1 and len(result.lines) == 1 and "--report" in result.err
    assert not out.exists()


def test_embed_reports_its_rows(run, faces, tmp_path):
    table = tmp_path / "report.json"
    missing = tmp_path / "gone.jpg"
    result = run("embed", faces, missing, "-o", tmp_path / "z.npy", "--report", table)
    assert result.exit_code == 1
    rows = json.loads(table.read_text())
    assert [row.get("row") for row in rows] == [None, 0, 1, 2]
    assert rows[0]["input"] == str(missing) and "no such file" in rows[0]["error"]
