"""What an edit holds: never itself, nor what it means; what is asked for, always."""

import itertools

import pytest

from istrc.attributes import MOVES_WITH, TRANSFORMATIONS, moves
from istrc.edit.holding import HELD, held, named


def test_an_edit_holds_what_it_is_not_about():
    smile = held(["smile"])
    assert "smile" not in smile and "mouth_open" not in smile  # a smile may open the mouth
    assert {"male", "young", "makeup", "beard", "eyeglasses"} <= set(smile)
    assert held(["a_new_one"]) == list(HELD)


@pytest.mark.parametrize("name", [*TRANSFORMATIONS, *MOVES_WITH])
def test_the_sex_moves_with_nothing_else(name):
    assert ("male" in held([name])) == (name != "male")


def test_the_papers_faults_are_held():
    """Section 5.5: beard and makeup change the sex; ageing adds glasses, youth makeup."""
    for name in ("beard", "mustache", "makeup"):
        assert "male" in held([name])
    assert {"eyeglasses", "makeup", "male"} <= set(held(["young"]))


def test_what_is_asked_joins_the_default():
    assert set(held(["smile"], ["mouth_open"])) == {*held(["smile"]), "mouth_open"}
    assert set(held(["smile"], "bangs")) == {*held(["smile"]), "bangs"}
    assert held(["smile"], ["male", "male"]) == held(["smile"])


def test_nothing_is_held_where_none_is_asked():
    assert held(["smile"], []) == held(["smile"], ["none"]) == []
    assert held(["smile"], ["none", "male"]) == ["male"]
    assert held(["male"], ["none", "male"]) == []


def test_of_several_edits_none_is_held_and_nothing_that_moves_with_any():
    for first, second in itertools.combinations(TRANSFORMATIONS, 2):
        both = set(held([first, second]))
        assert both == set(held([first])) & set(held([second]))
        assert not {first, second} & both


def test_a_name_an_iterator_and_nothing_at_all():
    assert named("male") == ["male"] and named(iter(["a", "b"])) == ["a", "b"]
    assert named(None) is None and named([]) == []
    assert moves("beard", "goatee") and moves("x", "x") and not moves("smile", "male")
