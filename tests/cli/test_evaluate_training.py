"""`istrc evaluate training`: the file, the table, and slips."""

import json

from istrc.evaluation.training import RUNS


def test_what_training_took_is_written_and_told(istrc, trained_all, tmp_path):
    _, out = trained_all
    files = [tmp_path / "t.json", tmp_path / "t.md"]
    result = istrc("evaluate", "training", out, "--json", files[0], "--markdown", files[1])
    assert result.exit_code == 0, result.err
    found = json.loads(files[0].read_text())["training"]
    assert list(found["runs"]) == sorted(RUNS) and found["seconds"] > 0
    assert "| BEGAN | 1 |" in files[1].read_text()
    assert result.json()["results"][0]["seconds"] > 0


def test_slips_are_one_line(istrc, toy_model, tmp_path):
    result = istrc("evaluate", "training", tmp_path)
    assert result.exit_code == 1 and "istrc train all" in result.lines[-1]
    result = istrc("evaluate", "training")
    assert result.exit_code == 2 and "CIRCLE" in result.err
