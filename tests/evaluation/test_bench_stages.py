"""What is counted of a stage, and how medians are taken."""

import pytest
import torch
from torch.nn import functional as F

from istrc.evaluation.speed.machine import Clock
from istrc.evaluation.speed.stages import multiply_adds

CPU = torch.device("cpu")


def test_a_product_is_counted_by_hand():
    a, b = torch.randn(3, 5), torch.randn(5, 7)
    assert multiply_adds(lambda: a @ b) == 3 * 5 * 7


def test_convolutions_are_counted_by_hand():
    x, weight = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
    assert multiply_adds(lambda: F.conv2d(x, weight, padding=1)) == 9 * 3 * 4 * 64 * 2
    # A transposed one with stride 2: 16 multiply-adds a pixel of what goes in
    kernel = torch.randn(3, 4, 4, 4)
    found = multiply_adds(lambda: F.conv_transpose2d(x, kernel, stride=2, padding=1))
    assert found == 16 * 3 * 4 * 64 * 2


def test_the_median_of_several_runs_after_one(monkeypatch):
    now = iter([9.0, 1.0, 5.0, 2.0])  # the first warms up
    clock = Clock(CPU, runs=3, budget=100.0)
    monkeypatch.setattr(Clock, "once", lambda self, work: next(now))
    assert clock.seconds(None) == 2.0


def test_what_is_slower_than_the_budget_is_run_once(monkeypatch):
    ran = []
    monkeypatch.setattr(Clock, "once", lambda self, work: ran.append(1) or 3.0)
    assert Clock(CPU, runs=5, budget=1.0).seconds(None) == pytest.approx(3.0) and len(ran) == 1
