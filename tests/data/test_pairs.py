"""Pairs that are drawn and not listed: distinct, of the kind they say, each equally likely."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istrc.data.pairs import count_pairs, draw_pairs

PEOPLE = st.lists(st.integers(0, 6), max_size=25).map(lambda values: np.array(values, np.int64))


def slow(people):
    """(same, different): every pair of either kind, as sets."""
    pairs = list(itertools.combinations(range(len(people)), 2))
    same = {frozenset(p) for p in pairs if people[p[0]] == people[p[1]]}
    return same, {frozenset(p) for p in pairs} - same


@given(PEOPLE, st.integers(0, 40), st.integers(0, 40), st.integers(0, 9))
def test_pairs_are_distinct_and_of_their_kind(people, same, different, seed):
    places, kind = draw_pairs(people, same, different, np.random.default_rng(seed))
    one, two = slow(people)
    assert count_pairs(people) == (len(one), len(two))
    drawn = [frozenset(map(int, pair)) for pair in places]
    assert len(set(drawn)) == len(drawn)
    assert kind.sum() == min(same, len(one)) and (~kind).sum() == min(different, len(two))
    for pair, is_same in zip(drawn, kind, strict=True):
        assert pair in (one if is_same else two)


def test_each_pair_is_equally_likely():
    people = np.array([2, 0, 2, 1, 0, 2])
    rng = np.random.default_rng(0)
    seen = Counter()
    for _ in range(4000):
        places, _ = draw_pairs(people, 1, 1, rng)
        seen.update(frozenset(map(int, pair)) for pair in places)
    for pairs in slow(people):
        for pair in pairs:
            assert seen[pair] / 4000 == pytest.approx(1 / len(pairs), abs=0.03)


def test_a_million_faces_cost_what_is_drawn():
    people = np.repeat(np.arange(100_000), 10)
    places, kind = draw_pairs(people, 100, 100, np.random.default_rng(1))
    assert ((people[places[:, 0]] == people[places[:, 1]]) == kind).all() and len(places) == 200
