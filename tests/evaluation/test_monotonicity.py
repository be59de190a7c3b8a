import numpy as np
import pytest
from scipy.stats import spearmanr

from istrc.data.prepared import to_pixels, to_tensor
from istrc.evaluation.editing import Bench, circle_editors, evaluate_editing
from istrc.evaluation.editing_faces import choose_faces
from istrc.evaluation.monotonicity import AlongStrengths, along_walks, monotonicity


def test_monotonicity_the_slow_way():
    wanted = np.random.default_rng(0).uniform(size=(6, 4)).round(1)  # with ties
    wanted[:, 3] = 0.5  # a face that nothing happens to
    found = monotonicity(wanted)
    steps = [wanted[t + 1, n] >= wanted[t, n] - 0.01 for t in range(5) for n in range(4)]
    assert found["rising"] == np.mean(steps)
    slow = [spearmanr(np.arange(6), wanted[:, n]).statistic for n in range(3)]
    assert found["spearman"] == pytest.approx(np.mean(slow))


PERFECT = {"rising": 1.0, "spearman": 1.0}


def test_what_only_rises_is_perfect_and_what_stands_still_has_no_order():
    assert monotonicity(np.linspace(0, 1, 5)[:, None]) == pytest.approx(PERFECT)
    assert monotonicity(np.linspace(1, 0, 5)[:, None]) == pytest.approx(
        {"rising": 0.0, "spearman": -1.0}
    )
    still = monotonicity(np.full((5, 2), 0.3))
    assert still["rising"] == 1 and np.isnan(still["spearman"])


@pytest.fixture(scope="module")
def edits(prepared, judge):
    bench = Bench(prepared, judge, None, split="valid", batch_size=16)
    return choose_faces(prepared, bench.probability, judge, transformations=["smile"], faces=7)[0]


def test_along_a_walk_the_slow_way(circle, prepared, judge, edits):
    found = along_walks(
        circle, prepared, judge, edits, modes=("photo", "circle"), faces=3, frames=4, batch_size=2
    )
    less = edits[1]
    assert less.name == "smile-"
    x = prepared.batch(less.rows[[0, 3, 6]])
    z = circle.embed(x)
    frames = circle.walk(z, {"smile": -1.0}).frames(4)
    pictures = [to_tensor(to_pixels(circle.rebuild(x, z, point))) for point in frames]
    lacks = [1 - judge.probabilities(p)[:, judge.column("smile")] for p in pictures]
    slow = monotonicity(np.stack(lacks))
    assert found["methods"]["photo"]["edits"]["smile-"] == pytest.approx(slow, abs=1e-6)
    assert list(found["methods"]) == ["photo", "circle"] and found["frames"] == 4
    values = [one["rising"] for one in found["methods"]["circle"]["edits"].values()]
    assert found["methods"]["circle"]["mean"]["rising"] == pytest.approx(np.mean(values))


def test_along_strengths_from_the_original_on(circle, prepared, judge, edits):
    bench = Bench(prepared, judge, None, split="valid", batch_size=16)
    editor, sweep, edit = (
        circle_editors(circle, ["photo"])["photo"],
        AlongStrengths(judge),
        edits[0],
    )
    column, frames = judge.column("smile"), {}
    for strength in (1.0, 0.5):  # in any order
        outcome = bench.run(editor, edit, strength)
        sweep.add("photo", strength, outcome)
        frames[strength] = outcome.after[:, column]
    sweep.add("once", 1.0, outcome)
    found = sweep.found()["methods"]
    slow = monotonicity(np.stack([outcome.before[:, column], frames[0.5], frames[1.0]]))
    assert found["photo"]["mean"] == pytest.approx(slow)
    assert "once" not in found  # two pictures are no row


def test_it_stands_in_the_results(circle, prepared, judge):
    common = dict(circle=circle, prepared=prepared, judge=judge, transformations=["smile"], faces=4)
    found = evaluate_editing(**common, modes=("photo",), strengths=(0.5, 1.0), walks=2)
    grows = found["monotonicity"]
    assert set(grows["walk"]["methods"]) == {"photo"} == set(grows["strengths"]["methods"])
    found = evaluate_editing(**common, modes=("photo",), walks=0, nothing=False)
    assert found["monotonicity"] == {"strengths": {"methods": {}, "fall": 0.01}}
