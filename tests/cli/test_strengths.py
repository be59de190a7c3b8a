"""What a user writes after -a and --keep."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istrc.cli.strengths import LIMIT, parse_edits, parse_keep, parse_names
from istrc.errors import IstrcError

KNOWN = ["male", "smile", "mouth_open", "beard", "eyeglasses", "wearing_hat", "blond_hair"]


@pytest.mark.parametrize(
    ("texts", "edits"),
    [
        (["smile=+1"], {"smile": 1.0}),
        (["smile"], {"smile": 1.0}),
        (["smile=-0.5"], {"smile": -0.5}),
        (["smile=0"], {"smile": 0.0}),
        (["smile=+1", "young=-.5"], {"smile": 1.0, "young": -0.5}),
        (["smile, young = -2"], {"smile": 1.0, "young": -2.0}),
        (["Mouth-Open=1e-1"], {"mouth_open": 0.1}),
        (["Blond Hair"], {"blond_hair": 1.0}),
        (["five_o_clock_shadow"], {"five_o_clock_shadow": 1.0}),
    ],
)
def test_edits_are_read(texts, edits):
    assert parse_edits(texts) == edits


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "at least one attribute"),
        ([" ,"], "at least one attribute"),
        (["smile="], "NAME=STRENGTH"),
        (["=1"], "NAME=STRENGTH"),
        (["smile=much"], "'much' is not a number"),
        (["smile=nan"], "'nan' is not a number"),
        (["smile=inf"], "from -2 to 2"),
        (["smile=2.01"], "from -2 to 2"),
        (["smile=-3"], "strength -3 is out of range"),
        (["smile", "smile=-1"], "given twice"),
        (["smile==1"], "not a number"),
        (["smile=1=2"], "not a number"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(texts, said):
    with pytest.raises(IstrcError) as caught:
        parse_edits(texts)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@given(st.floats(-LIMIT, LIMIT), st.sampled_from(KNOWN))
def test_every_strength_in_range_comes_back(strength, name):
    assert parse_edits([f"{name}={strength!r}"]) == {name: strength}


@given(st.floats().filter(lambda value: not abs(value) <= LIMIT))
def test_every_other_strength_is_refused(strength):
    assert math.isnan(strength) or abs(strength) > LIMIT
    with pytest.raises(IstrcError):
        parse_edits([f"smile={strength!r}"])


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused_in_one_line(text):
    try:
        edits = parse_edits([text])
    except IstrcError as error:
        assert str(error)
    else:
        assert edits and all(abs(strength) <= LIMIT for strength in edits.values())


def test_names_to_keep_are_repeated_or_separated_by_commas():
    assert parse_names(["male", "Young,beard", "male"]) == ["male", "young", "beard"]
    assert parse_names([]) == []


def test_an_attribute_cannot_be_changed_and_kept():
    assert parse_keep(["male"], {"smile": 1.0}) == ["male"] and parse_keep([], {}) is None
    with pytest.raises(IstrcError, match="--keep smile"):
        parse_keep(["male", "smile"], {"smile": 1.0})
