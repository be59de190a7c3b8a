"""The ROC against its definition, computed the slow way."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istrc import roc


def test_roc_auc_counts_pairs_and_leaves_unknown_out():
    rng = np.random.default_rng(0)
    scores = np.round(rng.normal(size=60), 1)  # rounded, so that ties happen
    labels = rng.integers(-1, 2, size=60)
    wins = [
        1.0 if yes > no else 0.5 if yes == no else 0.0
        for yes in scores[labels == 1]
        for no in scores[labels == 0]
    ]
    assert roc.roc_auc(scores, labels) == pytest.approx(np.mean(wins))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_the_auc_is_the_share_of_pairs_in_order(faces):
    scores = np.array([score for score, _ in faces], float)
    labels = np.array([label for _, label in faces], int)
    if len(set(labels)) < 2:
        return
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, x in zip(scores, labels, strict=True)
        for b, y in zip(scores, labels, strict=True)
        if x == 1 and y == 0
    ]
    assert roc.roc_auc(scores, labels) == pytest.approx(np.mean(pairs))


def test_one_class_and_a_score_that_is_none_have_no_auc():
    assert math.isnan(roc.roc_auc(np.array([0.1, 0.9]), np.array([1, 1])))
    assert math.isnan(roc.roc_auc(np.array([0.1, np.nan]), np.array([0, 1])))


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=10, max_size=80), st.sampled_from([0.1, 0.25, 0.5]))
def test_threshold_at_far_is_the_largest_that_keeps_the_rate(distances, far):
    different = np.array(distances) / 10
    threshold = roc.threshold_at_far(different, far)
    assert (different < threshold).mean() <= far + 1e-12
    above = different[different > threshold]
    if len(above):  # the next possible threshold breaks the promise
        assert (different < above.min()).mean() > far


def test_a_rate_finer_than_the_pairs_is_not_a_number():
    assert math.isnan(roc.threshold_at_far(np.arange(99.0), 1e-2))
    assert roc.threshold_at_far(np.arange(100.0), 1e-2) == 1.0
    assert math.isnan(roc.tar_at_far(np.arange(5.0), np.arange(99.0), 1e-2))


def test_tar_at_far_counts():
    same, different = np.array([0.1, 0.2, 0.6, 0.9]), np.linspace(0.5, 1.4, 10)
    assert roc.tar_at_far(same, different, 0.1) == pytest.approx(2 / 4)  # below 0.6: 0.1, 0.2
    assert roc.tar_at_far(same, different, 0.2) == pytest.approx(3 / 4)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30))
def test_best_threshold_is_best(pairs):
    distances = np.array([d for d, _ in pairs], float)
    same = np.array([s for _, s in pairs])
    found = roc.best_threshold(distances, same)
    right = np.mean((distances < found) == same)
    everywhere = [np.mean((distances < cut) == same) for cut in np.arange(-0.5, 9, 0.5)]
    assert right == pytest.approx(max(everywhere))


def test_roc_points_are_counted():
    rng = np.random.default_rng(4)
    same, different = np.round(rng.normal(0, 1, 50), 1), np.round(rng.normal(1, 1, 300), 1)
    far, tar = roc.roc_points(same, different, count=20)
    assert (far[0], tar[-1], far[-1]) == (0, 1, 1) and len(far) <= 22
    assert (np.diff(far) >= 0).all() and (np.diff(tar) >= 0).all()
    cuts = [*np.sort(different), np.inf]
    possible = {(np.mean(different < cut), np.mean(same < cut)) for cut in cuts}
    assert set(zip(far, tar, strict=True)) <= possible
