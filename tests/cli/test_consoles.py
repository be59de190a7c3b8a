"""Standard output in the encodings that consoles have: Windows' code pages, plain ASCII, UTF-8."""

import json
import os
import shutil
import subprocess
import sys

import pytest

NAMES = ("\u65e5\u672c.jpg", "\U0001f600 \u0142\u00f3d\u017a.jpg")


@pytest.fixture(scope="module", params=["wide", "bytes"])
def picture(request, faces, tmp_path_factory):
    """An aligned picture whose name no code page has, or that is no Unicode at all."""
    folder = tmp_path_factory.mktemp("names")
    name = NAMES[1] if request.param == "wide" else os.fsdecode(b"caf\xe9.jpg")
    try:
        shutil.copyfile(faces / "b.jpg", folder / name)
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    return folder / name


def run(encoding, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "istrc", *map(str, arguments)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "ISTRC_RUNTIME": "onnx"},
        timeout=300,
    )


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_json_is_one_object_in_every_encoding(onnx_model, picture, tmp_path, encoding):
    model = ["--model", onnx_model, "--aligned", "--json"]
    commands = [
        ["edit", picture, "-a", "smile", "-o", tmp_path / f"out{encoding}.jpg", *model],
        ["compare", picture, picture, *model],
    ]
    for command in commands:
        done = run(encoding, *command)
        told = json.loads(done.stdout.decode(encoding))
        assert done.returncode == 0 and told["ok"], done.stderr
        assert picture.name in json.dumps(told, ensure_ascii=False)
    done = run(encoding, "faces", picture.with_name("\u65e5.jpg"), "--json")  # an error's message
    assert done.returncode == 1 and "\u65e5.jpg" in json.loads(done.stdout)["errors"][0]["message"]


@pytest.mark.parametrize("encoding", ["ascii"])
def test_text_is_told_in_every_encoding(onnx_model, picture, encoding):
    done = run(encoding, "compare", picture, picture, "--model", onnx_model, "--aligned")
    assert done.returncode == 0, done.stderr
    assert b"rad between" in done.stdout and b"Traceback" not in done.stderr
    assert run(encoding, "edit", "--help").returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="shells and devices are Linux's")
def test_a_closed_or_full_stream_is_no_defect(onnx_model, faces):
    command = f"{sys.executable} -m istrc compare {faces}/a.png {faces}/b.jpg --aligned"
    command += f" --model {onnx_model} --json"
    environment = {**os.environ, "ISTRC_RUNTIME": "onnx"}
    shell = {"shell": True, "capture_output": True, "env": environment, "timeout": 300}
    closed = subprocess.run(f"{command} 2>&-", **shell)
    assert closed.returncode == 0 and json.loads(closed.stdout)["ok"]
    full = subprocess.run(f"{command} > /dev/full", **shell)
    assert full.returncode == 1
    assert full.stderr.decode() == "istrc: standard output: No space left on device\n"
