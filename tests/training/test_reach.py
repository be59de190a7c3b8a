"""How far prototypes go, measured on edited pictures."""

import copy
import json

import numpy as np
import pytest
import torch

from istrc.data.prepared import Prepared
from istrc.training.probes import RARE
from istrc.training.reach import SEEN, SLACK, TIMES, candidates, train_reach


@pytest.fixture
def circle(shaped_circle):
    other = copy.copy(shaped_circle)
    other.probes = copy.deepcopy(shaped_circle.probes)
    return other


def test_reach_is_the_first_that_is_seen_by_nearly_all(
    circle, shaped_folder, tmp_path, monkeypatch
):
    """The picture says what it is told to: from twice the way on, or never."""
    column = circle.probes.names.index("smile")

    def logits(z, asked):
        seen = asked == ["smile"] and circle.probes.reach[column, 0] >= 2
        return torch.full((len(z), 1), 1.0 if seen else -1.0)

    monkeypatch.setattr(circle, "logits", logits, raising=False)
    monkeypatch.setattr(circle, "reach", lambda x, z, s, drawing: _Still(drawing), raising=False)
    probes = train_reach(shaped_folder, tmp_path, circle=circle, faces=4)
    told = json.loads((tmp_path / "run.json").read_text())["edits"]
    assert told["smile+"]["reach"] == 2.0 and told["smile+"]["seen"] == 1.0
    assert told["smile-"]["reach"] == TIMES[0]  # never seen: no further than it must
    assert probes.reach[column].tolist() == [2.0, TIMES[0]]
    assert 0 < SLACK < SEEN <= 1


class _Still:
    def __init__(self, drawing):
        self.change = drawing.c * 0


def test_candidates_lack_it_and_might_have_it(shaped_folder):
    prepared = Prepared(shaped_folder)
    tune = set(prepared.rows("tune").tolist())
    for name in prepared.attribute_names:
        column = prepared.column(name)
        for sign, lacking in ((1.0, 0), (-1.0, 1)):
            rows = candidates(prepared, name, sign, 5, seed=0)
            assert len(rows) <= 5 and set(rows.tolist()) <= tune
            assert (column[rows] == lacking).all()
            np.testing.assert_array_equal(rows, candidates(prepared, name, sign, 5, seed=0))
    assert 0 < RARE < 0.5
