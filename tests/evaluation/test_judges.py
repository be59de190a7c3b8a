import math

import numpy as np
import pytest
import torch

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation.judges import (
    Judge,
    measure_judge,
    soften,
    train_judge,
)
from istrc.training.entropy import known_entropy

SMALL = dict(batch_size=32, widths=(8, 12), depths=(1, 1), echo=False)


def test_it_learns_what_can_be_seen(judge, prepared):
    found = measure_judge(judge, prepared)
    assert found["mean_over"] == 5 and found["faces"] == len(prepared.rows("valid"))
    assert found["attributes"]["smile"]["auc"] > 0.9
    assert found["mean_accuracy"] > 0.8
    assert judge.note["valid"] == found


def test_the_means_are_over_celeba_alone(judge, prepared):
    found = measure_judge(judge, prepared, limit=50)
    per = found["attributes"]
    slow = [per[n]["accuracy"] for n in ("smile", "male", "beard", "mustache", "makeup")]
    assert found["mean_accuracy"] == pytest.approx(sum(slow) / 5)
    labels = prepared.column("wide_mouth")[prepared.rows("valid")[:50]]
    assert per["wide_mouth"]["known"] == (labels >= 0).sum() < 50


def test_saved_and_loaded_judges_agree(judge, prepared, tmp_path):
    judge.save(tmp_path)
    again = Judge.load(tmp_path)
    x = prepared.batch(np.arange(20))
    assert np.allclose(again.probabilities(x), judge.probabilities(x), atol=5e-3)  # float16 on disk
    assert again.checksum == judge.checksum
    assert again.note["steps"] == 60
    assert not list(tmp_path.glob("*.tmp"))


def test_a_verdict_is_the_mean_of_both_mirror_images(judge, prepared):
    x = prepared.batch(np.arange(7))
    slow = []
    for face in x:
        with torch.no_grad():
            both = [judge.net(f[None])[0] for f in (face, face.flip(2))]
        slow.append(1 / (1 + np.exp(-((both[0] + both[1]) / 2).numpy())))
    assert judge.probabilities(x, batch=3) == pytest.approx(np.stack(slow), abs=1e-5)
    assert judge.probabilities(x.flip(3)) == pytest.approx(judge.probabilities(x), abs=1e-5)


def test_larger_faces_are_reduced_to_the_judges_size(judge, prepared):
    x = prepared.batch(np.arange(9))
    doubled = x.repeat_interleave(2, 2).repeat_interleave(2, 3)  # (9, 3, 32, 32)
    # A linear kernel as wide as two of the judge's pixels; at the edge, what of it is inside
    kernel = np.zeros((16, 32))
    for row in range(16):
        for column in range(32):
            kernel[row, column] = max(0, 1 - abs((column + 0.5) / 2 - (row + 0.5)))
    kernel = torch.from_numpy(kernel / kernel.sum(1, keepdims=True)).float()
    slow = torch.einsum("iy,jx,bcyx->bcij", kernel, kernel, doubled)
    assert judge.probabilities(doubled, batch=4) == pytest.approx(
        judge.probabilities(slow), abs=1e-4
    )
    assert judge.features(doubled) == pytest.approx(judge.features(slow), abs=1e-3)


def test_no_faces_no_verdicts(judge):
    assert judge.probabilities(torch.zeros(0, 3, 64, 64)).shape == (0, 6)
    assert judge.probabilities(torch.zeros(0, 3, 16, 16)).shape == (0, 6)
    assert judge.features(torch.zeros(0, 3, 16, 16)).shape == (0, 256)


def test_a_missing_a_damaged_and_a_wrong_judge_are_named(judge, tmp_path):
    with pytest.raises(InputError, match="missing weights"):
        Judge.load(tmp_path)
    judge.save(tmp_path)
    blob = bytearray((tmp_path / "model.safetensors").read_bytes())
    blob[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(blob)
    with pytest.raises(InputError, match="damaged"):
        Judge.load(tmp_path)
    with pytest.raises(InputError, match="16 px"):
        judge.probabilities(torch.zeros(1, 3, 8, 8))
    with pytest.raises(InputError, match="wings"):
        judge.column("wings")


def test_the_loss_leaves_unknown_labels_out_and_smooths():
    logits = torch.tensor([[2.0, -1.0], [0.5, 3.0]])
    labels = torch.tensor([[1, -1], [0, 1]])
    total = 0.0
    for logit, label in ((2.0, 1), (0.5, 0), (3.0, 1)):
        p, t = 1 / (1 + math.exp(-logit)), 0.95 if label else 0.05
        total -= t * math.log(p) + (1 - t) * math.log(1 - p)
    assert known_entropy(logits, labels, 0.1).item() == pytest.approx(total / 3, rel=1e-5)
    assert known_entropy(logits, torch.full((2, 2), -1), 0.1).item() == 0


def test_soften_keeps_range_and_shape_and_flat_faces():
    torch.manual_seed(0)
    x = torch.rand(8, 3, 16, 16) * 2 - 1
    y = soften(x)
    assert y.shape == x.shape and y.abs().max() <= 1 and not torch.equal(x, y)
    flat = torch.full((4, 3, 16, 16), 0.3)
    assert soften(flat, noise=0.0) == pytest.approx(flat, abs=1e-6)


def test_an_interrupted_run_ends_with_the_same_weights(folder, tmp_path):
    whole = train_judge(folder, tmp_path / "a", steps=6, **SMALL)
    train_judge(folder, tmp_path / "b", steps=6, minutes=0.0, **SMALL)  # stops after one step
    for _ in range(6):
        judge = train_judge(folder, tmp_path / "b", steps=6, minutes=0.0, **SMALL)
    assert judge.note["steps"] == 6
    assert judge.checksum == whole.checksum


def test_only_the_train_split_is_looked_at(folder, tmp_path, monkeypatch):
    seen = []
    original = Prepared.batch
    monkeypatch.setattr(Prepared, "batch", lambda s, rows: seen.append(rows) or original(s, rows))
    monkeypatch.setattr(
        "istrc.evaluation.judges.measure_judge",
        lambda *a, **k: dict.fromkeys(("mean_accuracy", "mean_auc"), 0.0),
    )
    judge = train_judge(folder, tmp_path, steps=3, validate_every=100, **SMALL)
    assert judge.note["faces"] == 180
    assert set(np.concatenate(seen)) <= set(Prepared(folder).rows("train"))
