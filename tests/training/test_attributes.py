"""The classifiers' training: the balanced loss and the calibration the slow way."""

import json
import math
import shutil

import numpy as np
import pytest
import torch

from istrc.errors import InputError, IstrcError
from istrc.models.attributes import AttributeClassifiers
from istrc.models.facenet import FaceNet
from istrc.training.all import train_all
from istrc.training.attributes import balanced_loss, calibrate, platt, train_attributes
from istrc.training.facenet import embed_rows

pytest.importorskip("sklearn")


def test_balanced_loss_in_a_loop():
    torch.manual_seed(0)
    logits = torch.randn(12, 3)
    labels = torch.randint(-1, 2, (12, 3)).float()
    positive = torch.tensor([0.1, 0.5, 0.8])
    total = 0.0
    for a in range(3):
        terms = []
        for b in range(12):
            if labels[b, a] < 0:
                continue
            c = 1 / (1 + math.exp(-logits[b, a]))
            # Paper eq. 1, -[y log C + (1 - y) log(1 - C)], each side as if half had it
            if labels[b, a] == 1:
                terms.append(-math.log(c) * 0.5 / positive[a].item())
            else:
                terms.append(-math.log(1 - c) * 0.5 / (1 - positive[a].item()))
        total += sum(terms) / len(terms)
    assert balanced_loss(logits, labels, positive).item() == pytest.approx(total, rel=1e-5)


def test_balanced_loss_counts_a_rare_attribute_as_much_as_its_absence():
    labels = torch.tensor([[1.0]] + [[0.0]] * 9)
    positive = torch.tensor([0.1])
    logits = torch.zeros(10, 1, requires_grad=True)
    balanced_loss(logits, labels, positive).backward()
    yes, no = logits.grad[0, 0], logits.grad[1:, 0].sum()
    assert yes < 0 < no and yes.item() == pytest.approx(-no.item())


def test_balanced_loss_of_what_is_not_known_is_nothing():
    logits = torch.randn(4, 2, requires_grad=True)
    loss = balanced_loss(logits, torch.full((4, 2), -1.0), torch.tensor([0.5, 0.5]))
    loss.backward()
    assert loss == 0 and not logits.grad.any()


def draw_scores(seed, count=400, slope=0.6, shift=-0.8):
    torch.manual_seed(seed)
    logits = 3 * torch.randn(count)
    labels = (torch.rand(count) < torch.sigmoid(slope * logits + shift)).to(torch.int8)
    return logits, labels


@pytest.mark.parametrize("seed", range(3))
def test_platt_against_brute_force(seed):
    logits, labels = draw_scores(seed)
    slope, shift = platt(logits, labels)

    def entropy(slope, shift):  # (..., N) -> (...)
        score = slope[..., None] * logits.double() + shift[..., None]
        return torch.nn.functional.softplus(torch.where(labels > 0, -score, score)).mean(-1)

    best = entropy(torch.tensor(slope).double(), torch.tensor(shift).double())
    slopes = torch.linspace(0, 2, 201).double()[:, None]
    shifts = torch.linspace(-2, 1, 301).double()[None, :]
    grid = entropy(*torch.broadcast_tensors(slopes, shifts))
    assert best <= grid.min() + 1e-7
    at = np.unravel_index(int(grid.argmin()), grid.shape)
    assert slope == pytest.approx(slopes[at[0], 0].item(), abs=0.011)
    assert shift == pytest.approx(shifts[0, at[1]].item(), abs=0.011)


def test_calibrated_probabilities_mean_what_they_say():
    logits, labels = draw_scores(0, 40_000)
    slope, shift = platt(logits, labels)
    probability = torch.sigmoid(slope * logits + shift)
    for low in np.arange(0, 1, 0.1):
        inside = (probability >= low) & (probability < low + 0.1)
        if inside.sum() > 500:
            assert labels[inside].float().mean() == pytest.approx(
                probability[inside].mean().item(), abs=0.04
            )


def test_calibrate_sets_each_attribute_by_hand():
    torch.manual_seed(0)
    net = AttributeClassifiers(("a", "b", "c", "d"), 8, 6, 4).eval()
    z = torch.nn.functional.normalize(torch.randn(60, 8), dim=1)
    with torch.no_grad():
        raw = net.raw(z)
    labels = torch.zeros(60, 4, dtype=torch.int8)
    labels[:, 0] = (raw[:, 0] + 0.3 * torch.randn(60) > 0).to(torch.int8)
    labels[::4, 0] = -1
    labels[:9, 1] = 1  # too few to calibrate
    labels[:, 2] = -1  # nothing known
    labels[:, 3] = 1  # one side only
    calibrate(net, z, labels)

    known = labels[:, 0] >= 0
    slope, shift = platt(raw[known, 0], labels[known, 0])
    assert slope > 0
    assert net.slope.tolist() == pytest.approx([slope, 1, 1, 1])
    assert net.shift.tolist() == pytest.approx([shift, 0, 0, 0])
    with torch.no_grad():
        torch.testing.assert_close(net(z), net.raw(z) * net.slope + net.shift)


def test_killed_and_resumed_ends_with_the_same_bits(same_bits):
    same_bits("attributes", "checkpoint.safetensors", "best.safetensors")


def test_it_knows_people_it_has_never_seen(toy_circle, toys):
    rows = toys.rows("valid")
    scores = toy_circle.scores(toy_circle.embed(toys.batch(rows)))
    for name in ("smile", "male"):
        truth = toys.column(name)[rows] == 1
        said = scores[:, toy_circle.attribute_names.index(name)].numpy() > 0.5
        assert (said == truth).mean() > 0.9, name


def test_the_walks_metric_is_the_covariance_of_the_faces_to_fit(toy_circle, toys):
    net = toy_circle.attributes
    z = embed_rows(toy_circle.facenet, toys, toys.rows("fit"))
    centred = (z - z.mean(0)).double().numpy()
    covariance = centred.T @ centred / (len(z) - 1)
    np.testing.assert_allclose(net.covariance.numpy(), covariance, atol=5e-4)


def test_a_column_that_says_nothing_is_refused(toy_folder, tmp_path):
    """All yes, all no or nothing known: one line that names the column."""
    data = tmp_path / "data"
    shutil.copytree(toy_folder, data)
    labels = np.load(data / "attributes.npy")
    for value in (1, 0, -1):
        labels[:, 3] = value
        np.save(data / "attributes.npy", labels)
        with pytest.raises(InputError, match="eyeglasses") as caught:
            train_attributes(data, tmp_path / "out", facenet=FaceNet(16, 8, (4, 6), (1, 1)))
        assert "\n" not in str(caught.value) and str(data) in str(caught.value)


def test_a_circle_is_not_begun_of_what_teaches_no_attribute(toy_folder, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(toy_folder, data)
    labels = np.load(data / "attributes.npy")
    labels[:, 0] = 1
    np.save(data / "attributes.npy", labels)
    with pytest.raises(InputError, match="is the same of all"):
        train_all(data, tmp_path / "out")
    np.save(data / "attributes.npy", labels[:, :0])
    info = json.loads((data / "prepared.json").read_text())
    (data / "prepared.json").write_text(json.dumps({**info, "attributes": []}))
    with pytest.raises(InputError, match="no attributes, which an edit needs"):
        train_all(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_recogniser_is_another_setting(toy_folder, tmp_path):
    torch.manual_seed(1)
    first, second = (FaceNet(16, 8, (4, 6), (1, 1)) for _ in range(2))
    options = dict(steps=1, batch_size=16, width=4)
    net = train_attributes(toy_folder, tmp_path, facenet=first, **options)
    assert net.dim == 8 and not net.training
    with pytest.raises(IstrcError, match=r"other settings \(facenet\)"):
        train_attributes(toy_folder, tmp_path, facenet=second, **options)
    recorded = json.loads((tmp_path / "run.json").read_text())
    assert recorded["net"]["layers"] == 4 and recorded["net"]["names"][0] == "smile"
