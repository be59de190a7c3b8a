"""`istrc evaluate photos`, wired together."""

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, write_prepared):
    """A prepared folder of 32 px noise: 20 faces, half of them held out."""
    rng = np.random.default_rng(0)
    return write_prepared(
        tmp_path_factory.mktemp("prepared"),
        rng.integers(0, 256, (20, 32, 32, 3)),
        rng.integers(0, 2, (20, 1)),
        attributes=("smile",),
        identity=np.arange(20),
        split=np.arange(20) >= 10,
    )


def _plain(shape, rng):
    """A ground of one colour: nothing is looked for here."""
    return np.full((*shape, 3), 128, np.uint8)


def test_found_written_and_told(istrc, toy_model, prepared, tmp_path, monkeypatch):
    finding = "istrc.evaluation.photo_finding"
    monkeypatch.setattr(f"{finding}.found_in", lambda pixels, aligner: [])
    monkeypatch.setattr("istrc.evaluation.photo_finding.ground", _plain)
    monkeypatch.setattr("istrc.evaluation.photo_finding.HEIGHT", 72)
    monkeypatch.setattr("istrc.evaluation.photo_finding.WIDTH", 96)
    files = [tmp_path / "p.json", tmp_path / "p.md"]
    result = istrc(
        "evaluate", "photos", "--data", prepared, "--model", toy_model, "--faces", 1,
        "--moved", 2, "--json", files[0], "--markdown", files[1],
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    found = json.loads(files[0].read_text())["photos"]
    assert found["alignment"]["faces"] == 2 and len(found["detection"]["conditions"]) == 22
    assert found["photographs"] is None and result.json()["faces_are"] == "crops"
    assert "| after the aligner |" in files[1].read_text()


def test_slips_are_one_line(istrc, toy_model, prepared, tmp_path):
    for options, said in (
        (["--data", tmp_path], "istrc prepare"),
        (["--data", prepared, "--photos", tmp_path / "none"], "no such file or folder"),
        (["--data", prepared, "--whole", tmp_path], "neither a folder"),
    ):
        result = istrc("evaluate", "photos", "--model", toy_model, "--moved", 1, *options)
        assert result.exit_code == 1 and said in result.lines[-1], result.err
