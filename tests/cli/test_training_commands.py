"""`istrc prepare` and `train` wired together, on pictures that mean nothing."""

import json

import numpy as np
import pytest
from PIL import Image

from istrc.cli import train
from istrc.training import settings


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, toy_model):
    """A prepared folder of 120 faces of 32 px: 60 people of 2, half of them held out."""
    from istrc.data.prepare import prepare

    folder = tmp_path_factory.mktemp("source")
    rng = np.random.default_rng(0)
    lines = ["file,identity,split,smile,male"]
    for number in range(120):
        pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
        split = "valid" if number >= 60 else "train"
        smile, male = rng.integers(0, 2, 2)
        lines.append(f"{number:03}.png,{number // 2},{split},{smile},{male}")
    (folder / "labels.csv").write_text("\n".join(lines))
    out = tmp_path_factory.mktemp("prepared") / "data"
    prepare(folder, out, size=32, workers=1)
    return out


def test_parts_are_trained_and_given_to_each_other(istrc, prepared, toy_model, tmp_path):
    run = tmp_path / "mapping"
    result = istrc(
        "train", "mapping", prepared, run, "--facenet", f"{toy_model}/facenet",
        "--autoencoder", f"{toy_model}/autoencoder", "--steps", "2", "--batch-size", "4",
        "--fine-steps", "2", "--width", "8", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    assert result.json()["results"] == [
        {"part": "mapping", "data": str(prepared), "output": str(run)}
    ]
    assert json.loads((run / "config.json").read_text())["kind"] == "Mapping"
    assert (run / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--facenet", "nowhere", "--autoencoder", "nowhere"], "nowhere"),
        (["--facenet", "{toy}/facenet", "--autoencoder", "{toy}/mapping"], "autoencoder"),
    ],
)
def test_a_wrong_part_is_one_line(istrc, prepared, toy_model, tmp_path, arguments, said):
    arguments = [text.format(toy=toy_model) for text in arguments]
    result = istrc("train", "mapping", prepared, tmp_path / "run", *arguments)
    assert result.exit_code == 1 and len(result.lines) == 1 and said in result.err


def test_data_that_was_not_prepared_is_one_line(istrc, tmp_path):
    result = istrc("train", "facenet", tmp_path, tmp_path / "run")
    assert result.exit_code == 1
    assert len(result.lines) == 1 and "istrc prepare" in result.err


def test_textures_are_made(istrc, shaped_folder, tiny_landmarks, tmp_path):
    from istrc.models.serialization import save_part

    save_part(tiny_landmarks(16), tmp_path / "landmarks")
    out = tmp_path / "textures"
    result = istrc("train", "textures", shaped_folder, out, "--landmarks", tmp_path / "landmarks")
    assert result.exit_code == 0, result.err
    assert (out / "prepared.json").exists()


def test_every_part_is_a_command(istrc):
    listed = istrc("train", "--help").out
    for part in train.PARTS:
        assert part in listed
        assert istrc("train", part, "--help").exit_code == 0
    for old, part in settings.OLD_PARTS.items():  # is understood, and not shown
        assert f" {old} " not in listed
        told = [istrc("train", name, "--help").out for name in (old, part)]
        assert told[0].replace(f"train {old}", f"train {part}").split() == told[1].split()


def test_the_allocator_is_set_by_starting_anew_only_in_our_own_process(monkeypatch):
    started = []
    monkeypatch.setattr(train.os, "execve", lambda *call: started.append(call))
    train._restart()
    assert not started  # under pytest
    monkeypatch.setattr(train, "process_is_ours", True)
    monkeypatch.setattr(train.sys, "platform", "linux")
    monkeypatch.setattr(train.os, "environ", {"PATH": "/bin"})
    train._restart()
    [(program, arguments, environment)] = started
    assert program == train.sys.executable and arguments == train.sys.orig_argv
    assert environment["PATH"] == "/bin" and len(environment) > 1
    monkeypatch.setattr(train.os, "environ", environment)
    train._restart()
    assert len(started) == 1  # once
