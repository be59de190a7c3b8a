"""What an edit preserves: never itself, nor what it means; what is asked for, always."""

import itertools

import pytest

from istrc.attributes import MOVES_WITH, TRANSFORMATIONS, moves
from istrc.edit.constraints import PRESERVED, named, preserved


def test_an_edit_preserves_what_it_is_not_about():
    smile = preserved(["smile"])
    assert "smile" not in smile and "mouth_open" not in smile  # a smile may open the mouth
    assert {"male", "young", "makeup", "beard", "eyeglasses"} <= set(smile)
    assert preserved(["a_new_one"]) == list(PRESERVED)


@pytest.mark.parametrize("name", [*TRANSFORMATIONS, *MOVES_WITH])
def test_the_sex_moves_with_nothing_else(name):
    assert ("male" in preserved([name])) == (name != "male")


def test_the_papers_faults_are_prevented():
    """Section 5.5: beard and makeup change the sex; ageing adds glasses, youth makeup."""
    for name in ("beard", "mustache", "makeup"):
        assert "male" in preserved([name])
    assert {"eyeglasses", "makeup", "male"} <= set(preserved(["young"]))


def test_what_is_asked_joins_the_default():
    assert set(preserved(["smile"], ["mouth_open"])) == {*preserved(["smile"]), "mouth_open"}
    assert set(preserved(["smile"], "bangs")) == {*preserved(["smile"]), "bangs"}
    assert preserved(["smile"], ["male", "male"]) == preserved(["smile"])


def test_nothing_is_preserved_where_none_is_asked():
    assert preserved(["smile"], []) == preserved(["smile"], ["none"]) == []
    assert preserved(["smile"], ["none", "male"]) == ["male"]
    assert preserved(["male"], ["none", "male"]) == []


def test_of_several_edits_none_is_held_and_nothing_that_moves_with_any():
    for first, second in itertools.combinations(TRANSFORMATIONS, 2):
        both = set(preserved([first, second]))
        assert both == set(preserved([first])) & set(preserved([second]))
        assert not {first, second} & both


def test_a_name_an_iterator_and_nothing_at_all():
    assert named("male") == ["male"] and named(iter(["a", "b"])) == ["a", "b"]
    assert named(None) is None and named([]) == []
    assert moves("beard", "goatee") and moves("x", "x") and not moves("smile", "male")
