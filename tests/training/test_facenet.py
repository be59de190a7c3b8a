"""FaceNet's training: its losses the slow way, its batches, and what it learns from toys."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from istrc.data.pairs import draw_pairs
from istrc.errors import InputError
from istrc.models.facenet import FaceNet
from istrc.training import loop
from istrc.training.facenet import (
    IdentityBatches,
    embed_rows,
    facenet_loss,
    measure,
    train_facenet,
    triplet_miner,
)
from istrc.training.settings import FaceNetSettings

losses = pytest.importorskip("pytorch_metric_learning.losses")

WEIGHTS = FaceNetSettings(attribute_weight=4.0)
ALONE = replace(WEIGHTS, contrast_weight=0.0)  # triplets


def draw(seed, people=4, pictures=4, dim=6):
    torch.manual_seed(seed)
    identity = torch.arange(people).repeat_interleave(pictures)
    z = F.normalize(torch.randn(people, dim)[identity] + 0.7 * torch.randn(len(identity), dim))
    return z, identity


def slow_triplets(z, identity, margin):
    """FaceNet section 3.2: near < far < near + alpha, squared distances, every (a, p, n)."""
    found = []
    for a, p, n in itertools.product(range(len(z)), repeat=3):
        if a != p and identity[a] == identity[p] != identity[n]:
            near = sum((z[a, d] - z[p, d]) ** 2 for d in range(z.shape[1]))
            far = sum((z[a, d] - z[n, d]) ** 2 for d in range(z.shape[1]))
            if near < far <= near + margin:
                found.append((near - far + margin).item())
    return found


@pytest.mark.parametrize("seed", range(4))
def test_triplet_loss_is_that_of_a_loop_over_semi_hard_triplets(seed):
    z, identity = draw(seed)
    found = slow_triplets(z, identity, 0.2)
    assert len(found) > 3
    _, parts = facenet_loss(
        z,
        identity,
        torch.zeros(len(z), 0),
        torch.zeros(len(z), 0),
        ALONE,
        contrast=None,
        triplets=triplet_miner("semihard", 0.2),
    )
    assert parts["triplet"].item() == pytest.approx(sum(found) / len(found), rel=1e-4)


@pytest.mark.parametrize("selection", ["all", "semihard", "hard"])
def test_each_selection_is_that_of_a_loop(selection):
    z, identity = draw(1)
    wanted = set()
    for a, p, n in itertools.product(range(len(z)), repeat=3):
        if a != p and identity[a] == identity[p] != identity[n]:
            room = ((z[a] - z[n]).square().sum() - (z[a] - z[p]).square().sum()).item()
            low, high = {"all": (-9, 0.2), "semihard": (0, 0.2), "hard": (-9, 0)}[selection]
            if low < room <= high:
                wanted.add((a, p, n))
    assert len(wanted) > 3
    found = torch.stack(triplet_miner(selection, 0.2)(z, identity), 1)
    assert set(map(tuple, found.tolist())) == wanted


def test_an_unknown_selection_is_named():
    with pytest.raises(InputError, match="'easiest' is none of all, semihard, hard"):
        triplet_miner("easiest", 0.2)


def test_no_semi_hard_triplet_is_no_loss():
    z = F.normalize(torch.tensor([[1.0, 0], [1, 0.01], [-1, 0], [-1, 0.01]]))
    identity = torch.tensor([0, 0, 1, 1])
    assert not slow_triplets(z, identity, 0.2)
    loss, parts = facenet_loss(
        z.requires_grad_(),
        identity,
        torch.zeros(4, 0),
        torch.zeros(4, 0),
        ALONE,
        contrast=None,
        triplets=triplet_miner("semihard", 0.2),
    )
    assert parts["triplet"] == 0 and loss == 0
    loss.backward()
    assert not z.grad.any()


def slow_contrast(z, identity, temperature):
    """Supervised contrast, a loop: each picture's other pictures among everybody's."""
    losses = []
    for i in range(len(z)):
        weights = torch.exp(z @ z[i] / temperature)
        everybody = sum(weights[j] for j in range(len(z)) if j != i)
        own = [j for j in range(len(z)) if j != i and identity[j] == identity[i]]
        losses.append(-sum(torch.log(weights[j] / everybody) for j in own) / len(own))
    return (sum(losses) / len(losses)).item()


def test_the_loss_is_the_weighted_sum_of_its_parts_by_hand():
    z, identity = draw(0)
    contrast = losses.SupConLoss(temperature=0.1)
    logits = torch.randn(len(z), 3)
    labels = torch.randint(-1, 2, (len(z), 3)).float()
    assert (labels == -1).any()
    loss, parts = facenet_loss(
        z,
        identity,
        logits,
        labels,
        WEIGHTS,
        contrast=contrast,
        triplets=triplet_miner("semihard", 0.2),
    )
    assert parts["contrast"].item() == pytest.approx(slow_contrast(z, identity, 0.1), rel=1e-4)
    # The heads' cross-entropy over what is known
    terms = []
    for probability, label in zip(torch.sigmoid(logits).flatten(), labels.flatten(), strict=True):
        if label >= 0:
            terms.append(-torch.log(probability if label == 1 else 1 - probability).item())
    assert parts["attributes"].item() == pytest.approx(sum(terms) / len(terms), rel=1e-4)
    total = parts["contrast"] + 10 * parts["triplet"] + 4 * parts["attributes"]
    assert loss.item() == pytest.approx(total.item(), rel=1e-5)


def test_what_is_not_known_teaches_nothing():
    z, identity = draw(0)
    logits = torch.randn(len(z), 2, requires_grad=True)
    labels = torch.tensor([-1.0, 1.0]).expand(len(z), 2)
    heads = replace(ALONE, triplet_weight=0.0)
    loss, _ = facenet_loss(z, identity, logits, labels, heads, contrast=None, triplets=None)
    loss.backward()
    assert not logits.grad[:, 0].any() and logits.grad[:, 1].all()
    nothing, parts = facenet_loss(
        z, identity, logits, labels * 0 - 1, heads, contrast=None, triplets=None
    )
    assert nothing == 0 and parts["attributes"] == 0


# --- batches ---------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31),
    st.lists(st.integers(1, 9), min_size=2, max_size=12),
    st.integers(1, 15),
    st.integers(2, 5),
)
def test_batches_are_p_people_times_k_pictures(seed, counts, people, pictures):
    rng = np.random.default_rng(seed)
    names = rng.choice(10_000, len(counts), replace=False)
    identity = rng.permutation(np.repeat(names, counts)).astype(np.int32)
    rows = np.sort(rng.choice(len(identity), max(2, len(identity) // 2), replace=False))
    if len(np.unique(identity[rows])) < 2:
        return
    batches = IdentityBatches(identity, rows, people=people, pictures=pictures)
    chosen, classes = batches(np.random.default_rng(seed))
    expected = min(people, len(np.unique(identity[rows])))
    assert chosen.shape == classes.shape == (expected * pictures,)
    assert set(chosen) <= set(rows)
    assert batches.classes == len(np.unique(identity[rows])) and classes.max() < batches.classes
    for group, of in zip(
        chosen.reshape(expected, pictures), classes.reshape(expected, pictures), strict=True
    ):
        assert len(set(identity[group])) == 1 and len(set(of)) == 1
        available = (identity[rows] == identity[group[0]]).sum()
        assert len(set(group)) == min(available, pictures)  # repeated only when there are too few
    # A class number means the same person in every batch, and people do not come twice
    assert len(set(classes)) == expected
    more, others = batches(np.random.default_rng(seed + 1))
    person = dict(zip(classes, identity[chosen], strict=True))
    for row, number in zip(more, others, strict=True):
        assert person.setdefault(number, identity[row]) == identity[row]
    again, _ = batches(np.random.default_rng(seed))
    assert np.array_equal(again, chosen)


def test_pictures_are_seen_equally_often_and_loners_rarely():
    identity = np.repeat([7, 8, 9, 10], [12, 6, 6, 1])
    batches = IdentityBatches(identity, np.arange(25), people=1, pictures=2)
    people = [identity[batches(loop.generator(0, step))[0][0]] for step in range(2000)]
    share = {person: people.count(person) / 2000 for person in (7, 8, 9, 10)}
    assert share[7] == pytest.approx(12 / 24.25, abs=0.04)
    assert share[8] == pytest.approx(6 / 24.25, abs=0.04)
    assert share[10] == pytest.approx(0.25 / 24.25, abs=0.01)


def test_faces_of_nobody_known_are_nobodys():
    identity = np.array([-1, 3, -1, 3, 4, 4, -1])
    batches = IdentityBatches(identity, np.arange(7), people=9, pictures=2)
    assert batches.classes == 2
    rows, _ = batches(np.random.default_rng(0))
    assert set(rows) == {1, 3, 4, 5}
    for nobody in (np.full(7, -1), np.array([5, 5, 5, -1, -1, -1, -1])):
        with pytest.raises(InputError, match="two people"):
            IdentityBatches(nobody, np.arange(7), people=9, pictures=2)


# --- measures --------------------------------------------------------------------------------


def slow_auc(truth, score):
    """The share of (yes, no) pairs in the right order; ties count half."""
    yes, no = score[truth == 1], score[truth == 0]
    order = (yes[:, None] > no[None, :]) + 0.5 * (yes[:, None] == no[None, :])
    return order.mean()


def test_measures_by_hand(toys):
    torch.manual_seed(0)
    net = FaceNet(16, 8, (4, 6), (1, 1), tuple(toys.attribute_names)).eval()
    rows = toys.rows("tune")
    got = measure(net, toys, rows, "cpu")
    z = embed_rows(net, toys, rows)
    torch.testing.assert_close(z, net(toys.batch(rows)), atol=0.05, rtol=0)  # bfloat16
    scores = net.head_logits(z).detach().numpy()
    labels = toys.attributes[rows]
    aucs = []
    for a in range(len(toys.attribute_names)):
        known = labels[:, a] >= 0
        aucs.append(slow_auc(labels[known, a], scores[known, a]))
    assert got["auc_smile"] == pytest.approx(aucs[0], abs=1e-6)
    assert got["auc_male"] == pytest.approx(aucs[1], abs=1e-6)
    assert got["auc_mean"] == pytest.approx(np.mean(aucs), abs=1e-6)
    # Verification: every pair of one person against as many of two
    people, points = toys.identity[rows], z.double().numpy()
    every = sum(people[i] == people[j] for i, j in itertools.combinations(range(len(rows)), 2))
    places, same = draw_pairs(people, every, every, np.random.default_rng(0))
    assert same.sum() == every == (~same).sum()
    cosine = np.array([points[i] @ points[j] for i, j in places])
    assert got["auc_verify"] == pytest.approx(slow_auc(same, cosine), abs=1e-4)


def test_people_who_are_not_known_are_not_the_same_person(toys):
    class Unknown:
        attributes, attribute_names = toys.attributes, toys.attribute_names
        batches = toys.batches
        identity = np.where(np.arange(len(toys)) % 2, toys.identity, -1)

    torch.manual_seed(0)
    net = FaceNet(16, 8, (4, 6), (1, 1), tuple(toys.attribute_names)).eval()
    rows = toys.rows("tune")
    odd = rows[rows % 2 == 1]
    mixed = measure(net, Unknown, rows, "cpu")
    assert mixed["auc_verify"] == pytest.approx(measure(net, toys, odd, "cpu")["auc_verify"])
    assert "auc_verify" not in measure(net, Unknown, rows[rows % 2 == 0], "cpu")


# --- the training ----------------------------------------------------------------------------


def test_killed_and_resumed_ends_with_the_same_bits(same_bits):
    same_bits("facenet", "checkpoint.safetensors")


def test_it_learns_attributes_and_people_it_has_never_seen(toy_circle, toys):
    shown = measure(toy_circle.facenet, toys, toys.rows("valid"), "cpu")
    assert shown["auc_smile"] > 0.95 and shown["auc_male"] > 0.95
    assert shown["auc_mean"] > 0.85 and shown["auc_verify"] > 0.75


def test_without_contrast_triplets_are_selected_from_the_first_step(toy_folder, tmp_path):
    tiny = dict(steps=1, people=4, size=16, dim=8, widths=(8, 8), depths=(1, 1))
    trained = {}
    for weight in (0.0, 10.0):
        given = dict(contrast_weight=0.0, attribute_weight=0.0, triplets="all")
        net = train_facenet(
            toy_folder, tmp_path / str(weight), triplet_weight=weight, **given, **tiny
        )
        trained[weight] = net.state_dict()
    assert any(not one.equal(trained[0.0][name]) for name, one in trained[10.0].items())


def test_the_configuration_is_recorded(toy_runs):
    recorded = json.loads((toy_runs.whole / "facenet" / "run.json").read_text())
    assert recorded["part"] == "facenet" and recorded["data"] == "toys"
    assert recorded["faces"] == 384 and recorded["steps"] == toy_runs.steps
    assert recorded["net"]["dim"] == 16 and recorded["net"]["attributes"][0] == "smile"
    assert {"people", "rate", "temperature", "triplet_weight", "seed"} <= recorded.keys()
