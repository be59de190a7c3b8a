"""How far to trust: the AUC by pairs, its error, its words."""

import numpy as np
import pytest

from istrc.learning.trust import LEVELS, Trust, standard_error, trust
from istrc.roc import roc_auc


def test_the_standard_error_is_that_of_drawing_again():
    """Of exponential scores, which Hanley and McNeil's formula is exact for."""
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], [25, 15])
    draws = [roc_auc(rng.exponential(size=40) * (1 + 3 * labels), labels) for _ in range(3000)]
    assert np.mean(draws) == pytest.approx(0.8, abs=0.005)
    assert standard_error(0.8, 25, 15) == pytest.approx(np.std(draws), rel=0.07)


def test_no_mistake_in_a_few_is_no_proof():
    labels = np.repeat([1, 0], 20)
    found = trust(labels[None].astype(float), labels)
    assert found.auc == 1.0 == found.high and 0.9 < found.low < 0.98
    many = np.repeat([1, 0], 500)
    assert trust(many[None].astype(float), many).low > found.low
    wrong = trust(1.0 - labels[None], labels)
    assert wrong.auc == 0.0 == wrong.low and wrong.word == "do not trust it"


@pytest.mark.parametrize(
    ("auc", "low", "word"),
    [
        (0.95, 0.9, "good"),
        (0.85, 0.7, "fair"),
        (0.75, 0.6, "weak"),
        (0.69, 0.6, "do not trust it"),
        (0.8, 0.49, "do not trust it"),  # chance is within reach
    ],
)
def test_words(auc, low, word):
    found = Trust(auc, low, 1.0)
    assert found.word == word
    assert str(found).startswith(f"AUC {auc:.2f} ({low:.2f} to 1.00): {word}; ")
    assert len({level[2] for level in LEVELS}) == len(LEVELS)
