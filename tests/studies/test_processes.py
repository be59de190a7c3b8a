"""`python -m studies.processes`: what a step takes, how many times faster, and what GPUs would."""

import json

import pytest
from studies.training import GPU_LAUNCH, GPU_PEAK, GPU_REACHED

from studies import processes

SMALL = "--people 4 --pictures 2 --size 16 --widths 8,8 --depths 1,1 --validate-every 9"


@pytest.mark.slow
def test_a_step_of_one_process_is_measured(toy_folder, tmp_path):
    pytest.importorskip("pytorch_metric_learning")
    found = processes.measured(str(toy_folder), 1, 2, SMALL.split(), tmp_path / "run")
    assert found["steps"] == processes.WARM + 2 and found["operations"] > 0
    assert set(processes.MEASURES) <= set(found)
    # float32, of the network alone: not of its average, nor of what its optimiser holds
    sent = processes.gradient_bytes(tmp_path / "run" / "long")
    assert 0 < sent < (tmp_path / "run" / "long" / "checkpoint.safetensors").stat().st_size / 2


def test_the_medians_are_of_the_rounds_own(monkeypatch, tmp_path, capsys):
    clocks = {1: iter([4.0, 9.0, 6.0]), 2: iter([2.0, 5.0, 6.0])}

    def measured(data, count, steps, options, run):
        counted = dict(operations=2 * 10**12, calls=1000)
        return dict(clock=next(clocks[count]), processor=3.0 / count, **counted)

    monkeypatch.setattr(processes, "measured", measured)
    monkeypatch.setattr(processes, "at_once", lambda *asked: 5.0)
    monkeypatch.setattr(processes, "gradient_bytes", lambda run: 9 * 10**8)
    processes.main(["prepared", "--rounds", "3", "--json", str(tmp_path / "f.json")])
    found = json.loads((tmp_path / "f.json").read_text())["fabric"]
    clock = found["processes"]["2"]["clock"]
    assert clock == dict(median=5.0, each=[2.0, 5.0, 6.0], faster=1.8)  # of 2, 1.8 and 1
    assert found["processes"]["2"]["processor"]["faster"] == 2
    assert found["allowed"] == dict(median=2.4, each=[1.6, 3.6, 2.4])  # twice the work in 5 seconds
    assert (
        "| 2 | 5.000 | 1.800 | 1.00 to 2.00 | 1.500 | 2.000 | 2.00 to 2.00 |"
        in capsys.readouterr().out
    )


def test_the_estimate_by_hand():
    work = 2e12 / (GPU_REACHED * GPU_PEAK)
    assert processes.estimated(2e12, 10, 10**6, 1) == pytest.approx(work)
    # A ring of eight sends seven eighths of the gradients twice
    ring = 2 * 7 / 8 * 10**6 / processes.INSIDE
    assert processes.estimated(2e12, 10, 10**6, 8) == pytest.approx(work / 8 + ring)
    # No GPU is quicker than its calls
    assert processes.estimated(1, 10**6, 0, 64) == pytest.approx(10**6 * GPU_LAUNCH)
