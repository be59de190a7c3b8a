"""`istrc evaluate holding`, wired together: options, the file, the table, and slips."""

import json

import pytest

from istrc.circle import TRANSFORMATIONS

pytest.importorskip("sklearn")
NAMES = ("smile", "male", *(n for n in TRANSFORMATIONS if n not in ("smile", "male")), "eyeglasses")


@pytest.fixture(scope="module")
def prepared(bright_smiles):
    return bright_smiles(NAMES)


def test_ways_are_measured_written_and_told(istrc, toy_model, prepared, bright_judge, tmp_path):
    files = [tmp_path / "h.json", tmp_path / "h.md"]
    result = istrc(
        "evaluate", "holding", "--data", prepared, "--judge", bright_judge, "--model", toy_model,
        "--no-second", "--faces", 2, "--steps", 2, "--training-faces", 50,
        "--json", files[0], "--markdown", files[1],
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    found = json.loads(files[0].read_text())["holding"]
    assert found["steps"] == 2 and found["split"] == "valid"
    assert found["variants"]["the sex held"]["keep"] == ["none", "male"]
    assert set(found["variants"]["nothing held"]["edits"]) >= {"smile+", "smile-"}
    assert "| balanced classifiers, the default held |" in files[1].read_text()
    assert result.json()["variants"].keys() == found["variants"].keys()


def test_slips_are_one_line(istrc, toy_model, prepared, tmp_path):
    for options, said in (
        (["--data", tmp_path], "istrc prepare"),
        (["--data", prepared, "--split", "all"], "--split all"),
    ):
        result = istrc("evaluate", "holding", "--model", toy_model, "--no-second", *options)
        assert result.exit_code == 1 and said in result.lines[-1]
