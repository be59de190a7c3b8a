"""What training took, from what the runs kept: sums, shares, the projection, and how it is told."""

import json

import pytest
import torch
from studies.training import (
    GPU_LAUNCH,
    GPU_PEAK,
    GPU_REACHED,
    RUNS,
    evaluate_training,
    training_markdown,
)

from istrc.errors import InputError
from istrc.evaluation.machine import Clock

CLOCK = Clock(torch.device("cpu"), runs=1, budget=0.1)


@pytest.fixture
def kept(tmp_path):
    """Three runs: one of much arithmetic, one of many operators, one without steps."""
    for name, values in {
        "began": dict(steps=10, seconds=20.0, operations=10**12, calls=5, beside_seconds=2.0),
        "changes": dict(steps=4, seconds=8.0, operations=10**6, calls=3000, beside_seconds=1.0),
        "spaces": dict(beside_seconds=30.0),
    }.items():
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "cost.json").write_text(json.dumps(values))
    return tmp_path


def test_by_hand(kept):
    found = evaluate_training(kept, CLOCK, side=64)
    assert list(found["runs"]) == ["began", "spaces", "changes"]  # as they are trained
    began, spaces, changes = found["runs"].values()
    peak = found["peak_per_s"]
    assert began["seconds"] == 22 and began["share_of_peak"] == pytest.approx(0.5e12 / peak)
    assert began["gpu_seconds"] == pytest.approx(2 + 10 * 1e12 / (GPU_PEAK * GPU_REACHED))
    assert changes["gpu_seconds"] == pytest.approx(1 + 4 * 3000 * GPU_LAUNCH)
    assert spaces == {"seconds": 30.0, "beside_seconds": 30.0, "gpu_seconds": 30.0}
    assert found["seconds"] == 22 + 30 + 9
    assert found["gpu_seconds"] == sum(run["gpu_seconds"] for run in found["runs"].values())


def test_a_part_is_found_by_its_old_name(kept):
    (kept / "runs" / "reach").mkdir()
    (kept / "runs" / "reach" / "spent.json").write_text('{"beside_seconds": 3.0}')
    assert evaluate_training(kept, CLOCK, side=64)["runs"]["stopping"]["seconds"] == 3


def test_the_table_has_a_row_a_part_and_says_what_is_projected(kept):
    told = training_markdown(evaluate_training(kept, CLOCK, side=64))
    lines = told.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:6]] == [
        "BEGAN", "both spaces", "changes", "all",
    ]  # fmt: skip
    assert lines[2].startswith("| BEGAN | 10 | 0.4 | 0.0 | 1000.0 | 5 |")
    assert lines[3].startswith("| both spaces | - | 0.5 | 0.5 | - | - | - |")
    assert lines[5].startswith("| all | - | 1.0 |")
    assert "a projection, not a measurement" in told


def test_every_run_of_train_all_has_its_row(trained_all):
    _, out = trained_all
    found = evaluate_training(out, CLOCK, side=64)
    assert list(found["runs"]) == list(RUNS)
    assert all(run["seconds"] > 0 for run in found["runs"].values())


def test_a_folder_without_runs_is_named(tmp_path):
    with pytest.raises(InputError, match="keeps no record of its training.*train all") as caught:
        evaluate_training(tmp_path, CLOCK)
    assert str(tmp_path) in str(caught.value)
