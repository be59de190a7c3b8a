"""`istrc film` as scripts see it: one object, one line an error, nothing half written."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

av = pytest.importorskip("av", reason="films need PyAV: pip install 'istrc[film]'")

NOISE = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Ten frames of 96x64 in which something coarse moves, without sound."""
    path = tmp_path_factory.mktemp("films") / "clip.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=10, options={"crf": "12", "threads": "1"})
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        for i in range(10):
            picture = np.roll(np.kron(NOISE[:8], np.ones((8, 8, 1), np.uint8)), i, 1)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(video.encode())
    return path


@pytest.fixture
def two_faces(monkeypatch):
    """The detector sees two faces, always where they were."""
    from istrc.film import follow
    from istrc.photo.align import find_frame
    from istrc.photo.detect import Box
    from istrc.photo.find import Found

    def glance(pixels, side=0, turn=0):
        if pixels.shape[:2] in ((64, 96), (65, 97)):
            return [Box(40, 30, 40, 1.0), Box(78, 32, 24, 1.0)]
        height, width = pixels.shape[:2]
        return [Box(width / 2, height / 2, 40, 1.0)]

    def believed(pixels, boxes, aligner):
        return [Found(find_frame(pixels, box, aligner), box.score, box) for box in boxes]

    monkeypatch.setattr(follow, "glance", glance)
    monkeypatch.setattr(follow, "believed", believed)


def test_one_object_and_a_film(istrc, toy_model, clip, two_faces, tmp_path):
    out = tmp_path / "new" / "out.mp4"
    result = istrc(
        "film", clip, "-a", "smile=+1,beard=-1", "--keep", "male", "-o", out, "--model", toy_model,
        "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    told = result.json()
    assert told["ok"] and told["edits"] == {"smile": 1.0, "beard": -1.0} and told["smooth"] == 0.3
    [film] = told["results"]
    assert film["input"] == str(clip) and film["output"] == str(out)
    assert (film["frames"], film["faces"], film["fps"], film["size"]) == (10, 10, 10, [96, 64])
    assert set(film["flicker"]) == {"edited", "original", "added", "ratio"}
    assert film["sound"] == "none" and film["seconds"] >= 0
    assert [path.name for path in out.parent.iterdir()] == ["out.mp4"]
    assert result.lines == [f"{clip}: 2 faces found, the largest followed; --face K chooses"]


def test_what_is_lost_is_said_before_the_work_a_line_each(
    istrc, toy_model, two_faces, tmp_path, monkeypatch
):
    from istrc.film import edit

    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as out:
        video = out.add_stream("ffv1", rate=10)
        video.width, video.height, video.pix_fmt = 97, 65, "yuva444p10le"
        for i in range(3):
            picture = np.full((65, 97, 3), 90 + i, np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(video.encode())
    arguments = ["film", source, "-a", "smile", "--face", "1", "--model", toy_model]
    lost = [
        "its transparency is left out",
        "its colours are written at half the resolution (4:2:0)",
    ]
    odd = (
        "its 97x65 pixels are written without the last column and row, as sizes must be even; end "
        "OUT in .webm to keep all"
    )
    result = istrc(*arguments, "-o", tmp_path / "out.mp4", "--json")
    assert result.exit_code == 0, result.err
    [film] = result.json()["results"]
    assert film["losses"] == [*lost, odd] and film["size"] == [96, 64]
    assert result.lines == [f"{source}: {line}" for line in film["losses"]]
    # Where nobody ever comes to the end, too
    monkeypatch.setattr(edit, "make_plan", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        istrc(*arguments, "-o", tmp_path / "out.webm")
    seen = []
    with pytest.raises(ZeroDivisionError):
        edit.edit_film(None, source, tmp_path / "out.webm", {"smile": 1.0}, tell=seen.append)
    assert seen == lost


def test_names_as_long_as_they_can_be(istrc, toy_model, clip, two_faces, tmp_path):
    arguments = ["-a", "smile", "--model", toy_model, "--face", "1"]
    long = tmp_path / ("L" * 251 + ".mp4")
    long.write_bytes(clip.read_bytes())
    result = istrc("film", long, *arguments, "-o", f"{tmp_path}/films/")
    assert result.exit_code == 0, result.err
    assert [path.name for path in (tmp_path / "films").iterdir()] == [long.name]
    # An ending that is longer makes a name that no file can have
    short = tmp_path / ("L" * 252 + ".ts")
    short.write_bytes(clip.read_bytes())
    result = istrc("film", short, *arguments, "-o", f"{tmp_path}/films/")
    assert result.exit_code == 1 and len(result.lines) == 1
    assert result.lines[0].endswith("L.mp4: file name too long; give another name")


def test_a_folder_takes_the_film_under_its_own_name(istrc, toy_model, clip, two_faces, tmp_path):
    arguments = ["-a", "smile", "--model", toy_model, "--mode", "circle", "--face", "1"]
    result = istrc("film", clip, *arguments, "-o", f"{tmp_path}/films/")
    assert result.exit_code == 0 and result.out == ""
    assert (tmp_path / "films" / "clip.mp4").exists()
    [line] = result.lines
    assert line.startswith(f"{clip} -> ") and "face in 10 of 10 frames" in line


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["-a", "smile", "--face", "all"], "--face all: film follows one face"),
        (["-a", "smile", "--face", "3"], "--face 3: the first frame with faces has 2 faces"),
        (["-a", "smiles"], "-a smiles: no such attribute; did you mean smile"),
        (["-a", "smile", "--keep", "smile"], "--keep smile: it is also edited"),
        (["-a", "smile", "-o", "out.png"], "out.png: films are written as"),
    ],
)
def test_what_cannot_be_is_one_line(istrc, toy_model, clip, two_faces, tmp_path, given, message):
    out = [] if "-o" in given else ["-o", tmp_path / "out.mp4"]
    result = istrc("film", clip, *given, *out, "--model", toy_model)
    assert result.exit_code == 1 and len(result.lines) == 1
    assert message in result.lines[0] and list(tmp_path.iterdir()) == []


def test_no_film_and_no_face_are_one_line(istrc, toy_model, clip, tmp_path, monkeypatch):
    from istrc.film import follow

    monkeypatch.setattr(follow, "glance", lambda *_: [])
    (tmp_path / "text.mp4").write_text("no film")
    for source, message in (
        (clip, "no face found in any of 10 frames"),
        (tmp_path / "text.mp4", "is no film"),
        (tmp_path / "none.mp4", "no such file"),
    ):
        result = istrc(
            "film", source, "-a", "smile", "-o", tmp_path / "out.mp4", "--model", toy_model,
            "--json",
        )  # fmt: skip
        assert result.exit_code == 1 and len(result.lines) == 1
        told = result.json()
        assert not told["ok"] and not told["results"] and message in told["errors"][0]["message"]
        assert str(source) in result.lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


def test_without_pyav_one_line_says_what_to_install(istrc, toy_model, clip, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    result = istrc("film", clip, "-a", "smile", "-o", tmp_path / "out.mp4", "--model", toy_model)
    assert result.exit_code == 1
    [line] = result.lines
    assert line.startswith("istrc film: ") and line.endswith("pip install 'istrc[film]'")


# So slow that the signal comes while the film is written
STOPPED = """
import sys
from istrc.film import edit, follow, render
from istrc.photo.align import find_frame
from istrc.photo.detect import Box
from istrc.photo.find import Found
def glance(pixels, side=0, turn=0):
    y, x = pixels.shape[0] / 2, pixels.shape[1] / 2
    return [Box(x, y, 40, 1.0)]
follow.glance = glance
follow.believed = lambda pixels, boxes, aligner: [
    Found(find_frame(pixels, box, aligner), box.score, box) for box in boxes
]
real = edit.rendered
def slow(*given):
    import time
    for item in real(*given):
        print("frame", flush=True)
        time.sleep(0.5)
        yield item
edit.rendered = slow
from istrc.cli import main
sys.argv = ["istrc", *sys.argv[1:]]
main()
"""


def test_ctrl_c_leaves_nothing(toy_model, clip, tmp_path):
    out = tmp_path / "out.mp4"
    arguments = ["film", str(clip), "-a", "smile", "-o", str(out), "--model", toy_model]
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "frame\n", process.stderr.read()
    assert len(list(tmp_path.iterdir())) == 1
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode != 0 and "Traceback" not in error
    assert list(tmp_path.iterdir()) == []
