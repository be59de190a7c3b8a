"""What is counted of a stage, and how medians are taken."""

import pytest
import torch
from torch.nn import functional as F

from istrc.evaluation.speed.clock import Clock
from istrc.evaluation.speed.limit import Work, counted, peaks

CPU = torch.device("cpu")


def test_a_product_is_counted_by_hand():
    a, b = torch.randn(3, 5), torch.randn(5, 7)
    assert counted(lambda: a @ b) == Work(2 * 3 * 5 * 7, 4 * (15 + 35 + 21))


def test_convolutions_are_counted_and_views_move_nothing():
    x, weight = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
    found = counted(lambda: F.conv2d(x, weight, padding=1).view(-1)[:5])
    assert found.operations == 2 * 9 * 3 * 4 * 64 * 2
    assert found.bytes == 4 * (x.numel() + weight.numel() + 2 * 4 * 64)
    # A transposed one with stride 2: 16 multiply-adds a pixel of what goes in
    kernel = torch.randn(3, 4, 4, 4)
    found = counted(lambda: F.conv_transpose2d(x, kernel, stride=2, padding=1))
    assert found.operations == 2 * 16 * 3 * 4 * 64 * 2


def test_shares_are_of_the_nearer_limit():
    found = {"float32": 100.0, "bfloat16": 400.0, "copy": 10.0}
    assert Work(50, 2).share(1.0, found, "float32") == {
        "arithmetic": 0.5, "copying": 0.2, "limit": 0.5
    }  # fmt: skip
    assert Work(50, 2).share(1.0, found, "bfloat16")["limit"] == 0.2


def test_peaks_are_of_both_precisions_and_a_copy():
    found = peaks(Clock(CPU, runs=2, budget=0.1), side=32, copied=2**12)
    assert found.keys() == {"float32", "bfloat16", "copy"} and min(found.values()) > 0


def test_the_median_of_several_runs_after_one(monkeypatch):
    now = iter([9.0, 1.0, 5.0, 2.0])  # the first warms up
    clock = Clock(CPU, runs=3, budget=100.0)
    monkeypatch.setattr(Clock, "once", lambda self, work: next(now))
    assert clock.seconds(None) == 2.0


def test_what_is_slower_than_the_budget_is_run_once(monkeypatch):
    ran = []
    monkeypatch.setattr(Clock, "once", lambda self, work: ran.append(1) or 3.0)
    assert Clock(CPU, runs=5, budget=1.0).seconds(None) == pytest.approx(3.0) and len(ran) == 1
