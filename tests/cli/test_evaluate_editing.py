"""`istrc evaluate editing`, wired together: strengths, peers, the table and the curve."""

import json

import numpy as np
import pytest
import typer
from tools.pages import page

from istrc.cli.evaluate_editing import parse_strengths


def test_strengths_are_numbers_between_commas():
    assert parse_strengths(["0.5, 1,1.5"]) == [0.5, 1.0, 1.5]
    assert parse_strengths(["1", "0.5,1", "-3"]) == [1.0, 0.5, -3.0]
    for texts, said in (
        (["1,,2"], "nothing is not a number"),
        (["strong"], "strong is not a number"),
        (["1,4.5"], "4.5 is out of range"),
        (["nan"], "out of range"),
        (["3"], "only peers go farther than 2"),
    ):
        with pytest.raises(typer.BadParameter, match=said):
            parse_strengths(texts)


@pytest.fixture(scope="module")
def prepared(bright_smiles):
    return bright_smiles(("smile", "male"))


def test_peers_are_measured_written_and_told(istrc, toy_model, prepared, bright_judge, tmp_path):
    file = tmp_path / "e.json"
    result = istrc(
        "evaluate", "editing", "--data", prepared, "--judge", bright_judge, "--model", toy_model,
        "--no-second", "--faces", 3, "--few", 1, "--strengths", "0.5,1,2.5", "--peers", "all",
        "-a", "smile", "--sheets", tmp_path, "--json", file,
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    found = json.loads(file.read_text())["editing"]
    assert list(found["methods"]["photo"]) == ["0.5", "1"]
    assert list(found["methods"]["boundary"]) == ["0.5", "1", "2.5"]
    assert set(found["peers"]) == {"paper_walk", "code_vector", "boundary", "dfi"}
    assert "dfi" not in found["methods"] and "dfi" in found["few"]["methods"]
    assert "seconds_per_edit" in found["few"]["methods"]["dfi"]["1"]["mean"]
    text = page(json.loads(file.read_text()))
    assert "| paper_walk |" in text and "| dfi | 2.5 |" in text and "radians stepped" in text
    assert (tmp_path / "editing" / "smile.png").exists()
    assert (tmp_path / "editing" / "boundary" / "smile.png").exists()


def test_slips_are_told_before_anything_is_measured(istrc, toy_model, prepared, tmp_path):
    command = ["evaluate", "editing", "--data", prepared, "--model", toy_model]
    for options, said in (
        (["--peers", "gan"], "--peers gan: no such peer"),
        (["--attribute", "smille"], "no such attribute; did you mean smile"),
    ):
        result = istrc(*command, *options)
        assert result.exit_code == 1 and len(result.lines) == 2 and said in result.lines[1]
    result = istrc(*command, "--strengths", "much")
    assert result.exit_code == 2 and "much is not a number" in result.err


def test_pictures_are_kept_of_every_method(istrc, toy_model, prepared, bright_judge, tmp_path):
    command = [
        "evaluate", "editing", "--data", prepared, "--judge", bright_judge, "--model", toy_model,
        "--no-second", "--faces", 4,
    ]  # fmt: skip
    file = tmp_path / "e.json"
    result = istrc(
        *command, "--peers", "boundary", "--keep-pictures", tmp_path / "other",
        "--json", file,
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    for folder in (tmp_path / "other", tmp_path / "other" / "boundary"):
        kept, rows = np.load(folder / "smile+.npy"), np.load(folder / "smile+.rows.npy")
        assert kept.shape == (len(rows), 32, 32, 3) and kept.dtype == np.uint8
    found = json.loads(file.read_text())["editing"]
    assert "prepare it again with --measured" in found["geometry"]["skipped"]
    assert "Not measured: geometry" in page(json.loads(file.read_text()))


def test_one_attribute_alone_is_edited(istrc, toy_model, prepared, bright_judge):
    command = [
        "evaluate", "editing", "--data", prepared, "--judge", bright_judge, "--model", toy_model,
        "--no-second", "--faces", 2, "--mode", "photo", "--json",
    ]  # fmt: skip
    result = istrc(*command, "-a", "Smile")
    assert result.exit_code == 0, result.err
    found = result.json()["methods"]["photo"]["1"]
    assert set(found["edits"]) == {"smile+", "smile-"}
    result = istrc(*command, "-a", "others")  # none of which this data has
    assert result.exit_code == 1 and "no valid face to edit" in result.err


def test_methods_are_compared_at_equal_identity(
    istrc, toy_model, prepared, bright_judge, monkeypatch
):
    class Thumbnails:
        name = "thumbnails"

        def __init__(self, device):
            pass

        def describe_with_landmarks(self, x):
            return x[:, :, ::8, ::8].flatten(1).numpy(), np.ones((len(x), 68, 2)) * np.arange(68)[
                None, :, None
            ]

        def threshold(self, prepared, *, far, seed):
            return {"threshold": 0.5, "far": far, "people": 2, "pairs": 1, "seed": seed}

    monkeypatch.setattr("istrc.evaluation.identity.SecondRecogniser", Thumbnails)
    result = istrc(
        "evaluate", "editing", "--data", prepared, "--judge", bright_judge, "--model", toy_model,
        "--faces", 2, "--strengths", "0.5,1", "--peers", "code_vector", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    methods = set(result.json()["equal_identity"])
    assert methods == {"photo", "anchored", "circle", "code_vector"}
