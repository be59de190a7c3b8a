"""Where edits stop, measured on edited pictures."""

import copy
import itertools
import json

import numpy as np
import pytest
import torch

from istrc import sphere
from istrc.data.prepared import Prepared
from istrc.shape.measures import MEASURED, measures
from istrc.training.probes import RARE
from istrc.training.stopping import (
    FACTORS,
    FALSE_ACCEPTS,
    GAINS,
    HALF,
    SLACK,
    SUFFICIENT,
    candidates,
    same_person_angle,
    sufficient,
    train_stopping,
)


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
    monkeypatch.setattr(
        circle, "stopped_walk", lambda x, z, s, drawing: _Still(drawing), raising=False
    )
    probes = train_stopping(shaped_folder, tmp_path, circle=circle, faces=4)
    told = json.loads((tmp_path / "run.json").read_text())["edits"]
    assert told["smile+"]["reach"] == 2.0 and told["smile+"]["seen"] == 1.0
    assert told["smile-"]["reach"] == FACTORS[0]  # never seen: no further than it must
    assert probes.reach[column].tolist() == [2.0, FACTORS[0]]
    assert 0 < SLACK < SUFFICIENT <= 1


class _Still:
    def __init__(self, drawing):
        self.change = drawing.c * 0


def test_lengths_go_until_landmarks_find_them(circle, shaped_folder, tmp_path, monkeypatch):
    """Points that move by a share of the gap that grows with the gain, whatever is drawn."""
    row, find, near = circle.probes.measures.index("wide_mouth"), circle.find, {}
    gap = circle.probes.ranges[row, 0, 0] - circle.probes.ranges[row, 1, 0]

    def found(x):
        points = find(x).clone()
        across = points[:, 54, :2] - points[:, 48, :2]
        times = (0.3 * circle.probes.gain[row, 0] if near.pop("wide_mouth", 0) else 0.0) * gap
        width = measures(points[..., :2])[MEASURED["wide_mouth"]]
        points[:, 54, :2] += (times / width)[:, None] * across
        return points

    def stopped_walk(x, z, strengths, drawing):
        near.update(strengths)  # what is looked at next is edited
        return _Still(drawing)

    monkeypatch.setattr(circle, "find", found, raising=False)
    monkeypatch.setattr(circle, "stopped_walk", stopped_walk, raising=False)
    probes = train_stopping(shaped_folder, tmp_path, circle=circle, faces=4)
    told = json.loads((tmp_path / "run.json").read_text())["edits"]["wide_mouth+"]
    assert told["gain"] == 2.0 and told["found"] == 1.0 and 0.3 * 1.5 < HALF < 0.3 * 2
    assert probes.gain[row, 0] == 2.0
    again = copy.deepcopy(probes)
    again.gain.fill_(1.0)
    circle.probes = again
    record = tmp_path / "run.json"  # as it was written when the part had another name
    record.write_text(record.read_text().replace('"part": "stopping"', '"part": "reach"'))
    assert '"part": "reach"' in record.read_text()
    monkeypatch.setattr(circle, "stopped_walk", None)  # finished before: nothing is edited
    assert train_stopping(shaped_folder, tmp_path, circle=circle, faces=4).gain[row, 0] == 2.0


@pytest.mark.parametrize(
    ("shares", "first"),
    [
        ({1.25: 0.95}, 1.25),  # the first that is sufficient
        ({1.5: 0.6, 2.5: 0.6 + SLACK / 2}, 1.5),  # the first that is nearly as much as any
        ({}, FACTORS[0]),
    ],
)
def test_enough_is_the_first_that_shows(shares, first):
    value, tried = torch.tensor(1.0), []

    def shows():
        tried.append(round(value.item(), 3))
        return torch.arange(200) < 200 * shares.get(tried[-1], 0)

    assert sufficient(value, shows) == (first, pytest.approx(shares.get(first, 0), abs=0.01))
    assert value == first and tried == list(FACTORS[: len(tried)])


def test_all_ways_are_tried_where_no_share_is_enough():
    """The shortest that is found nearly as often as any, were even the first found in all."""
    value, shares = torch.tensor(1.0), dict.fromkeys(GAINS, 0.95)
    shares[GAINS[0]] = 0.9
    found = sufficient(
        value, lambda: torch.arange(200) < 200 * shares[round(value.item(), 3)], GAINS, 1
    )
    assert found == (GAINS[1], pytest.approx(0.95)) and value == pytest.approx(GAINS[1])


def test_how_near_strangers_are(circle, shaped_folder):
    """One in a hundred pairs of them is nearer."""
    prepared, seen = Prepared(shaped_folder), {}
    for row in np.random.default_rng(1).permutation(prepared.rows("tune")):
        seen.setdefault(prepared.identity[row], row)
    z = circle.embed(prepared.batch(np.array([*seen.values()])))
    angles = [sphere.angle(a[None], b[None]).item() for a, b in itertools.combinations(z, 2)]
    assert len(angles) > 1
    assert same_person_angle(circle, prepared, 1) == pytest.approx(
        np.quantile(angles, FALSE_ACCEPTS), abs=1e-3
    )


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
