"""The command line where torch is not installed: what works, and what says that it does not."""

import json

import numpy as np
import pytest
from PIL import Image

from istrc.circle import Circle
from istrc.pretrained import WEIGHTS

SHIPPED = WEIGHTS / "celeba64"
needs_weights = pytest.mark.skipif(
    not (SHIPPED / "circle.json").exists(), reason="the weights of celeba64 are not trained yet"
)


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    data = pytest.importorskip("skimage.data")
    path = tmp_path_factory.mktemp("photographs") / "astronaut.png"
    Image.fromarray(data.astronaut()).save(path)
    return path


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    coarse = np.random.default_rng(0).integers(0, 256, (7, 6, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("aligned") / "face.png"
    Image.fromarray(coarse).resize((178, 218), Image.Resampling.BICUBIC).save(path)
    return path


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
    assert np.abs(ours - edited.pixels.astype(int)).max() <= 2
    assert (ours != face.picture.pixels).any()


def test_every_command_of_photographs_works(without_torch, light_model, aligned, tmp_path):
    given = [aligned, "--aligned", "--model", light_model]
    runs = {
        "edit": [*given, "-a", "smile", "--keep", "male", "-o", tmp_path / "edit.png"],
        "walk": [*given, "-a", "smile", "--frames", 3, "-o", tmp_path / "walk.png"],
        "reconstruct": [*given, "-o", tmp_path / "reconstruct.png"],
        "embed": [*given, "-o", tmp_path / "z.npy"],
        "decode": [tmp_path / "z.npy", "--model", light_model, "-o", tmp_path / "decode.png"],
    }
    for command, arguments in runs.items():
        run = without_torch("-m", "istrc", command, *arguments)
        assert run.returncode == 0, f"{command}: {run.stderr}"
        assert arguments[-1].exists()
    z = np.load(tmp_path / "z.npy")
    assert z.shape == (1, 8) and np.linalg.norm(z) == pytest.approx(1, abs=1e-4)


def test_folders_go_on_and_have_processes(without_torch, light_model, aligned, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(aligned.read_bytes())
    command = ["-m", "istrc", "edit", folder, "--aligned", "-a", "smile", "--jobs", 2]
    command += ["--model", light_model, "-o", tmp_path / "out", "--json"]
    first = without_torch(*command)
    assert first.returncode == 0, first.stderr
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["a.png", "b.png"]
    again = without_torch(*command)
    assert [row.get("already") for row in json.loads(again.stdout)["results"]] == [True, True]


@pytest.mark.parametrize(
    "command",
    [
        ["train", "facenet", "data", "out"],
        ["blend", "a.png", "b.png", "-o", "out.png"],
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
    assert "needs torch: pip install 'istrc[train]'" in line


def test_help_needs_nothing(without_torch):
    run = without_torch("-m", "istrc", "--help")
    assert run.returncode == 0 and "edit" in run.stdout


def test_the_light_runtime_leaves_torch_alone_where_it_is(light_model, aligned, tmp_path):
    import subprocess
    import sys

    code = (
        "import sys; from istrc.cli import main; sys.argv[0] = 'istrc'\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "sys.exit('torch' in sys.modules)"
    )
    arguments = ["edit", aligned, "--aligned", "--model", light_model, "-a", "smile"]
    arguments += ["--runtime", "light", "-o", tmp_path / "out.png"]
    run = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], timeout=600)
    assert run.returncode == 0
