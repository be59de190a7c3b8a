"""Weights as trained beside weights as stored: the same circle, and what the judges say of both."""

import numpy as np
import pytest
import torch

from istrc import sphere
from istrc.circle import Circle
from istrc.errors import InputError
from istrc.evaluation.judges import train_judge
from istrc.evaluation.storing import (
    CHECKPOINTS,
    WAYS,
    as_trained,
    evaluate_storing,
    storing_markdown,
)


@pytest.fixture(scope="module")
def toy_judge(toy_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("judge")
    steps = dict(steps=60, batch_size=64, widths=(16, 24), depths=(1, 1))
    return train_judge(toy_folder, folder, **steps)


def test_checkpoints_have_the_circle_that_training_returned(trained_all):
    circle, out = trained_all
    again, stored = as_trained(out), Circle.from_pretrained(out)
    rounded = 0
    for part, (_, fitted) in CHECKPOINTS.items():
        on_disk = getattr(stored, part).state_dict()
        weights = getattr(circle, part).state_dict()
        for name, value in getattr(again, part).state_dict().items():
            if name in fitted:  # after the steps, and so as it is stored
                torch.testing.assert_close(value, on_disk[name])
            else:
                assert torch.equal(value, weights[name]), f"{part}: {name}"
                rounded += int(not torch.equal(value, on_disk[name]))
    assert rounded > 20  # or nothing would be compared


def test_a_missing_run_is_named(tmp_path, toy_circle):
    toy_circle.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="no checkpoint of facenet.*istrc train all"):
        as_trained(tmp_path)


def test_both_are_measured_on_the_same_faces(trained_all, toys_twice, toy_judge):
    from istrc.data.prepared import Prepared

    _, out = trained_all
    circle, prepared, seen = Circle.from_pretrained(out), Prepared(toys_twice), []
    found = evaluate_storing(
        folder=out, circle=circle, prepared=prepared, judge=toy_judge, limit=8, faces=2,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert found["faces"] == 8 and set(found["rebuilt"]) == set(WAYS)
    rows = np.sort(np.random.default_rng(0).permutation(prepared.rows("valid"))[:8])
    x = prepared.batch(rows)
    angle = sphere.angle(as_trained(out).embed(x), circle.embed(x))
    assert found["angle"]["largest"] == pytest.approx(angle.max().item(), abs=1e-5)
    assert 0 <= found["angle"]["mean"] <= found["angle"]["largest"] < 0.1
    for one in found["rebuilt"].values():
        assert one["psnr"] > 30 and 0 <= one["judge_flips"] <= 1
    assert set(found["edits"]) == {"trained", "stored"}
    assert found["edits"]["stored"]["success"] == pytest.approx(
        found["edits"]["trained"]["success"], abs=0.3
    )
    # In half precision or less, of everything
    assert found["stored_mb"] < 0.6 * found["single_precision_mb"]
    assert seen == sorted(seen) and all(done <= total for done, total in seen)

    told = storing_markdown(found)
    assert told.count("\n| decode(") == 2 and "| stored |" in told and "| trained |" in told
