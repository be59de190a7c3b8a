"""Commands of `istrc evaluate`: what their measures are given, and where what they find goes."""

import json

import numpy as np
import pytest

from istrc.cli import evaluate


@pytest.fixture
def given(monkeypatch):
    """What each measure of a command was given: its options, the split and the seed."""
    calls = {}

    def recording(part):
        def measure(report, *, bench, **own):
            calls[part] = {**own, "split": bench.split, "seed": bench.seed}
            return {"known": len(bench.prepared)}

        return measure

    pytest.importorskip("sklearn")
    monkeypatch.setattr(evaluate, "MEASURES", {part: recording(part) for part in evaluate.MEASURES})
    monkeypatch.setattr(evaluate, "headline", lambda part, found: f"{found['known']} faces")
    return calls


@pytest.fixture
def data(write_prepared, tmp_path):
    """20 faces of 32 px, half of them valid."""
    who = dict(identity=np.arange(20), split=np.arange(20) >= 10)
    labels = np.arange(20)[:, None] % 2
    return write_prepared(tmp_path, np.zeros((20, 32, 32, 3)), labels, attributes=("smile",), **who)


def test_all_gives_each_measure_the_options_that_it_has(istrc, toy_model, data, given, tmp_path):
    file = tmp_path / "out.json"
    result = istrc(
        "evaluate", "all", "--data", data, "--model", toy_model, "--limit", 4, "--judge", "j",
        "--no-second", "--faces", 3, "--split", "test", "--seed", 5, "--json", file,
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    drawn = {"judge": "j", "sheets": None}
    own = {
        "attributes": {"limit": 4},
        "verification": {"limit": 4, "second": False},
        "reconstruction": {"limit": 4, "baseline": None, **drawn},
        "editing": {"faces": 3, "strengths": [1.0], "second": False, **drawn},
    }
    assert given == {part: {**asked, "split": "test", "seed": 5} for part, asked in own.items()}
    told, written = result.json(), json.loads(file.read_text())
    assert [one["part"] for one in told["results"]] == list(own) and "known" not in told
    assert all(written[part]["known"] == 20 for part in own) and written["seed"] == 5


def test_learning_is_measured_where_choices_are_made(istrc, toy_model, data, given):
    result = istrc(
        "evaluate", "learning", "--data", data, "--model", toy_model, "-a", "smile,male",
        "--count", 5, "--count", 9, "--draws", 2,
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    own = {"attribute": ["smile,male"], "count": [5, 9], "draws": 2, "faces": 50, "seed": 0}
    assert given == {"learning": {**own, "limit": None, "judge": None, "split": "tune"}}


def test_the_headline_of_learning_tells_what_was_learned_anew():
    mean = {"20": {"auc": 0.8361}, "own": {"auc": 0.963}, "50": {"auc": 0.9}}
    told = evaluate.headline("learning", {"mean": mean})
    assert told == "mean AUC on other people's faces: 20 a side 0.836, 50 a side 0.900"


def test_the_measures_of_one_part_stand_at_the_top_as_well(istrc, toy_model, data, tmp_path):
    pytest.importorskip("sklearn")
    file = tmp_path / "out.json"
    asked = ["evaluate", "attributes", "--data", data, "--model", toy_model, "--limit", 6]
    result = istrc(*asked, "--json", file)
    assert result.exit_code == 0, result.err
    told = result.json()
    assert told["command"] == "evaluate attributes" and told["faces"] == 6
    assert told["results"][0]["mean_auc"] == told["mean_auc"]
    assert result.lines == ["measuring attributes ...", str(file)]
    assert json.loads(file.read_text())["attributes"]["faces"] == 6
    result = istrc(*asked, "--split", "half")
    assert result.exit_code == 1 and "--split half: give one of train" in result.lines[0]


def test_a_file_is_for_the_json(istrc, tmp_path):
    result = istrc("evaluate", "attributes", tmp_path / "out.json", "--data", tmp_path)
    assert result.exit_code == 1 and "give --json" in result.lines[-1] and len(result.lines) == 1
    assert not (tmp_path / "out.json").exists()
