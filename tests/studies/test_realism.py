import numpy as np
import pytest
import torch
from PIL import Image
from studies.realism import Detector, Edits, jitter, share_below, tell_apart

from istrc.errors import InputError
from istrc.roc import roc_auc

SIZE, SMALL = 16, dict(steps=60, batch_size=32, widths=(8, 12, 16), rate=5e-3)


def faces(count, seed):
    """Smooth pictures with a little noise, uint8 (N, 16, 16, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(100, 156, (count, 2, 2, 3), dtype=np.uint8)
    smooth = [Image.fromarray(c).resize((SIZE, SIZE), Image.Resampling.BICUBIC) for c in coarse]
    noise = rng.normal(0, 3, (count, SIZE, SIZE, 3))
    return (np.array(smooth) + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def seen():
    """Two methods by the same networks: one leaves stripes in smiles, the other nothing."""
    names = np.repeat(["big_nose+", "smile+"], 75)
    people = np.tile(np.arange(75) // 2, 2)
    striped = faces(150, 0).astype(int)
    striped[75:, 8:, 8:] += 20 * (2 * (np.arange(8) // 2 % 2) - 1)[:, None, None]
    edited = {
        "stripes": Edits(striped.clip(0, 255).astype(np.uint8), people, names),
        "clean": Edits(faces(150, 1), people, names),
    }
    return edited, tell_apart(edited, faces(200, 2), 1000 + np.arange(200) // 2, **SMALL)


def test_a_ghost_is_seen_and_a_clean_picture_is_not(seen):
    stripes, clean = seen[1]["stripes"], seen[1]["clean"]
    assert stripes.edits["smile+"] > 0.9
    assert clean.above.mean() < 0.7 and stripes.edits["big_nose+"] < 0.7
    assert stripes.above.mean() > clean.above.mean() + 0.1
    assert stripes.above.mean() == pytest.approx(np.mean(list(stripes.edits.values())))
    # The surest are those with stripes
    places = stripes.surest(9)
    assert len(set(places.tolist())) == 9 and (stripes.names[places] == "smile+").mean() > 0.8
    assert (np.diff(stripes.above[places]) <= 0).all()


def test_no_network_scores_whom_it_was_trained_on(seen, monkeypatch):
    from studies import realism

    edited, _ = seen
    train, score, shown, scored = realism._train, realism.score, [], []
    monkeypatch.setattr(
        realism, "_train", lambda kinds, **s: shown.append(kinds) or train(kinds, **s)
    )
    monkeypatch.setattr(
        realism, "score", lambda net, p, at: scored.append((len(shown), p, at)) or score(net, p, at)
    )
    untouched, theirs = faces(60, 5), np.arange(60) // 3 + 500
    one = {"clean": edited["clean"]}
    found = tell_apart(one, untouched, theirs, **{**SMALL, "steps": 2})
    of = {id(untouched): theirs, id(one["clean"].pictures): one["clean"].people}
    places = {key: [] for key in of}
    for fold in (1, 2):
        for pictures, learnt in shown[fold - 1]:
            judged = [at for number, p, at in scored if number == fold and p is pictures]
            assert len(judged) == 1 and len(learnt)
            people = of[id(pictures)]
            assert not set(people[learnt]) & set(people[judged[0]])
            assert set(people[learnt]) | set(people[judged[0]]) == set(people)
            places[id(pictures)] += judged[0].tolist()
    for key, judged in places.items():  # each picture once
        assert sorted(judged) == list(range(len(of[key])))
    assert np.isfinite(found["clean"].above).all()


def test_the_mean_share_is_the_auc():
    rng = np.random.default_rng(0)
    real, scores = np.sort(rng.integers(0, 20, 70)), rng.integers(5, 25, 50)
    labels = np.repeat([0, 1], [70, 50])
    expected = roc_auc(np.concatenate([real, scores]), labels)
    assert share_below(real, scores).mean() == pytest.approx(expected)
    slow = [np.mean([(r < s) + (r == s) / 2 for r in real]) for s in scores]
    assert share_below(real, scores) == pytest.approx(slow)


def test_the_same_seed_is_the_same_answer_and_torchs_own_is_left_alone(seen):
    edited = {"clean": seen[0]["clean"]}
    settings = {**SMALL, "steps": 3}
    torch.manual_seed(4)
    drawn = torch.rand(2)
    torch.manual_seed(4)
    both = [
        tell_apart(edited, faces(30, 5), np.arange(30) + 500, **settings, seed=seed)["clean"]
        for seed in (1, 1, 2)
    ]
    assert torch.equal(torch.rand(2), drawn)
    assert np.array_equal(both[0].scores, both[1].scores)
    assert not np.array_equal(both[0].scores, both[2].scores)


def test_pictures_are_shifted_and_mirrored_and_nothing_else():
    size = 48  # shifted by up to 3 px
    y, x = np.mgrid[:size, :size].astype(np.uint8)
    pictures = np.stack([np.stack([y, x, 0 * x], -1)] * 60)
    found = jitter(pictures, np.random.default_rng(0)).astype(int)
    assert found.shape == pictures.shape
    centre = found[:, 20:28, 20:28]
    step = centre[:, 0, 1, 1] - centre[:, 0, 0, 1]
    assert set(step) == {-1, 1} and 15 < (step < 0).sum() < 45  # mirrored or not
    down = centre[:, 0, 0, 0] - 20
    aside = np.where(step > 0, centre[:, 0, 0, 1] - 20, centre[:, 0, 0, 1] - (size - 1 - 20))
    assert set(down) == set(range(-3, 4)) and set(aside) == set(range(-3, 4))


@pytest.mark.parametrize("size", (16, 64, 128))
def test_the_network_takes_any_size_and_counts_as_it_says(size):
    net = Detector().eval()
    macs = []

    def count(layer, _, out):
        macs.append(layer.weight[0].numel() * out[0].numel())

    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(count)
    assert net(torch.zeros(2, 3, size, size)).shape == (2,)
    assert sum(macs) == pytest.approx(32.7e6 * (size / 128) ** 2, rel=0.02)


def test_what_cannot_be_compared_is_said(seen):
    one, untouched = seen[0]["clean"], faces(20, 3)
    for message, others, pictures in (
        ("the same person", np.arange(20), untouched),
        ("several sizes", np.arange(20) + 500, untouched[:, ::2, ::2]),
        ("at least two people", np.full(20, 500), untouched),
    ):
        with pytest.raises(InputError, match=message):
            tell_apart({"clean": one}, pictures, others, **SMALL)
