"""The measures on the real Circle, untrained: that they ask it for what it gives."""

import json

import pytest
import torch

from istrc.evaluation.attributes import evaluate_attributes
from istrc.evaluation.editing import evaluate_editing
from istrc.evaluation.reconstruction import evaluate_reconstruction
from istrc.evaluation.results import write_results
from istrc.evaluation.verification import evaluate_verification


@pytest.fixture(scope="module")
def untrained(prepared):
    from istrc.circle import Circle
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.facenet import FaceNet
    from istrc.models.mapping import Mapping

    torch.manual_seed(0)
    return Circle(
        FaceNet(16, 8, (8, 12), (1, 1)),
        AutoEncoder(16, 24, (8, 12)),
        Mapping(8, 24, 16),
        AttributeClassifiers(tuple(prepared.attribute_names), 8, 8),
    )


def test_every_measure_runs_and_can_be_written(untrained, prepared, judge, tmp_path):
    common = dict(circle=untrained, prepared=prepared)
    found = {
        "attributes": evaluate_attributes(**common, limit=40),
        "verification": evaluate_verification(**common, pairs=100, folds=2),
        "reconstruction": evaluate_reconstruction(
            **common, judge=judge, baseline=untrained.autoencoder, limit=20
        ),
        "editing": evaluate_editing(
            **common, judge=judge, faces=4, transformations=("smile", "male", "beard")
        ),
    }
    assert set(found["attributes"]["attributes"]) == set(prepared.attribute_names)
    # the baseline is the circle's own auto-encoder, which is not clipped before it is rounded
    both = [found["reconstruction"][way]["psnr"] for way in ("auto_encoder", "baseline")]
    assert both[0] == pytest.approx(both[1])
    nothing = found["editing"]["methods"]["nothing, photo"]["0"]["mean"]
    assert nothing["background_psnr"] == pytest.approx(60) and nothing["success"] == 0
    assert len({part["weights"] for part in found.values()}) == 1
    record = write_results(tmp_path / "all.json", found, seed=0, command="c")
    assert json.loads((tmp_path / "all.json").read_text()) == record
