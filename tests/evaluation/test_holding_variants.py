"""Classifiers that do not lean on the sex: who is drawn, the losses by hand, and that it works."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from istrc.errors import InputError
from istrc.evaluation.holding_variants import (
    WAYS,
    balanced_cells,
    conditional_loss,
    draw_balanced,
    leaning,
    logits_of_own,
    train_classifiers,
)
from istrc.models.attributes import AttributeClassifiers
from istrc.training.attributes import balanced_loss

pytest.importorskip("sklearn")


def draw_labels(seed=0, count=400):
    """Sex, a beard that only men have, a smile of which two labels are not known."""
    rng = np.random.default_rng(seed)
    sex = rng.integers(0, 2, count)
    beard = (rng.random(count) < 0.4) & (sex == 1)
    smile = rng.random(count) < np.where(sex == 1, 0.2, 0.7)
    labels = np.stack([smile, sex, beard], 1).astype(np.int8)
    labels[:2, 0] = -1
    return labels


def test_in_its_batches_an_attribute_is_independent_of_the_sex():
    labels = draw_labels()
    sex = labels[:, 1]
    rows = draw_balanced(balanced_cells(labels, sex), 4000, np.random.default_rng(0))
    assert rows.shape == (3, 4000)
    for has in (0, 1):
        for value in (0, 1):
            share = ((labels[rows[0], 0] == has) & (sex[rows[0]] == value)).mean()
            assert share == pytest.approx(0.25, abs=0.03)
    assert labels[rows[1], 1].mean() == pytest.approx(0.5, abs=0.03)  # the sex itself
    # No woman has a beard, and so beards are learned from men alone
    assert (sex[rows[2]] == 1).all() and labels[rows[2], 2].mean() == pytest.approx(0.5, abs=0.03)
    assert (labels[rows[0], 0] >= 0).all()
    for a in range(3):  # every face that may be drawn is, about as often as the others of its group
        drawn = np.bincount(rows[a], minlength=len(labels))
        for group in balanced_cells(labels, sex)[a]:
            assert (drawn[group] > 0).all()


def test_few_faces_of_a_cell_are_taken_for_mistakes():
    labels = np.zeros((60, 2), np.int8)
    labels[:30, 0] = 1  # men
    labels[5:15, 1], labels[30:35, 1] = 1, 1  # ten men and five women have it
    women = np.concatenate(balanced_cells(labels, labels[:, 0])[1])
    assert set(women) == set(range(30))
    assert len(balanced_cells(labels, labels[:, 0], least=5)[1]) == 4
    labels[:, 1] = 0
    with pytest.raises(InputError, match="same label"):
        balanced_cells(labels, labels[:, 0])


def test_each_classifier_sees_faces_of_its_own():
    torch.manual_seed(0)
    net = AttributeClassifiers(("a", "b", "c"), 6, 5, 4)
    z = F.normalize(torch.randn(3, 7, 6), dim=2)
    byhand = torch.stack([net.raw(z[a])[:, a] for a in range(3)], 1)
    torch.testing.assert_close(logits_of_own(net, z), byhand)
    together = logits_of_own(net, z[:1].expand(3, -1, -1))
    torch.testing.assert_close(together, net.raw(z[0]))


def test_conditional_loss_in_a_loop():
    torch.manual_seed(1)
    logits, lean = torch.randn(12, 3), torch.tensor([0.5, -2.0, 0.0])
    labels = torch.randint(-1, 2, (12, 3)).float()
    positive, sex = torch.tensor([0.1, 0.5, 0.8]), torch.randint(-1, 2, (12,)).float()
    total = 0.0
    for a in range(3):
        terms = []
        for b in range(12):
            p = 1 / (1 + math.exp(-(logits[b, a] + lean[a] * sex[b])))
            if labels[b, a] == 1:
                terms.append(-math.log(p) * 0.5 / positive[a].item())
            elif labels[b, a] == 0:
                terms.append(-math.log(1 - p) * 0.5 / (1 - positive[a].item()))
        total += sum(terms) / len(terms)
    found = conditional_loss(logits, labels, positive, sex, lean)
    assert found.item() == pytest.approx(total, rel=1e-5)
    plain = balanced_loss(logits, labels, positive)
    assert torch.equal(conditional_loss(logits, labels, positive, sex, 0 * lean), plain)
    assert torch.equal(conditional_loss(logits, labels, positive, 0 * sex, lean), plain)


def test_leaning_is_what_the_sex_alone_says():
    labels = torch.from_numpy(draw_labels()).float()
    sex = 2 * labels[:, 1] - 1
    found = leaning(labels, sex)
    for a in range(3):
        odds = {}
        for value in (1, -1):
            side = [int(label) for label, s in zip(labels[:, a], sex, strict=True) if s == value]
            odds[value] = math.log((side.count(1) + 1) / (side.count(0) + 1))
        assert found[a].item() == pytest.approx((odds[1] - odds[-1]) / 2, rel=1e-5)
    assert found[0] < 0 < found[2] and found.isfinite().all()


@pytest.fixture(scope="module")
def trained():
    """A sphere of 8 dimensions: the first is the sex, the second the smile, and they correlate."""
    rng = np.random.default_rng(0)
    count = 3000
    sex = rng.integers(0, 2, count)
    smile = (rng.random(count) < np.where(sex == 1, 0.1, 0.9)).astype(int)
    z = rng.normal(0, 1, (count, 8))
    z[:, 0] += 1.5 * (2 * sex - 1)
    z[:, 1] += 1.0 * (2 * smile - 1)
    z = F.normalize(torch.from_numpy(z).float(), dim=1)
    labels = torch.from_numpy(np.stack([smile, sex], 1).astype(np.int8))
    torch.manual_seed(0)
    like = AttributeClassifiers(("smile", "male"), 8, 8, 4)
    settings = dict(steps=150, batch_size=128, rate=0.02, noise=0.1)
    nets = {way: train_classifiers(way, z, labels, like, **settings) for way in WAYS}
    return z, labels, like, settings, nets


def test_what_is_trained_apart_from_the_sex_leans_on_it_less(trained):
    z, labels, like, _, nets = trained
    leans = {}
    for way, net in nets.items():
        gradient = net.gradient(z[:200])[1][:, 0].mean(0)  # (D,), of the smile
        assert gradient[1] > 0, way  # all know a smile
        leans[way] = (-gradient[0] / gradient[1]).item()
        hit = ((net.raw(z)[:, 1] > 0) == (labels[:, 1] == 1)).float().mean()
        assert hit > 0.85, way  # and the sex itself
        assert torch.equal(net.covariance, like.covariance) and net.names == like.names
        assert not net.training and bool((net.slope == 1).all())
    assert leans["plain"] > 0.3
    assert abs(leans["balanced"]) < leans["plain"] / 2
    assert abs(leans["conditional"]) < leans["plain"] / 2


def test_training_is_a_function_of_its_seed(trained):
    z, labels, like, settings, _ = trained
    settings = {**settings, "steps": 4}
    seen = []
    first, again, other = (
        train_classifiers("balanced", z, labels, like, **settings, seed=s, progress=seen.append)
        for s in (3, 3, 4)
    )
    assert seen == [1, 2, 3, 4] * 3
    assert torch.equal(first.weights[0], again.weights[0])
    assert not torch.equal(first.weights[0], other.weights[0])
    with pytest.raises(ValueError, match="way must be one of"):
        train_classifiers("fair", z, labels, like)
