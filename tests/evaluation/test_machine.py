"""How medians are taken."""

import pytest
import torch

from istrc.evaluation.machine import Clock

CPU = torch.device("cpu")


def test_the_median_of_several_runs_after_one(monkeypatch):
    now = iter([9.0, 1.0, 5.0, 2.0])  # the first warms up
    clock = Clock(CPU, runs=3, budget=100.0)
    monkeypatch.setattr(Clock, "once", lambda self, work: next(now))
    assert clock.seconds(None) == 2.0


def test_what_is_slower_than_the_budget_is_run_once(monkeypatch):
    ran = []
    monkeypatch.setattr(Clock, "once", lambda self, work: ran.append(1) or 3.0)
    assert Clock(CPU, runs=5, budget=1.0).seconds(None) == pytest.approx(3.0) and len(ran) == 1
