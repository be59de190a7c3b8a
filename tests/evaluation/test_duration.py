"""Quality against steps: what is trained, on whom it is reported, and how it is told."""

import pytest
import torch

from istrc.errors import InputError
from istrc.evaluation.duration import duration_markdown, evaluate_duration

NAMES = ("smile", "male", "eyeglasses")


@pytest.fixture(scope="module")
def untrained(draw_circle):
    return draw_circle(NAMES)


def test_each_length_is_a_training_of_its_own(untrained, toys):
    seen = []
    found = evaluate_duration(
        circle=untrained, prepared=toys, split="tune", attributes=[2, 30], mapping=[3],
        progress=lambda *at: seen.append(at),
    )  # fmt: skip
    assert list(found["attributes"]) == ["2", "30"] and list(found["mapping"]) == ["3"]
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    for one in found["attributes"].values():
        assert 0 <= one["auc"] <= 1 and one["seconds"] > 0
    # An untrained mapping knows the mean code at best
    assert found["mapping"]["3"]["explained"] < 0.5 and 0 < found["mapping"]["3"]["psnr"] < 60
    assert found["learned_from"] == len(toys.rows("fit")) and found["faces"] == len(
        toys.rows("tune")
    )
    again = evaluate_duration(circle=untrained, prepared=toys, split="tune", attributes=[30])
    assert again["attributes"]["30"]["auc"] == found["attributes"]["30"]["auc"]
    assert "mapping" not in again


def test_explained_is_of_the_code_weighed_by_the_picture(untrained, toys, monkeypatch):
    """A mapping that knows every code explains all of it; the mean code explains nothing."""
    from istrc.training import mapping as training

    class Known(torch.nn.Module):
        def __init__(self, h, wrong):
            super().__init__()
            self.h, self.spread, self.wrong = h, h.std(0).clamp(min=1e-4), wrong

        def forward(self, z):
            return self.h.mean(0).expand_as(self.h) if self.wrong else self.h

    h = untrained.encode(toys.batch(toys.rows("tune"))).clone()
    for wrong, explained in ((False, 1.0), (True, 0.0)):
        known = Known(h, wrong)
        monkeypatch.setattr(training, "train_on_codes", lambda *a, net=known, **k: net)
        monkeypatch.setattr(training, "code_weights", lambda *_: torch.ones(h.shape[1]))
        found = evaluate_duration(circle=untrained, prepared=toys, split="tune", mapping=[1])
        assert found["mapping"]["1"]["explained"] == pytest.approx(explained, abs=0.03)


def test_an_outside_recogniser_is_refused(untrained, toys, monkeypatch):
    monkeypatch.setattr(untrained, "facenet", None)
    with pytest.raises(InputError, match="outside recogniser"):
        evaluate_duration(circle=untrained, prepared=toys, attributes=[1])


def test_the_table_tells_time_as_a_share_and_what_is_missing():
    found = {
        "attributes": {"10": {"seconds": 1.0, "auc": 0.75}, "40": {"seconds": 4.0, "auc": 0.875}},
        "learned_from": 7,
        "faces": 5,
        "split": "valid",
    }
    text = duration_markdown(found)
    assert "| 10 | 0.250 | 0.750 | 0.125 |" in text and "| 40 | 1.000 | 0.875 | 0.000 |" in text
    assert "mapping" not in text and "7 faces" in text and "5 faces of valid" in text
