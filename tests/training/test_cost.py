"""What a run has cost: counted by hand, added up over starts, and kept where nothing was done."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from istrc.training import cost
from istrc.training.cost import Cost, read, timed


def test_a_step_is_counted_as_by_hand(tmp_path):
    """B x I by I x O forward and, backward, once for the weights; x asks for no gradient."""
    net, x = nn.Linear(6, 4, bias=False), torch.randn(5, 6)
    record = Cost(tmp_path, 0)
    with record.counting():
        net(x).sum().backward()
    assert record.values["operations"] == 2 * (2 * 5 * 6 * 4)
    with record.counting():  # counted once
        net(torch.randn(500, 6)).sum().backward()
    assert record.values["operations"] == 2 * (2 * 5 * 6 * 4)


def test_convolutions_count_and_gradients_may_be_asked_for_within(tmp_path):
    weight = torch.randn(8, 3, 3, 3, requires_grad=True)
    x = torch.randn(2, 3, 10, 10, requires_grad=True)
    record = Cost(tmp_path, 0)
    with record.counting():
        torch.autograd.grad(F.conv2d(x, weight, padding=1).sum(), [x, weight])
    once = 2 * 2 * 10 * 10 * 8 * 3 * 9
    assert record.values["operations"] == 3 * once  # forward, to x, to the weights


def test_views_are_no_calls(tmp_path):
    x = torch.ones(4, 6)
    record = Cost(tmp_path, 0)
    with record.counting():
        x.view(24).add_(1)  # a view, and an operation in place
        x.T[1:]
        x + x
    assert record.values["calls"] == 2


def test_seconds_add_up_over_starts(tmp_path):
    first = Cost(tmp_path, 0)
    with first.counting():
        torch.ones(2) + 1
    first.save(10, 4.0)
    first.save(20, 9.0)  # of the same start
    assert read(tmp_path) == {"operations": 0, "calls": 2, "steps": 20, "seconds": 9.0}
    again = Cost(tmp_path, 20)
    again.save(30, 2.5)
    assert read(tmp_path)["seconds"] == 11.5 and read(tmp_path)["calls"] == 2
    Cost(tmp_path, 0).save(1, 1.0)  # from the start: another run
    assert read(tmp_path) == {"steps": 1, "seconds": 1.0}


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(cost.time, "monotonic", lambda: now[0])
    return now


def test_the_rest_of_a_part_is_what_its_steps_did_not_take(tmp_path, clock):
    run = tmp_path / "run"
    with timed(run):
        run.mkdir()
        clock[0] = 100.0
        Cost(run, 0).save(5, 70.0)
    assert read(run) == {"steps": 5, "seconds": 70.0, "beside_seconds": 30.0}
    with timed(run):  # goes on
        clock[0] = 150.0
        Cost(run, 5).save(8, 40.0)
    assert read(run) == {"steps": 8, "seconds": 110.0, "beside_seconds": 10.0}


def test_a_part_without_steps_is_all_rest_and_is_recorded_once(tmp_path, clock):
    with timed(tmp_path / "spaces"):
        clock[0] = 12.0
    assert read(tmp_path / "spaces") == {"beside_seconds": 12.0}
    with timed(tmp_path / "spaces"):
        clock[0] = 15.0
    assert read(tmp_path / "spaces") == {"beside_seconds": 12.0}


def test_what_is_finished_keeps_its_record(tmp_path, clock):
    Cost(tmp_path, 0).save(5, 70.0)
    before = (tmp_path / cost.NAME).read_text()
    with timed(tmp_path):
        clock[0] = 60.0
    assert (tmp_path / cost.NAME).read_text() == before
    assert json.loads(before)["steps"] == 5


def test_the_record_of_an_earlier_version_is_read_and_goes_on(tmp_path):
    (tmp_path / cost.OLD_NAME).write_text('{"steps": 5, "seconds": 70.0}')
    assert read(tmp_path)["seconds"] == 70.0
    Cost(tmp_path, 5).save(8, 40.0)
    assert json.loads((tmp_path / cost.NAME).read_text()) == {"steps": 8, "seconds": 110.0}
    assert read(tmp_path)["steps"] == 8


def test_nothing_was_kept(tmp_path):
    assert read(tmp_path / "nowhere") == {}
