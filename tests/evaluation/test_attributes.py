import numpy as np
import pytest

from istrc import roc
from istrc.evaluation import metrics
from istrc.evaluation.attributes import evaluate_attributes, standard_errors


def test_scores_are_measured_on_the_split_and_averaged_over_celeba(circle, prepared):
    found = evaluate_attributes(circle=circle, prepared=prepared)
    rows = prepared.rows("valid")
    scores = circle.scores(circle.embed(prepared.batch(rows))).numpy()
    for column, name in enumerate(circle.attribute_names):
        labels = prepared.column(name)[rows]
        auc = roc.roc_auc(scores[:, column], labels)
        assert found["attributes"][name]["auc"] == pytest.approx(auc)
        error = metrics.calibration_error(scores[:, column], labels)
        assert found["attributes"][name]["calibration_error"] == pytest.approx(error, abs=1e-4)
    names = [n for n in circle.attribute_names if n != "wide_mouth"]
    slow = np.mean([found["attributes"][n]["auc"] for n in names])
    assert found["mean_auc"] == pytest.approx(slow) and found["mean_over"] == 5
    assert found["faces"] == len(rows) == 180
    slow = np.mean([found["attributes"][n]["standard_error"]["auc"] for n in names])
    assert found["standard_error"]["auc"] == pytest.approx(slow)
    assert found["mean_auc"] > 0.7  # the toy circle does know something


def test_how_far_shares_are_known_is_what_draws_of_the_faces_say():
    rng = np.random.default_rng(0)
    labels = (rng.random(600) < 0.3).astype(int)
    scores = 1 / (1 + np.exp(-(2 * labels - 1 + rng.normal(size=600))))
    found = standard_errors(scores, labels)
    draws = [rng.integers(600, size=600) for _ in range(400)]
    for key, measure in (("auc", roc.roc_auc), ("accuracy", metrics.accuracy),
                         ("balanced_accuracy", metrics.balanced_accuracy)):  # fmt: skip
        slow = np.std([measure(scores[one], labels[one]) for one in draws])
        assert found[key] == pytest.approx(slow, rel=0.2)
    unknown = standard_errors(np.append(scores, 0.9), np.append(labels, -1))
    assert unknown == found
    alone = standard_errors(scores[labels == 1], labels[labels == 1])
    assert np.isnan(alone["auc"]) and np.isnan(alone["balanced_accuracy"])


def test_a_limit_limits(circle, prepared):
    told = []
    found = evaluate_attributes(
        circle=circle, prepared=prepared, limit=20, progress=lambda *at: told.append(at)
    )
    assert found["faces"] == 20 and told[-1] == (20, 20)
