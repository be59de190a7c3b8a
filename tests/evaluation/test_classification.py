"""Classification against a slow vote, and the gallery that nobody is on both sides of."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from istrc.errors import InputError
from istrc.evaluation.classification import (
    classification_markdown,
    deal_gallery,
    evaluate_classification,
    places_of_truth,
    rank_by_neighbours,
)


@given(st.integers(0, 50), st.floats(0.1, 0.9))
def test_every_known_person_is_on_both_sides_and_no_face_is(seed, share):
    people = np.array([3, 3, 3, 1, 1, 7, 7, 7, 7, 7, 9, -1, -1])
    gallery, probes = deal_gallery(people, share, np.random.default_rng(seed))
    assert not set(gallery) & set(probes)
    assert sorted([*gallery, *probes]) == list(range(10))  # 9 has one picture only
    assert set(people[gallery]) == set(people[probes]) == {1, 3, 7}
    assert (np.diff(people[gallery]) >= 0).all()


def test_too_few_people_are_refused():
    with pytest.raises(InputError, match="two people"):
        deal_gallery(np.array([1, 1, 1, 2, -1, -1]), 0.5, np.random.default_rng(0))


@pytest.mark.parametrize("k", [1, 3, 5])
def test_votes_the_slow_way(k):
    rng = np.random.default_rng(k)
    classes = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3])
    distances = rng.uniform(0, 3, (40, len(classes)))
    truth = rng.integers(0, 4, 40)
    scores = rank_by_neighbours(distances, np.array([0, 3, 5, 8]), classes, k)
    for row, right, score in zip(distances, truth, scores, strict=True):
        nearest = sorted(range(len(classes)), key=lambda g: row[g])[:k]
        votes = [sum(classes[g] == c for g in nearest) for c in range(4)]
        near = [min(row[classes == c]) for c in range(4)]
        order = sorted(range(4), key=lambda c: (-votes[c], near[c]))
        assert places_of_truth(score[None], np.array([right]))[0] == order.index(right)


def test_a_tie_is_not_counted_as_right():
    assert places_of_truth(np.zeros((1, 3)), np.array([1]))[0] == 2


def test_both_distances_on_the_toys(circle, prepared):
    found = evaluate_classification(circle=circle, prepared=prepared, seed=1)
    assert found["people"] == 30 and found["gallery"] == found["probes"] == 90
    for name in ("angle", "euclidean"):
        assert set(found[name]) == {"1-nn", "5-nn", "nearest_mean"}
        for one in found[name].values():
            assert found["chance"] < one["top1"] <= one["top5"] <= 1
    for way in ("1-nn", "5-nn"):  # the same neighbours by either distance
        assert found["angle"][way] == found["euclidean"][way]
    # The 1-NN by hand
    rows = prepared.rows("valid")
    people = prepared.identity[rows]
    known, asked = deal_gallery(people, 0.5, np.random.default_rng(1))
    z = circle.embed(prepared.batch(rows)).double()
    right = [
        people[known[int(torch.argmax(z[known] @ z[probe]))]] == people[probe] for probe in asked
    ]
    assert found["angle"]["1-nn"]["top1"] == pytest.approx(np.mean(right))
    assert "| nearest_mean |" in classification_markdown(found)
