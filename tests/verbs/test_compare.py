import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from istrc import sphere
from istrc.circle import Circle
from istrc.errors import InputError
from istrc.recognisers.recogniser import key
from istrc.verbs import calibration
from istrc.verbs.compare import angles, differences


def test_angles_of_all(crowd):
    table = angles(crowd.z)
    for i in range(5):
        for j in range(5):
            expected = float(torch.acos((crowd.z[i] @ crowd.z[j]).clamp(-1, 1)))
            assert float(table[i, j]) == pytest.approx(expected, abs=1e-3)
    assert (table.diagonal() == 0).all()


def test_the_largest_difference_comes_first(blank, crowd):
    found = differences(blank, crowd.z[:1], crowd.z[1:2])
    assert {one.name for one in found} == set(blank.attribute_names)
    far = [abs(one.second - one.first) for one in found]
    assert far == sorted(far, reverse=True)
    column = blank.attribute_names.index(found[0].name)
    assert found[0].first == pytest.approx(float(blank.scores(crowd.z[:1])[0, column]), abs=1e-5)


def test_pairs_the_slow_way(crowd):
    who = np.array([1, 1, 2, 2, 1])
    same, different = calibration.pair_angles(crowd.z.numpy(), who)
    slow = {True: [], False: []}
    for i in range(5):
        for j in range(i + 1, 5):
            slow[bool(who[i] == who[j])].append(float(sphere.angle(crowd.z[i], crowd.z[j])))
    assert sorted(same) == pytest.approx(sorted(slow[True]), abs=1e-6)
    assert sorted(different) == pytest.approx(sorted(slow[False]), abs=1e-6)


class Colours:
    """Stands for a circle: a face's embedding is its mean colour, put on the sphere."""

    def __init__(self):
        self.recogniser = SimpleNamespace(record={"kind": "colours"})

    def embed(self, x):
        return sphere.normalize(x.mean((2, 3)) + 1.5)


@pytest.fixture
def measured(toys):
    return calibration.measure(Colours(), toys)


def test_thresholds_are_of_tune_alone(toys, measured):
    rows = toys.rows("tune")
    assert measured["faces"] == len(rows) == 64 and measured["people"] == 8
    z = Colours().embed(toys.batch(rows))
    same, different = calibration.pair_angles(z.numpy(), toys.identity[rows])
    assert measured["pairs"] == {"same": len(same), "different": len(different)}
    assert set(measured["far"]) == {"0.1", "0.01", "0.001"}  # 1792 pairs cannot show 1e-4
    for rate, at in measured["far"].items():
        assert np.mean(different < at["angle"]) <= float(rate)
        assert at["tar"] == pytest.approx(np.mean(same < at["angle"]))


def test_fewer_faces_are_drawn_with_the_seed(toys):
    settings = dict(faces=30, seed=1)
    one = calibration.measure(Colours(), toys, **settings)
    assert one["faces"] == 30 and one == calibration.measure(Colours(), toys, **settings)


def test_without_pairs(toys):
    nobody = SimpleNamespace(
        folder="x", identity=np.full(3, -1), rows=lambda _: np.arange(3), info={}
    )
    with pytest.raises(InputError, match="with identities"):
        calibration.measure(Colours(), nobody)


@pytest.fixture
def model(blank_model, tmp_path):
    shutil.copytree(blank_model, tmp_path / "model")
    return tmp_path / "model"


def write(model, **changes):
    circle = Circle.from_pretrained(model)
    found = {
        "recogniser": key(circle.recogniser.record),
        "far": {"0.1": {"angle": 1.0, "tar": 0.9}, "0.001": {"angle": 0.5, "tar": 0.4}},
        "pairs": {"same": 10, "different": 1000},
    }
    (model / calibration.NAME).write_text(json.dumps({**found, **changes}))
    return circle


def test_a_threshold_is_read_back(model):
    circle = write(model)
    found = calibration.read_threshold(model, circle, 1e-3)
    assert found == calibration.Threshold(1e-3, 0.5, 0.4, 1000)


def test_none_was_measured(model):
    assert calibration.read_threshold(model, Circle.from_pretrained(model), 1e-3) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recogniser": "other"}, "other weights"),
        ({"far": 3}, "damaged"),
        ({"far": {"0.001": {}}}, "damaged"),
        ({"far": {"0.1": {"angle": 1.0, "tar": 0.9}}}, "--far 0.001: .* give one of 0.1"),
    ],
)
def test_what_is_no_threshold(model, changes, said):
    circle = write(model, **changes)
    with pytest.raises(InputError, match=said):
        calibration.read_threshold(model, circle, 1e-3)
