"""`istrc evaluate verification`, wired together."""

import json

import numpy as np
import pytest
from PIL import Image


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


@pytest.fixture
def evaluate(istrc, toy_model):
    def call(part, *arguments):
        return istrc("evaluate", part, *arguments, "--model", toy_model)

    return call


def test_verification_draws_and_writes(evaluate, prepared, tmp_path):
    files = [tmp_path / "v.json", tmp_path / "out" / "roc.png"]
    result = evaluate(
        "verification", "--data", prepared, "--no-second", "--count", "60", "--json", files[0],
        "--roc", files[1],
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    found, written = result.json(), json.loads(files[0].read_text())
    for name in ("angle", "euclidean"):
        assert set(found[name]) >= {"accuracy", "accuracy_std", "auc", "tar_at_far"}
        assert set(found[name]["tar_at_far"]) == {"0.1", "0.01", "0.001", "0.0001"}
    assert found["results"][0]["angle"] == found["angle"] and found["ok"]
    assert written["verification"]["angle"]["auc"] == pytest.approx(found["angle"]["auc"], abs=1e-5)
    assert Image.open(files[1]).size == (640, 480)
    result = evaluate("verification", "--data", prepared, "--no-second", "--roc", "roc.txt")
    assert result.exit_code == 1 and "roc.txt" in result.err


def test_data_that_was_not_prepared_is_one_line(evaluate, tmp_path):
    result = evaluate("attributes", "--data", tmp_path)
    assert result.exit_code == 1 and len(result.lines) == 1 and "istrc prepare" in result.err
