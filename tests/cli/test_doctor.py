"""`istrc doctor` on the shipped weights: whole, damaged, missing."""

import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

import pytest

from istrc import health
from istrc.shipped import WEIGHTS


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the weights, to be damaged, which the doctor looks at."""
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS, folder)
    monkeypatch.setattr(health, "WEIGHTS", folder)
    monkeypatch.setattr(health, "SUMS", folder / "SHA256SUMS")
    return folder


def test_this_installation_works(istrc):
    result = istrc("doctor", "--json", "--licences")
    told = result.json()
    assert result.exit_code == 0 and told["ok"] and told["errors"] == []
    assert told["versions"]["numpy"] == metadata.version("numpy")
    assert told["devices"][0] == "cpu"
    assert told["self_test"]["angle"] > 0
    # What they bring in turn as well: typer and rich bring those at the end
    assert told["licences"].keys() >= {"numpy", "pillow", "dlib-bin", "pygments", "shellingham"}
    assert all(told["licences"].values())


def test_a_human_reads_lines_with_the_remedy_for_what_is_missing(istrc, monkeypatch):
    monkeypatch.setattr(health, "has", lambda name: name not in ("gradio", "torch"))
    result = istrc("doctor")
    assert result.exit_code == 0 and "self-test: a face drawn and edited" in result.err
    assert "extra app: without gradio: pip install 'istrc[app]'" in result.out
    assert "extra demo: installed" in result.out and "files as recorded" in result.out


def test_torch_is_asked_only_where_there_is_a_driver(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(health, "DRIVERS", ("none-such",))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)  # an import of it fails
        assert health.devices() == ["cpu"]
    monkeypatch.setattr(health, "DRIVERS", ("null",))  # which is in every /dev
    from torch import cuda

    monkeypatch.setattr(cuda, "device_count", lambda: 2)
    assert health.devices()[:3] == ["cpu", "cuda:0", "cuda:1"]


def test_every_extra_of_the_package_is_known():
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    extras = project.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    assert {*re.findall(r"^([\w-]+) = ", extras, re.MULTILINE)} == {
        *health.EXTRAS,
        "audit",
        "dev",
        "docs",
    }


def test_every_shipped_file_is_recorded():
    """After training or exporting into the package: make checksums."""
    files = {path.relative_to(WEIGHTS).as_posix() for path in WEIGHTS.rglob("*") if path.is_file()}
    wanted = {name for name in files if not name.endswith(("README.md", "SHA256SUMS"))}
    assert set(health.recorded()) == wanted
    assert list(health.broken_weights()) == []


def test_damage_is_named_with_its_remedy_and_fails(istrc, copied):
    flipped = copied / "celeba128" / "mapping" / "model.safetensors"
    data = bytearray(flipped.read_bytes())
    data[-1] ^= 1
    flipped.write_bytes(data)
    gone = copied / "sieve" / "sieve.onnx"
    gone.unlink()
    result = istrc("doctor", "--json")
    assert result.exit_code == 1
    told = result.json()
    messages = [error["message"] for error in told["errors"]]
    assert [str(flipped) in messages[0], str(gone) in messages[1]] == [True, True]
    assert all("install the package again" in message for message in messages)
    assert "self_test" not in told


@pytest.mark.parametrize("text", ["", "no digest", "\u00e9  x"])
def test_a_damaged_record_is_no_success(istrc, copied, text):
    if text:
        health.SUMS.write_text(text, encoding="utf-8")
    else:
        health.SUMS.unlink()
    result = istrc("doctor")
    assert result.exit_code == 1 and "SHA256SUMS: cannot be read" in result.err


def test_a_self_test_that_fails_is_one_line(istrc, monkeypatch):
    def broken():
        raise ImportError("no module of this name")

    monkeypatch.setattr(health, "self_test", broken)
    result = istrc("doctor", "--json")
    assert result.exit_code == 1
    assert result.json()["errors"][0]["message"] == (
        f"self-test: no module of this name; {health.AGAIN}"
    )


def test_a_missing_package_is_named(istrc, monkeypatch):
    installed = health._installed
    monkeypatch.setattr(health, "_installed", lambda name: name != "pillow" and installed(name))
    result = istrc("doctor")
    assert result.exit_code == 1 and "pillow: not installed; pip install 'pillow>=" in result.err
