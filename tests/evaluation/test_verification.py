import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from tools.pages import verification_markdown

from istrc import roc
from istrc.errors import InputError
from istrc.evaluation.results import plain
from istrc.evaluation.roc_figure import roc_figure
from istrc.evaluation.verification import (
    evaluate_verification,
    verification_measures,
    verification_pairs,
)


def identities(people=40, each=5):
    return np.concatenate([np.repeat(np.arange(people), each), [-1] * 7])


def test_pairs_are_balanced_distinct_and_folds_share_nobody():
    who = identities()
    places, same, fold = verification_pairs(who, pairs=200, folds=10, seed=3)
    assert len(places) == 200 and same.sum() == 100
    assert ((who[places[:, 0]] == who[places[:, 1]]) == same).all()
    assert (places[:, 0] != places[:, 1]).all()
    assert len({frozenset(p) for p in places.tolist()}) == 200
    assert (who[places] >= 0).all()
    homes = {}
    for pair, number in zip(places, fold, strict=True):
        for place in pair:
            assert homes.setdefault(who[place], number) == number
    for number in range(10):
        assert same[fold == number].sum() == 10 == (~same[fold == number]).sum()


def test_pairs_come_from_the_seed():
    one, two, other = (verification_pairs(identities(), pairs=100, seed=s)[0] for s in (1, 1, 2))
    assert (one == two).all() and not np.array_equal(one, other)


def test_too_few_people_are_refused():
    with pytest.raises(InputError, match="too few"):
        verification_pairs(np.arange(20), pairs=100)


def test_accuracy_the_slow_way():
    rng = np.random.default_rng(0)
    same = np.tile([True, False], 30)
    distances = rng.normal(size=60) + np.where(same, 0, 1.5)
    fold = np.arange(60) // 20
    accuracies = []
    for number in range(3):
        inside = fold == number
        cuts = sorted([*distances[~inside], -9, 9])
        cuts = [(a + b) / 2 for a, b in pairwise(cuts)]
        score = [((distances[~inside] < cut) == same[~inside]).mean() for cut in cuts]
        cut = cuts[int(np.argmax(score))]
        accuracies.append(((distances[inside] < cut) == same[inside]).mean())
    found = verification_measures(distances, same, fold)
    assert found["accuracy"] == pytest.approx(np.mean(accuracies))
    assert found["accuracy_std"] == pytest.approx(np.std(accuracies, ddof=1))
    assert found["auc"] == pytest.approx(roc.roc_auc(-distances, same))
    assert found["tar_at_far"]["0.1"] == pytest.approx(
        roc.tar_at_far(distances[same], distances[~same], 0.1)
    )
    assert math.isnan(found["tar_at_far"]["0.001"])  # 30 different pairs cannot show it


def test_both_distances_of_a_circle_agree(circle, prepared):
    found = evaluate_verification(circle=circle, prepared=prepared, pairs=120, folds=5)
    for key in ("angle", "euclidean"):
        assert set(found[key]) >= {"accuracy", "accuracy_std", "auc", "tar_at_far"}
    assert found["angle"]["auc"] == pytest.approx(found["euclidean"]["auc"], abs=1e-3)
    assert found["angle"]["auc"] > 0.65  # the toy knows more of attributes than of people
    assert found["pairs"]["same"] == found["pairs"]["different"] == 60
    assert found["pairs"]["people"] <= 30
    assert found["angle"]["accuracy_standard_error"] == pytest.approx(
        found["angle"]["accuracy_std"] / 5**0.5
    )
    roc = found["angle"]["roc"]
    assert roc["far"][0] == 0 and roc["tar"][-1] == 1
    table = verification_markdown(plain(found))
    assert "| angle |" in table and "| euclidean |" in table


def test_a_second_recogniser_sees_the_same_pairs(circle, prepared):
    class Pixels:
        name = "pixels"

        def describe(self, x):
            return circle.embed(x).numpy()

    told = []
    found = evaluate_verification(
        circle=circle, prepared=prepared, pairs=120, folds=5, second=Pixels(),
        progress=lambda *at: told.append(at),
    )  # fmt: skip
    count = found["pairs"]["faces"]
    # How far each of the two is, from its beginning to its end
    assert told[-1] == (count, count) and told != sorted(told)
    assert found["pixels"]["auc"] == pytest.approx(found["euclidean"]["auc"], abs=1e-3)
    assert isinstance(found["weights"], str) and torch.is_tensor(circle.weight)


def test_the_roc_is_drawn():
    far, tar = np.array([0, 1e-3, 0.1, 1]), np.array([0, 0.4, 0.9, 1])
    figure = roc_figure({"angle": (far, tar), "euclidean": (far, tar)}, title="pairs")
    pixels = np.asarray(figure).reshape(-1, 3)
    for colour in ((37, 99, 235), (220, 38, 38)):
        assert (pixels == colour).all(1).sum() > 100
    with pytest.raises(ValueError, match="at least one curve"):
        roc_figure({})
