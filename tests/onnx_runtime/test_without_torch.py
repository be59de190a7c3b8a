"""The command line where torch is not installed: what works, and what says that it does not."""

import json

import numpy as np
import pytest
from PIL import Image

from istrc.circle import Circle
from istrc.data.prepared import to_pixels
from istrc.shipped import DEFAULT, WEIGHTS
from istrc.verbs.vary import vary

SHIPPED = WEIGHTS / DEFAULT
needs_weights = pytest.mark.skipif(
    not (SHIPPED / "landmarks").exists(), reason="the weights of celeba128 are not trained yet"
)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("aligned"), np.random.default_rng(0)
    paths = [folder / f"{name}.png" for name in "abc"]
    for path in paths:
        coarse = rng.integers(0, 256, (7, 6, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((178, 218), Image.Resampling.BICUBIC).save(path)
    return paths


@pytest.fixture(scope="module")
def aligned(faces):
    return faces[0]


@needs_weights
def test_a_photograph_is_edited_as_with_torch(without_torch, photograph, tmp_path):
    out = tmp_path / "out.png"
    run = without_torch("-m", "istrc", "edit", photograph, "-a", "smile=-1", "-o", out, "--json")
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)["results"][0]
    face = Circle.from_pretrained(runtime="torch").read(photograph)
    edited = face.edit(smile=-1)
    assert told["angle"] == pytest.approx([edited.angle], abs=2e-3) and edited.angle > 0.1
    ours = np.asarray(Image.open(out)).astype(int)
    # How far a prototype goes is the quotient of two rounded readings
    assert np.abs(ours - edited.pixels.astype(int)).max() <= 4
    assert (ours != face.picture.pixels).any()


def test_every_command_of_photographs_works(without_torch, onnx_model, aligned, tmp_path):
    given = [aligned, "--aligned", "--model", onnx_model]
    runs = {
        "edit": [*given, "-a", "smile", "--keep", "male", "-o", tmp_path / "edit.png"],
        "walk": [*given, "-a", "smile", "--frames", 3, "-o", tmp_path / "walk.png"],
        "reconstruct": [*given, "-o", tmp_path / "reconstruct.png"],
        "embed": [*given, "-o", tmp_path / "z.npy"],
        "decode": [tmp_path / "z.npy", "--model", onnx_model, "-o", tmp_path / "decode.png"],
    }
    for command, arguments in runs.items():
        run = without_torch("-m", "istrc", command, *arguments)
        assert run.returncode == 0, f"{command}: {run.stderr}"
        assert arguments[-1].exists()
    z = np.load(tmp_path / "z.npy")
    assert z.shape == (1, 8) and np.linalg.norm(z) == pytest.approx(1, abs=1e-4)


def test_every_command_of_several_faces_works(without_torch, onnx_model, faces, tmp_path):
    a, b, c = faces
    given = ["--aligned", "--model", onnx_model, "--json"]
    saved = tmp_path / "z.npy"
    named = ["--let", f"A={a}", "--let", f"B={b}"]
    runs = {
        "blend": [a, b, "--frames", 3, "--save", saved, "-o", tmp_path / "blend.png"],
        "average": [a, b, f"{saved}[1]", "--mode", "circle", "-o", tmp_path / "average.png"],
        "vary": [f"{saved}[0]", "--mode", "circle", "--count", 3, "-o", tmp_path / "vary.png"],
        "arithmetic": ["A - B + A", *named, "--onto", c, "-o", tmp_path / "sum.png"],
        "compare": [a, b, f"{saved}[0]"],
    }
    for command, arguments in runs.items():
        run = without_torch("-m", "istrc", command, *arguments, *given)
        assert run.returncode == 0, f"{command}: {run.stderr}"
        assert json.loads(run.stdout)["ok"]
        if "-o" in arguments:
            assert arguments[-1].exists()
    assert np.load(saved).shape == (3, 8)


@needs_weights
def test_neighbours_of_a_seed_are_those_of_torch(without_torch, aligned, tmp_path):
    command = ["-m", "istrc", "vary", aligned, "--aligned", "--count", 3, "--seed", 5]
    command += ["-o", tmp_path / "onnx", "--save", tmp_path / "z.npy"]
    run = without_torch(*command)
    assert run.returncode == 0, run.stderr
    face = Circle.from_pretrained(runtime="torch").read(aligned, aligned=True)
    made = vary(face.circle, face.z, face.x, count=3, seed=5)
    np.testing.assert_allclose(np.load(tmp_path / "z.npy"), made.z.numpy(), atol=1e-4)
    for number, pixels in enumerate(to_pixels(made.faces)):
        drawn = np.asarray(Image.open(tmp_path / "onnx" / f"{number:02d}.png")).astype(int)
        assert np.abs(drawn - pixels).max() <= 2


@needs_weights
def test_the_shipped_threshold_is_known(without_torch, photograph):
    run = without_torch("-m", "istrc", "compare", photograph, photograph)
    assert run.returncode == 0, run.stderr
    assert "the same person: under " in run.stdout


def test_an_attribute_is_learned(without_torch, onnx_model, tmp_path):
    sides = {name: tmp_path / name for name in ("with", "without")}
    rng = np.random.default_rng(0)
    for folder in sides.values():
        folder.mkdir()
        for number in range(5):
            pixels = rng.integers(0, 256, (218, 178, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    given = ["--aligned", "--model", onnx_model, "--json"]
    named = [word for name, folder in sides.items() for word in (f"--{name}", folder)]
    at = {"ISTRC_LEARNED": str(tmp_path / "learned")}
    run = without_torch("-m", "istrc", "learn", "dots", *named, *given, **at)
    assert run.returncode == 0, run.stderr
    [told] = json.loads(run.stdout)["results"]
    assert (told["with"], told["without"]) == (5, 5)
    for option in (["--list"], ["--add", told["output"], "--model", SHIPPED], ["dots", "--forget"]):
        run = without_torch("-m", "istrc", "learn", *option, "--json", **at)
        other = "--add" in option  # its recogniser is another
        assert run.returncode == int(other), run.stderr
        assert len(json.loads(run.stdout)["errors" if other else "results"]) == 1


def test_folders_go_on_and_have_processes(without_torch, onnx_model, aligned, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(aligned.read_bytes())
    command = ["-m", "istrc", "edit", folder, "--aligned", "-a", "smile", "--jobs", 2]
    command += ["--model", onnx_model, "-o", tmp_path / "out", "--json"]
    first = without_torch(*command)
    assert first.returncode == 0, first.stderr
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["a.png", "b.png"]
    again = without_torch(*command)
    assert [row.get("already") for row in json.loads(again.stdout)["results"]] == [True, True]


@pytest.mark.parametrize(
    "command",
    [
        ["train", "facenet", "data", "out"],
        ["evaluate", "reconstruction", "--data", "data"],
        ["calibrate", "data"],
        ["bench"],
        ["figures", "out"],
        ["film", "in.mp4", "-a", "smile", "-o", "out.mp4"],
        ["inspect", "data", "out"],
        ["blend", "a.png", "b.png", "-o", "out.png", "--runtime", "torch"],
        ["export", "circle", "-o", "out"],
        ["edit", "a.png", "-a", "smile", "-o", "out.png", "--runtime", "torch"],
    ],
    ids=lambda command: command[0],
)
def test_what_needs_torch_says_so_in_one_line(without_torch, aligned, tmp_path, command):
    command = [str(aligned) if word in ("a.png", "b.png") else word for word in command]
    run = without_torch("-m", "istrc", *command)
    assert run.returncode == 1
    [line] = run.stderr.splitlines()
    extra = "film" if command[0] == "film" else "train"  # which has all else that it needs
    assert f"needs torch: pip install 'istrc[{extra}]'" in line


def test_help_needs_nothing(without_torch):
    run = without_torch("-m", "istrc", "--help")
    assert run.returncode == 0 and "edit" in run.stdout


def test_the_onnx_runtime_leaves_torch_alone_where_it_is(onnx_model, aligned, tmp_path):
    import subprocess
    import sys

    code = (
        "import sys; from istrc.cli import main; sys.argv[0] = 'istrc'\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "sys.exit('torch' in sys.modules)"
    )
    arguments = ["edit", aligned, "--aligned", "--model", onnx_model, "-a", "smile"]
    arguments += ["--runtime", "onnx", "-o", tmp_path / "out.png"]
    run = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], timeout=600)
    assert run.returncode == 0
