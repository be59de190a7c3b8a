"""`istrc evaluate photos`, wired together."""

import json
from functools import partial

import pytest

from istrc.evaluation.photos import evaluate_photos

pytest.importorskip("sklearn")


def test_measured_written_and_told(istrc, toy_model, photograph, tmp_path, monkeypatch):
    few = partial(evaluate_photos, transformations=("smile",), megapixels=0.1)
    monkeypatch.setattr("istrc.evaluation.photos.evaluate_photos", few)
    file = tmp_path / "p.json"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").symlink_to(photograph)
    result = istrc(
        "evaluate", "photos", "--photos", tmp_path / "photos", "--model", toy_model,
        "--json", file,
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    found = json.loads(file.read_text())
    assert found["photos"]["found"]["a.png"]["faces"] == 1 and found["data"] == "photographs"
    assert result.json()["strength"] == 1


def test_slips_are_one_line(istrc, toy_model, tmp_path):
    result = istrc("evaluate", "photos", "--model", toy_model, "--photos", tmp_path / "none")
    assert result.exit_code == 1 and "no such file or folder" in result.lines[-1], result.err
