"""`python -m studies.finding`: the files, the tables, and slips."""

import json

import numpy as np
import pytest

from istrc.errors import IstrcError
from studies import finding


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


def test_found_written_and_told(blank_model, prepared, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(finding, "found_in", lambda pixels, aligner: [])
    monkeypatch.setattr(finding, "ground", _plain)
    monkeypatch.setattr(finding, "HEIGHT", 72)
    monkeypatch.setattr(finding, "WIDTH", 96)
    files = [tmp_path / "p.json", tmp_path / "p.md"]
    given = ["--model", blank_model, "--faces", 1, "--moved", 2]
    given += [
        "--only",
        "alignment",
        "detection",
        "crowds",
        "--json",
        files[0],
        "--markdown",
        files[1],
    ]
    finding.main([str(word) for word in (prepared, *given)])
    found = json.loads(files[0].read_text())["finding"]
    assert found["alignment"]["faces"] == 2 and len(found["detection"]["conditions"]) == 22
    assert found["faces_are"] == "crops"
    first, _, page = files[1].read_text().partition("\n")
    assert first.startswith("<!-- made by `python -m studies.finding")
    assert "| after the aligner |" in page == capsys.readouterr().out[:-1]


def test_slips_are_said(blank_model, prepared, tmp_path):
    for given, said in (
        ([tmp_path], "istrc prepare"),
        ([prepared, "--only", "kinds"], "no landmarks"),
        ([prepared, "--whole", tmp_path], "neither a folder"),
    ):
        with pytest.raises(IstrcError, match=said):
            finding.main([str(word) for word in (*given, "--model", blank_model, "--moved", 1)])
