"""The guides' training: its loss by hand, and that what it learns is seen in new people."""

import json

import pytest
import torch

from istrc.training.entropy import known_entropy
from istrc.training.guides import train_guides

pytest.importorskip("tensorboard")


def test_the_loss_leaves_unknown_labels_out():
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4)
    labels = torch.tensor([[1, 0, -1, 1], [0, 0, 1, -1], [-1, 1, 1, 0]])
    parts = []
    for member in range(2):
        for i in range(3):
            for k in range(4):
                if labels[i, k] >= 0:
                    p = torch.sigmoid(logits[member, i, k])
                    parts.append(-torch.log(p if labels[i, k] else 1 - p))
    assert known_entropy(logits, labels).item() == pytest.approx(float(sum(parts)) / len(parts))
    assert known_entropy(logits, torch.full((3, 4), -1)) == 0


def test_they_learn_and_resume(toy_folder, toys, tmp_path):
    # Cut short at once, then in one go: the same weights as a run that was never cut
    options = dict(steps=40, batch_size=32, average=0.5, validate_every=20)
    train_guides(toy_folder, tmp_path / "cut", minutes=0.0, **options)
    cut = train_guides(toy_folder, tmp_path / "cut", **options)
    whole = train_guides(toy_folder, tmp_path / "whole", **options)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, cut.state_dict()[name]), name
    assert list(whole.attributes) == list(toys.attribute_names)
    recorded = json.loads((tmp_path / "whole" / "run.json").read_text())
    assert recorded["part"] == "guides" and recorded["faces"] == len(toys.rows("fit"))
    # Better than always saying how common it is
    rows, fit = toys.rows("valid"), torch.from_numpy(toys.attributes[toys.rows("fit")])
    labels = torch.from_numpy(toys.attributes[rows])
    common = torch.logit(fit.clamp(min=0).float().mean(0).clamp(0.02, 0.98))  # (A,)
    with torch.no_grad():
        found = known_entropy(whole(toys.batch(rows)), labels)
    assert found < known_entropy(common.expand(1, len(rows), -1), labels)
