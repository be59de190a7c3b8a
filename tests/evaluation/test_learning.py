"""Attributes taught anew from few faces: who is drawn, who is held, what is counted."""

from types import SimpleNamespace

import numpy as np
import pytest
from tools.pages import learning_markdown

from istrc.errors import InputError
from istrc.evaluation.learning import _draw, evaluate_learning

NAMES = ("smile", "male", "eyeglasses")


@pytest.fixture(scope="module")
def untrained(draw_circle):
    return draw_circle(NAMES)


@pytest.fixture
def judge():
    """One that says no to everything."""
    return SimpleNamespace(
        attribute_names=list(NAMES),
        checksum="none",
        column=NAMES.index,
        probabilities=lambda x: np.zeros((len(x), len(NAMES))),
    )


def test_nobody_is_learned_from_and_measured_on():
    people = np.repeat(np.arange(20), 4)
    people[:6] = -1  # not known, and so everybody
    labels = np.tile([1, 0], 40)
    labels[7] = -1
    having, lacking, held = _draw(labels, people, 5, np.random.default_rng(0))
    assert (labels[having] == 1).all() and (labels[lacking] == 0).all()
    assert len(set(having) | set(lacking)) == 10
    drawn = np.concatenate([having, lacking])
    assert not set(people[held]) & (set(people[drawn]) - {-1}) and not set(held) & set(drawn)
    assert (labels[held] >= 0).all()
    assert _draw(labels, people, 39, np.random.default_rng(0)) is None  # none left to measure on
    assert _draw(labels, people, 60, np.random.default_rng(0)) is None


def test_every_count_is_measured_beside_the_circles_own(untrained, judge, toys):
    settings = dict(circle=untrained, prepared=toys, split="fit", draws=2, faces=6, judge=judge)
    seen = []
    found = evaluate_learning(
        **settings, attributes=["smile", "eyeglasses"], counts=[5, 100],
        progress=lambda *at: seen.append(at),
    )  # fmt: skip
    assert list(found["attributes"]) == ["smile", "eyeglasses"]
    assert set(found["left_out"]) <= {"smile, 100", "eyeglasses, 100"}
    for name in ("smile", "eyeglasses"):
        of_five, own = found["attributes"][name]["5"], found["attributes"][name]["own"]
        assert 0 <= of_five["auc"] <= 1 and 0 <= of_five["kept"] <= 1 and of_five["auc_std"] >= 0
        assert {"angle", "added", "removed", "success"} <= set(of_five) & set(own)
        # The judge says no: nothing was added, all was removed
        assert (own["added"], own["removed"], own["success"]) == (0, 1, 0.5)
    mean = np.mean([found["attributes"][name]["5"]["auc"] for name in found["attributes"]])
    assert found["mean"]["5"]["auc"] == pytest.approx(mean)
    assert seen[0] == (0, 4) and seen[-1] == (4, 4)
    assert not untrained.learned  # it is as it was
    table = learning_markdown(found)
    assert table.startswith("| pictures | eyeglasses | smile | mean |")  # whatever a file's order
    assert "| 5 a side |" in table and "| the circle's own |" in table
    again = evaluate_learning(**settings, attributes=["smile", "eyeglasses"], counts=[5])
    assert again["attributes"]["smile"]["5"] == found["attributes"]["smile"]["5"]


def test_what_cannot_be_measured_is_said(untrained, toys):
    settings = dict(circle=untrained, prepared=toys, split="fit", draws=1)
    with pytest.raises(InputError, match="no attribute 'hats'"):
        evaluate_learning(**settings, attributes=["hats"], counts=[5])
    with pytest.raises(InputError, match="5 is the least"):
        evaluate_learning(**settings, attributes=["smile"], counts=[3])
    with pytest.raises(InputError, match="too few fit faces"):
        evaluate_learning(**settings, attributes=["smile"], counts=[300])
