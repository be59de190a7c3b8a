import numpy as np
import pytest

from istrc import roc
from istrc.evaluation import metrics
from istrc.evaluation.attributes import evaluate_attributes


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
    assert found["mean_auc"] > 0.7  # the toy circle does know something


def test_a_limit_limits(circle, prepared):
    told = []
    found = evaluate_attributes(
        circle=circle, prepared=prepared, limit=20, progress=lambda *at: told.append(at)
    )
    assert found["faces"] == 20 and told[-1] == (20, 20)
