import json
import shutil
import subprocess

import numpy as np
import pytest
import torch
from torch import nn

from istrc.evaluation import results
from istrc.evaluation.results import (
    circle_checksum,
    commit,
    markdown_table,
    versions,
    weights_checksum,
    write_results,
)


def test_what_is_written_is_strict_sorted_json_with_seed_and_command(tmp_path):
    path = tmp_path / "deep" / "r.json"
    found = {"z": np.float32(0.123456789), "a": [float("nan"), np.int64(3)], "t": torch.ones(2)}
    record = write_results(path, found, seed=4, command=["istrc", "evaluate", "x"])

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    read = json.loads(path.read_text(), parse_constant=refuse)
    assert read == record
    assert read["z"] == 0.123457 and read["a"] == [None, 3] and read["t"] == [1.0, 1.0]
    assert read["seed"] == 4 and read["command"] == "istrc evaluate x"
    assert read["commit"] == commit()  # None, or what git calls it
    assert read["versions"]["torch"] == torch.__version__ == versions()["torch"]
    assert list(read) == sorted(read)
    assert [p.name for p in path.parent.iterdir()] == ["r.json"]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_says_where_code_was_changed(tmp_path, monkeypatch):
    code, found = tmp_path / "src/istrc/evaluation/results.py", tmp_path / "results/a.json"
    monkeypatch.setattr(results, "__file__", str(code))
    assert commit() is None
    for path in (code, found):
        path.parent.mkdir(parents=True)
        path.write_text("1")
    name = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
    for words in (["init", "-q"], ["add", "."], [*name, "commit", "-q", "-m", "1"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    clean = commit()
    assert clean and not clean.endswith("-dirty")
    found.write_text("2")  # as a run does that writes as it goes
    assert commit() == clean
    code.write_text("2")
    assert commit() == f"{clean}-dirty"


def test_numbers_of_a_list_share_a_line(tmp_path):
    found = {"matrix": np.eye(2), "names": ["a [\n 1\n ]", "b"], "none": [], "few": [None, True, 1]}
    record = write_results(tmp_path / "r.json", found, command="c")
    text = (tmp_path / "r.json").read_text()
    assert json.loads(text) == record and record["names"] == found["names"]
    assert "    [1.0, 0.0],\n    [0.0, 1.0]\n" in text and '"few": [null, true, 1]' in text


def test_a_result_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "r.json"
    write_results(path, {"a": 1}, command="c")
    old = path.read_text()
    with pytest.raises(TypeError):
        write_results(path, {"a": object()}, command="c")
    assert path.read_text() == old


def test_a_checksum_sees_every_weight_and_not_the_aligner():
    torch.manual_seed(0)
    net, other = nn.Linear(3, 2), nn.BatchNorm1d(2)
    first = weights_checksum(net, other)
    assert weights_checksum(net, other) == first != weights_checksum(other, net)

    class Composed:
        def __init__(self, aligner):
            self.b, self.a, self.bound, self.aligner = other, net, 1.0, aligner

    assert circle_checksum(Composed(None)) == circle_checksum(Composed(nn.Linear(1, 1))) == first
    other.running_mean[0] += 1e-3
    assert weights_checksum(net, other) != first


def test_markdown_table():
    text = markdown_table(
        ["edit", "x"], [["smile+", 0.12345], ["male-", float("nan")], ["a", None]]
    )
    assert text.splitlines() == [
        "| edit | x |",
        "| --- | ---: |",
        "| smile+ | 0.123 |",
        "| male- | - |",
        "| a | - |",
    ]
