"""`istrc evaluate verification|classification|smoothness|averages|mapping`, wired together."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from istrc.models.began import Generator
from istrc.models.store import save_part


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, write_prepared):
    """A prepared folder of 32 px: 50 people of 4 pictures, 30 of them held out."""
    rng = np.random.default_rng(0)
    identity = np.repeat(np.arange(1, 51), 4)
    images = rng.integers(0, 256, (200, 32, 32, 3), dtype=np.uint8)
    images[:, 8:24] = (images[:, 8:24] // 8) + (4 * identity % 200)[:, None, None, None]
    return write_prepared(
        tmp_path_factory.mktemp("prepared"),
        images,
        rng.integers(0, 2, (200, 1)),
        attributes=("smile",),
        identity=identity,
        split=identity > 20,
    )


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    from istrc.evaluation.judges import Judge
    from istrc.models.judge import JudgeNet

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("judge")
    Judge(JudgeNet(32, ("smile", "male"), (4, 4), (1, 1))).save(folder)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder of BEGAN, with the generator that its training leaves there."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("began")
    save_part(Generator(32, 5, (4, 4, 4)), folder / "generator")
    return folder


@pytest.fixture
def evaluate(istrc, toy_model):
    def call(part, *arguments):
        return istrc("evaluate", part, *arguments, "--model", toy_model)

    return call


def test_verification_draws_and_writes(evaluate, prepared, tmp_path):
    files = [tmp_path / "v.json", tmp_path / "out" / "roc.png", tmp_path / "v.md"]
    result = evaluate(
        "verification", "--data", prepared, "--no-second", "--count", "60", "--json", files[0],
        "--roc", files[1], "--markdown", files[2],
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    found, written = result.json(), json.loads(files[0].read_text())
    for name in ("angle", "euclidean"):
        assert set(found[name]) >= {"accuracy", "accuracy_std", "auc", "tar_at_far"}
        assert set(found[name]["tar_at_far"]) == {"0.1", "0.01", "0.001", "0.0001"}
    assert found["results"][0]["angle"] == found["angle"] and found["ok"]
    assert written["verification"]["angle"]["auc"] == pytest.approx(found["angle"]["auc"], abs=1e-5)
    assert Image.open(files[1]).size == (640, 480) and "| angle |" in files[2].read_text()
    result = evaluate("verification", "--data", prepared, "--no-second", "--roc", "roc.txt")
    assert result.exit_code == 1 and "roc.txt" in result.err


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "lfw"
    rng = np.random.default_rng(0)
    for name in ("Ada", "Bob"):
        (folder / name).mkdir(parents=True)
        for number in range(1, 5):
            pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}_{number:04}.jpg")
    pairs = ["2 2", "Ada 1 2", "Bob 1 2", "Ada 1 Bob 1", "Ada 2 Bob 2"]
    pairs += ["Ada 3 4", "Bob 3 4", "Ada 3 Bob 3", "Ada 4 Bob 4"]
    (folder / "pairs.txt").write_text("\n".join(pairs) + "\n")
    return folder


def test_lfw_and_its_missing_pictures(evaluate, photographs, tmp_path):
    options = ["--data", photographs, "--aligned", "--no-second", "--json"]
    result = evaluate("verification", *options)
    assert result.exit_code == 0, result.err
    found = result.json()
    assert found["pairs"]["left_out"] == 0 and found["angle"]["auc"] == found["euclidean"]["auc"]

    (photographs / "Bob" / "Bob_0002.jpg").unlink()
    result = evaluate("verification", *options)
    assert result.exit_code == 1 and not result.json()["ok"]
    assert result.json()["missing"] == ["Bob/Bob_0002"]
    assert [error["input"] for error in result.json()["errors"]] == ["Bob/Bob_0002"]
    assert "Bob/Bob_0002" in result.err and "2 pairs are left out" in result.err
    assert result.json()["angle"]["auc"] is not None  # the others are measured
    result = evaluate("verification", *options, "--allow-missing")
    assert result.exit_code == 0 and "Bob/Bob_0002" in result.err
    assert result.json()["missing"] == ["Bob/Bob_0002"]

    elsewhere = (photographs / "pairs.txt").rename(tmp_path / "p.txt")
    result = evaluate("verification", *options)
    assert result.exit_code == 1 and len(result.lines) == 1 and "pairs.txt" in result.err
    result = evaluate("verification", *options, "--pairs", elsewhere, "--allow-missing")
    assert result.exit_code == 0, result.err


def test_classification(evaluate, prepared, tmp_path):
    result = evaluate(
        "classification", "--data", prepared, "--json", "--markdown", tmp_path / "c.md"
    )
    assert result.exit_code == 0, result.err
    found = result.json()
    assert found["people"] == 30 and found["gallery"] == 60 == found["probes"]
    assert set(found["angle"]) == set(found["euclidean"]) == {"1-nn", "5-nn", "nearest_mean"}
    assert "nearest_mean" in (tmp_path / "c.md").read_text()


def test_smoothness(evaluate, prepared, judge, tmp_path):
    result = evaluate(
        "smoothness", "--data", prepared, "--judge", judge, "--pairs", "3", "--steps", "3",
        "--angle", "0.1", "--neighbours", "2", "--json", "--markdown", tmp_path / "s.md",
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    found = result.json()
    assert set(found["paths"]) == {"slerp", "lerp"} and set(found["noise"]) == {"0.1"}
    assert "noise, 0.1 rad" in (tmp_path / "s.md").read_text()


def test_averages(evaluate, prepared, run, tmp_path):
    options = ["--data", prepared, "--size", "2", "--size", "4", "--groups", "3", "--no-second"]
    result = evaluate(
        "averages", *options, "--generator", run, "--json", "--markdown", tmp_path / "a.md"
    )
    assert result.exit_code == 0, result.err
    assert set(result.json()["ratio"]) == {"generator", "generator_shell"}
    assert "Sphere over generator" in (tmp_path / "a.md").read_text()
    result = evaluate("averages", *options, "--generator", prepared)
    assert result.exit_code == 1 and "no generator here" in result.err


def test_mapping(evaluate, prepared, tmp_path):
    options = ["--data", prepared, "--out", tmp_path / "ablation", "--only", "layers-1"]
    options += ["--steps", "2", "--batch-size", "4", "--width", "4", "--json"]
    result = evaluate("mapping", *options)
    assert result.exit_code == 0, result.err
    one = result.json()["variants"]["layers-1"]
    assert one["layers"] == 1 and (tmp_path / "ablation" / "layers-1-seed0.json").exists()
    again = evaluate("mapping", *options)
    assert again.json()["variants"] == result.json()["variants"]
    assert "training layers-1" in result.err and "training" not in again.err
    result = evaluate("mapping", *options, "--only", "layers-9")
    assert result.exit_code == 1 and "layers-9" in result.err


@pytest.mark.parametrize("part", ["classification", "smoothness", "averages"])
def test_data_that_was_not_prepared_is_one_line(evaluate, tmp_path, part):
    result = evaluate(part, "--data", tmp_path)
    assert result.exit_code == 1 and len(result.lines) == 1 and "istrc prepare" in result.err
