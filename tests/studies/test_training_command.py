"""`python -m studies.training`: the file, the table, and slips."""

import json

import pytest
from studies.training import RUNS, main

from istrc.errors import InputError


def test_what_training_took_is_written_and_told(trained_all, tmp_path, capsys):
    _, out = trained_all
    files = [tmp_path / "t.json", tmp_path / "t.md"]
    main([str(out), "--json", str(files[0]), "--markdown", str(files[1])])
    found = json.loads(files[0].read_text())["training"]
    assert list(found["runs"]) == sorted(RUNS) and found["seconds"] > 0
    assert "| BEGAN | 1 |" in files[1].read_text() and "| BEGAN | 1 |" in capsys.readouterr().out


def test_a_circle_without_a_record_is_refused(tmp_path):
    with pytest.raises(InputError, match="istrc train all"):
        main([str(tmp_path)])
