"""How far prototypes go, measured on edited pictures."""

import copy
import itertools
import json

import numpy as np
import pytest
import torch

from istrc import sphere
from istrc.data.prepared import Prepared
from istrc.edit.render import Rendering
from istrc.training.probes import RARE
from istrc.training.reach import FAR, LESS, SEEN, SLACK, TIMES, candidates, nearest, train_reach


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


def test_who_is_lost_on_the_way_is_left_nearer(circle, shaped_folder, tmp_path, monkeypatch):
    """Beyond 0.8 times the way an edited face is another one."""
    column = circle.probes.names.index("smile")
    embed = circle.embed

    def embedded(x):
        edited, far = x.max() > 2, circle.probes.reach[column, 0] > 0.8
        return -embed(x - 5) if edited and far else embed(x - 5 if edited else x)

    monkeypatch.setattr(circle, "embed", embedded, raising=False)
    monkeypatch.setattr(Rendering, "drawn", lambda self, *_: self.x + 5)
    monkeypatch.setattr(circle, "reach", lambda x, z, s, drawing: _Still(drawing), raising=False)
    monkeypatch.setattr("istrc.training.reach.nearest", lambda *_: 0.5)
    probes = train_reach(shaped_folder, tmp_path, circle=circle, faces=4)
    told = json.loads((tmp_path / "run.json").read_text())["edits"]["smile+"]
    assert told["reach"] == 0.75 and told["same"] == 1.0
    assert probes.reach[column, 0] == 0.75 and set(LESS) < {*np.arange(0.5, 1, 0.125)}


def test_how_near_strangers_are(circle, shaped_folder):
    """One in a hundred pairs of them is nearer."""
    prepared, seen = Prepared(shaped_folder), {}
    for row in np.random.default_rng(1).permutation(prepared.rows("tune")):
        seen.setdefault(prepared.identity[row], row)
    z = circle.embed(prepared.batch(np.array([*seen.values()])))
    angles = [sphere.angle(a[None], b[None]).item() for a, b in itertools.combinations(z, 2)]
    assert len(angles) > 1
    assert nearest(circle, prepared, 1) == pytest.approx(np.quantile(angles, FAR), abs=1e-3)


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
