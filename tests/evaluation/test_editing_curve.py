import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.curve import draw_curves

from istrc.evaluation.editing_curve import at_equal_identity, curves, success_at

LINE = [(1.0, 0.0), (0.96, 0.5), (0.86, 0.9), (0.6, 0.8)]


def one(same, success):
    return {"mean": {"same_person": same, "success": success}}


@pytest.fixture
def methods():
    return {
        "photo": {"1": one(0.86, 0.9), "0.5": one(0.96, 0.5), "2": one(0.6, 0.8)},
        "peer": {"1": one(0.5, 0.7)},
        "nothing, photo": {"0": one(1.0, 0.0)},
        "blind": {"1": {"mean": {"success": 1.0}}},
    }


def test_success_is_straight_between_strengths():
    assert success_at(LINE, 0.96) == 0.5
    assert success_at(LINE, 0.91) == pytest.approx(0.7)
    assert success_at(LINE, 0.98) == pytest.approx(0.25)
    assert success_at(LINE, 0.7) == pytest.approx(0.9)  # its best is more faithful than asked
    assert success_at([(0.97, 0.1), *LINE[1:]], 0.97) == 0.1
    assert math.isnan(success_at(LINE[1:], 0.99)) and math.isnan(success_at([], 0.5))


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_asking_for_less_fidelity_never_costs_success(points, a, b):
    strict, loose = success_at(points, max(a, b)), success_at(points, min(a, b))
    assert math.isnan(strict) or loose >= strict - 1e-9


def test_curves_begin_where_nothing_was_done(methods):
    found = curves(methods)
    assert found["photo"] == [(0, 1.0, 0.0), (0.5, 0.96, 0.5), (1, 0.86, 0.9), (2, 0.6, 0.8)]
    assert found["peer"] == [(1, 0.5, 0.7)] and list(found) == ["photo", "peer"]
    equal = at_equal_identity(methods)
    assert equal["photo"]["0.9"] == pytest.approx(success_at(LINE, 0.9))
    assert math.isnan(equal["peer"]["0.9"])


def test_the_figure_is_drawn_from_what_json_holds(methods, tmp_path):
    pytest.importorskip("matplotlib")
    from tools.curve import curve_figure

    results = {"methods": methods, "split": "valid"}
    results["second_recogniser"] = {"name": "dlib", "far": 1e-3}
    results["few"] = {"faces_per_edit": 2, "methods": {**methods, "slow": {"1": one(0.7, 0.7)}}}
    panels = curve_figure(results).axes
    drawn = [{line.get_label(): line for line in axes.lines} for axes in panels]
    assert list(drawn[0]) == ["photo", "peer"] and list(drawn[1]) == ["photo", "peer", "slow"]
    assert list(drawn[0]["photo"].get_xdata()) == [1.0, 0.96, 0.86, 0.6]
    assert list(drawn[0]["photo"].get_ydata()) == [0.0, 0.5, 0.9, 0.8]
    assert drawn[0]["peer"].get_color() == drawn[1]["peer"].get_color()
    for ending in ("png", "svg"):
        path = draw_curves(results, tmp_path / "out" / f"curve.{ending}")
        assert path.stat().st_size > 1000
    assert len(list((tmp_path / "out").iterdir())) == 2
