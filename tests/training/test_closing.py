"""Closing the circle: its loss by hand, what moves and what does not."""

import json

import pytest
import torch
from safetensors import safe_open
from torch.nn import functional as F

from istrc.models.guide import Guides
from istrc.models.store import fingerprint
from istrc.training.augment import blurred
from istrc.training.closing import (
    SEX,
    closing_loss,
    guide_loss,
    natural_scale,
    often,
    staying,
    train_closing,
)
from istrc.walk import CERTAIN

pytest.importorskip("tensorboard")


def test_the_loss_by_hand():
    torch.manual_seed(0)
    b, a = 4, 3
    rebuilt, changed = torch.rand(2, b, 3, 8, 8)
    seen, z, end = F.normalize(torch.randn(3, b, 6), dim=-1)
    found, wanted = torch.randn(2, b, a) * 2
    edited = torch.tensor([0, 2, 1, 1])
    outside, colour = torch.rand(8, 8), torch.tensor([4.0, 1.0, 0.5, 2.0])
    weights = dict(cycle_weight=2.0, attribute_weight=0.5, outside_weight=3.0, tint_weight=4.0)
    loss, parts = closing_loss(
        rebuilt, changed, seen, z, end, found, wanted, edited, outside, colour, **weights
    )
    cycle = sum(1 - seen[i] @ end[i] for i in range(b)) / b
    own, others = [], []
    for i in range(b):
        for k in range(a):
            error = abs(found[i, k] - wanted[i, k]) / CERTAIN
            smooth = 0.5 * error**2 / 0.3 if error < 0.3 else error - 0.15
            (own if edited[i] == k else others).append(smooth)
    own, others = sum(own) / len(own), sum(others) / len(others)
    away = ((changed - rebuilt).abs() * outside).sum() / changed.numel()
    cells = [
        colour[i] * (changed - rebuilt)[i, c, 2 * p : 2 * p + 2, 2 * q : 2 * q + 2].mean().abs()
        for i in range(b) for c in range(3) for p in range(4) for q in range(4)
    ]  # fmt: skip
    tint = sum(cells) / len(cells)
    by_hand = {"cycle": cycle, "edited": own, "others": others, "outside": away, "tint": tint}
    by_hand["nothing_done"] = sum(1 - z[i] @ end[i] for i in range(b)) / b
    assert parts.keys() == by_hand.keys()
    for name, value in by_hand.items():
        assert parts[name].item() == pytest.approx(value.item(), rel=1e-4), name
    total = 2 * cycle + 0.5 * (own + others) + 3 * away + 4 * tint
    assert loss.item() == pytest.approx(total.item(), rel=1e-4)


def test_an_edit_that_arrives_costs_nothing():
    x = torch.rand(2, 3, 8, 8)
    z = F.normalize(torch.randn(2, 6), dim=-1)
    logits = torch.randn(2, 3)
    loss, _ = closing_loss(
        x, x, z, z, z, logits, logits, torch.tensor([0, 1]), torch.ones(8, 8), torch.ones(2),
        cycle_weight=1.0, attribute_weight=1.0, outside_weight=1.0, tint_weight=1.0,
    )  # fmt: skip
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_about_the_asked_share_is_blurred():
    torch.manual_seed(0)
    x = torch.rand(200, 3, 16, 16)
    y = blurred(x, 0.5)
    same = (y == x).flatten(1).all(1)
    assert y.shape == x.shape and 0.35 < same.float().mean() < 0.65
    rough = (x - x.roll(1, 3)).abs().mean((1, 2, 3))
    assert ((y - y.roll(1, 3)).abs().mean((1, 2, 3))[~same] < 0.8 * rough[~same]).all()


def test_killed_and_resumed_ends_with_the_same_bits(same_bits):
    same_bits("closing", "checkpoint.safetensors")


def test_only_the_changes_move(toy_circle, toy_folder, tmp_path):
    parts = ("facenet", "autoencoder", "mapping", "attributes")
    before = {part: fingerprint(getattr(toy_circle, part)) for part in parts}
    closed = train_closing(
        toy_folder, tmp_path, circle=toy_circle, steps=2, batch_size=12, average=0.5
    )
    assert toy_circle.changes is None
    for circle in (toy_circle, closed):
        assert {part: fingerprint(getattr(circle, part)) for part in parts} == before
    assert fingerprint(closed.changes.mapping) != before["mapping"]
    assert closed.changes.fit[-1].weight.any()  # zero where it begins
    assert closed.bound == toy_circle.bound
    recorded = json.loads((tmp_path / "run.json").read_text())
    assert recorded["circle"] == [before[p] for p in ("facenet", "attributes", *parts[1:3])]


def test_what_is_closed_is_closed_further(toy_circle, toy_folder, tmp_path):
    options = dict(steps=2, batch_size=12, average=0.0, critic_weight=0.0, width=16)
    once = train_closing(toy_folder, tmp_path / "once", circle=toy_circle, **options)
    still = train_closing(toy_folder, tmp_path / "still", circle=once, rate=0.0, **options)
    assert fingerprint(still.changes) == fingerprint(once.changes)
    # Of another width there is nothing to go on from
    options["width"] = 8
    other = train_closing(toy_folder, tmp_path / "other", circle=once, rate=0.0, **options)
    assert not other.changes.fit[-1].weight.any()


def test_the_guides_loss_by_hand():
    torch.manual_seed(0)
    before, after = torch.randn(2, 2, 4, 3) * 2
    edited, strength = torch.tensor([0, 2, 1, 1]), torch.tensor([1.0, -0.5, 1.5, -1.0])
    stay = torch.tensor([[1.0, 3.0, 0.5], [1.0, 1.0, 0.25], [2.0, 3.0, 1.0]])
    short, besides = guide_loss(before, after, edited, strength, stay)
    missing, moved, weight = torch.zeros(4), 0, 0
    for i in range(4):
        for k in range(3):
            s = strength[i]
            for member in range(2):
                was, now = before[member, i, k], after[member, i, k]
                if k == edited[i]:
                    wanted = was + s * (CERTAIN + max(0, -s.sign() * was))
                    missing[i] += max(0, (wanted - now) * s.sign()) / CERTAIN / 2
                else:
                    change = abs(1 / (1 + (-now).exp()) - 1 / (1 + (-was).exp()))
                    moved += stay[edited[i], k] * change / 2
            weight += stay[edited[i], k] * float(k != edited[i])
    torch.testing.assert_close(short, missing, rtol=1e-4, atol=1e-6)
    assert besides.item() == pytest.approx(float(moved / weight), rel=1e-4)


def test_guides_that_see_enough_ask_for_nothing():
    before = torch.zeros(2, 3, 4)
    after = before.clone()
    after[:, :, 1] = 2 * CERTAIN
    edited, strength = torch.ones(3, dtype=torch.long), torch.ones(3)
    short, besides = guide_loss(before, after, edited, strength, torch.ones(4, 4))
    assert short.tolist() == [0, 0, 0] and besides.item() == 0


def test_what_is_missing_most_comes_most_often():
    edits = ["smile+", "smile-", "male+"]
    assert often({}, edits).tolist() == pytest.approx([1 / 3] * 3)
    chance = often({"smile+": 0.04, "smile-": 0.16, "male+": 0.36}, edits)
    assert chance.tolist() == pytest.approx([1 / 6, 1 / 3, 1 / 2])


def test_what_must_stay_and_what_moves_by_its_meaning():
    names = ["male", "smile", "high_cheekbones", "beard"]
    stay = staying(names)
    assert stay[1, [0, 2, 3]].tolist() == [SEX, 0.25, 1.0]  # a smile lifts the cheeks
    assert stay[0, 3] == 0.25 and stay[3, 0] == SEX  # a man may grow a beard, a beard makes no man


def test_the_guides_take_part_and_stay_as_they_were(toy_circle, toy_folder, tmp_path):
    guides = Guides(tuple(toy_circle.attribute_names), ((4, 6), (6, 4)))
    before = fingerprint(guides)
    options = dict(circle=toy_circle, steps=2, batch_size=12, average=0.5)
    alone = train_closing(toy_folder, tmp_path / "alone", **options)
    guided = train_closing(toy_folder, tmp_path / "guided", guides=guides, **options)
    assert fingerprint(guides) == before
    assert fingerprint(guided.changes) != fingerprint(alone.changes)
    # What each edit still misses is remembered where the run goes on from
    with safe_open(tmp_path / "guided" / "checkpoint.safetensors", "pt") as kept:
        state = json.loads(kept.metadata()["istrc"])["state"]
    assert state and all(0 < short for short in state.values())
    assert {edit[:-1] for edit in state} <= set(toy_circle.attribute_names)
    recorded = json.loads((tmp_path / "guided" / "run.json").read_text())
    assert recorded["guides"] == before and recorded["besides_weight"] > 0
    # Those that were trained against do not look; others can be given to the circle
    assert guided.guides is None
    look = Guides(tuple(toy_circle.attribute_names), ((6, 4),), (3,))
    looked = train_closing(toy_folder, tmp_path / "guided", guides=guides, look=look, **options)
    assert looked.guides is look and fingerprint(looked.changes) == fingerprint(guided.changes)


def test_the_natural_scale_is_what_the_circles_own_edits_change(toy_circle, toys):
    z = toy_circle.embed(toys.batch(toys.rows("fit")[:8]))
    names = list(toy_circle.attribute_names[:2])
    found = natural_scale(toy_circle, z, names)
    squares = []
    for i, (name, sign) in enumerate((n, s) for n in names for s in (1.0, -1.0)):
        for face in z[2 * i : 2 * i + 2]:
            end = toy_circle.walk(face[None], {name: sign}, step=0.1).end
            squares.append((toy_circle.map(end) - toy_circle.map(face[None]))[0] ** 2)
    wanted = torch.stack(squares).mean(0)
    floor = 0.01 * wanted.mean()
    torch.testing.assert_close(found, torch.maximum(wanted, floor), rtol=1e-3, atol=1e-7)
