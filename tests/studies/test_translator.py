"""`python -m studies.translator`: the network, who it learns from, and what of it is drawn."""

import json

import numpy as np
import pytest
import torch
from studies.blind import main as blind
from studies.translator import training as module
from studies.translator.__main__ import main
from studies.translator.drawing import GREATEST, KEPT, MOST, SHIFTS, amounts, in_tone, translation
from studies.translator.network import (
    PLACES,
    Block,
    ClassCritic,
    Translator,
    modulated,
    unshuffled,
)
from studies.translator.training import (
    BESIDE,
    Classes,
    classes_asked,
    critic_losses,
    learnable,
    of,
    pools,
    train_translator,
)

from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.edit.masks import Masks
from istrc.edit.tone import LUMA, Known
from istrc.errors import InputError
from istrc.training.shape_free import make_shape_free

NAME = "attractive"


@pytest.fixture
def net():
    torch.manual_seed(0)
    made = Translator(("smile", "male", "young"), 32, (4, 8, 24), (4, 6, 8), 2)
    for values in made.parameters():
        torch.nn.init.normal_(values, std=0.2)
    return made.eval()


def test_half_the_size_keeps_every_pixel_and_says_where_it_is():
    x = torch.arange(2 * 3 * 8 * 8).view(2, 3, 8, 8).float()
    found = unshuffled(x)
    assert found.shape == (2, 12 + PLACES, 4, 4)
    for channel in range(3):
        for row in range(2):
            for column in range(2):
                at = 4 * channel + 2 * row + column
                assert torch.equal(found[:, at], x[:, channel, row::2, column::2])
    line = torch.tensor([-1, -1 / 3, 1 / 3, 1])
    torch.testing.assert_close(found[1, 12, 2], line)
    torch.testing.assert_close(found[1, 13, :, 3], line)
    torch.testing.assert_close(found[0, 14], found[0, 12] ** 2)


def test_a_block_begins_as_nothing_and_is_modulated():
    torch.manual_seed(1)
    block, x, by = Block(4), torch.randn(2, 4, 5, 5), torch.randn(2, 8, 1, 1)
    assert torch.equal(block(x, by), x)
    scale, shift = by[:, :4], by[:, 4:]
    torch.testing.assert_close(modulated(x, by), x + scale * x + shift)


@torch.no_grad()
def test_only_the_box_changes_and_only_it_is_looked_at(net):
    torch.manual_seed(2)
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    asked = torch.tensor([[1.0, 0, 0], [0, -1.0, 0]])
    found, box = net(x, asked), (slice(None), slice(None), slice(8, 32), slice(4, 28))
    assert found.shape == x.shape and found[box].abs().min() > 0
    outside = torch.ones_like(found, dtype=torch.bool)
    outside[box] = False
    assert not found[outside].any()
    elsewhere = x.clone()
    elsewhere[outside] = 0.3
    assert torch.equal(net(elsewhere, asked), found)
    torch.testing.assert_close(found[box], net.inside(x[box], asked))


@torch.no_grad()
def test_each_attribute_and_each_side_is_another_change(net):
    x = torch.zeros(7, 3, 32, 32)
    asked = torch.cat([torch.eye(3), -torch.eye(3), torch.zeros(1, 3)])
    changes = net(x, asked).flatten(1)
    for one in range(7):
        for other in range(one):
            assert (changes[one] - changes[other]).abs().max() > 1e-3


def test_rows_do_not_see_each_other(net):
    torch.manual_seed(3)
    x, asked = torch.randn(3, 3, 32, 32), torch.randn(3, 3)
    with torch.no_grad():
        together = net(x, asked)
        for row in range(3):
            alone = net(x[[row]], asked[[row]])
            np.testing.assert_allclose(together[[row]], alone, atol=1e-5)


@pytest.fixture(scope="module")
def straight(shaped_folder, tiny_landmarks, tmp_path_factory):
    out = tmp_path_factory.mktemp("translator") / "textures"
    return make_shape_free(shaped_folder, out, landmarks=tiny_landmarks(16, 0.05))


def test_beards_are_learnt_from_men(straight):
    labels, names = straight.attributes, straight.attribute_names
    fit = set(straight.rows("fit"))
    for name in ("male", "beard"):
        for value, rows in enumerate(pools(straight, name)):
            wanted = {
                row
                for row in fit
                if labels[row, names.index(name)] == value
                and (name != "beard" or labels[row, names.index("male")] == 1)
            }
            assert set(rows) == wanted and wanted
    assert learnable(straight) == ("male", "beard")


def test_batches_are_faces_of_one_class_and_then_of_the_other(straight):
    names = learnable(straight)
    columns, values, x, labels = Classes(straight, names).batch(0, 3, 8)
    assert x.shape == (16, 3, 16, 16) and labels.shape == (16, 2)
    rows = np.arange(8)
    assert torch.equal(labels[rows, columns], 1 - values)
    assert torch.equal(labels[8 + rows, columns], values)
    again = Classes(straight, names).batch(0, 3, 8)
    assert all(map(torch.equal, (columns, values, x, labels), again))
    faces = straight.batch(straight.rows("fit"))
    known = torch.cat([faces, faces.flip(3)]).flatten(1)
    assert all((known == one).all(1).any() for one in x.flatten(1))  # mirrored, or as they are


def test_what_is_asked_of_whom_by_hand():
    names = ("young", "male", "beard", "attractive")
    labels = torch.tensor([[1.0, 1, 1, 0], [0, 0, -1, 1], [1, 0, 0, 1], [0, 1, 0, 0]])
    wanted, counts, weights = classes_asked(
        labels, torch.tensor([1, 0]), torch.tensor([0.0, 1.0]), names
    )
    b = BESIDE
    # A man is to be a woman: without a beard, whatever moves with sex; a young one stays young
    assert wanted[0].tolist() == [1, 0, 0, 0]
    torch.testing.assert_close(weights[0], torch.tensor([b, 1, b, b]))
    # What moves with age counts nothing, nor does what is not known
    assert wanted[1, :2].tolist() == [1, 0]
    torch.testing.assert_close(weights[1], torch.tensor([1.0, b, 0, 0]))
    torch.testing.assert_close(counts[0], torch.tensor([b, 1, 0, b]))
    torch.testing.assert_close(counts[3], torch.tensor([1, b, b, 0]))


def test_the_critics_losses_by_hand():
    torch.manual_seed(0)
    labels, wanted = torch.randint(0, 2, (6, 2)).float(), torch.randint(0, 2, (3, 2)).float()
    counts, weights = torch.rand(6, 2), torch.rand(3, 2)
    said, patches = torch.randn(10, 4), torch.randn(10, 5)
    found = critic_losses(said, patches, labels, wanted, counts, weights)

    def logit(row, label, attribute):
        return said[row, 2 * attribute + int(label)].item()

    real = [
        max(1 - logit(row, labels[row, at], at), 0) * counts[row, at].item()
        for row in range(6)
        for at in range(2)
    ]
    fake = [
        max(1 + logit(6 + row, wanted[row, at], at), 0) * weights[row, at].item()
        for row in range(3)
        for at in range(2)
    ]
    assert found[0].item() == pytest.approx(np.mean(real) + np.mean(fake), rel=1e-5)
    texture = (1 - patches[:6]).clamp(min=0).mean() + (1 + patches[6:9]).clamp(min=0).mean()
    torch.testing.assert_close(found[1], texture)
    # Noise was added to the first of the faces that follow those that are translated
    near = (said[9] - said[3]).square().mean() + (patches[9] - patches[3]).square().mean()
    torch.testing.assert_close(found[2], near)
    assert torch.equal(of(said[:6], labels)[:, 0], said[torch.arange(6), labels[:, 0].long()])


def test_the_critic_sees_classes_at_places_and_patches_anywhere():
    torch.manual_seed(1)
    critic, x = ClassCritic(3, 24, 8), torch.randn(2, 3, 24, 24)
    classes, patches = critic(x)
    assert classes.shape == (2, 6) and patches.shape == (2, 9)
    with torch.no_grad():
        other = critic(torch.cat([x[:1], x[:1].flip(3)]))[0]
    assert (other[0] - other[1]).abs().max() > 1e-4


def test_a_run_that_was_killed_ends_with_the_same_bits(straight, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FIRST", 3)
    how = dict(batch_size=4, seed=2)
    whole = train_translator(straight.folder, tmp_path / "whole", steps=7, **how)
    train_translator(straight.folder, tmp_path / "killed", steps=7, minutes=0, **how)
    again = train_translator(straight.folder, tmp_path / "killed", steps=7, **how)
    moved = 0.0
    for (name, one), other in zip(
        whole.state_dict().items(), again.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name
    x = straight.batch(straight.rows("tune")[:4])
    with torch.no_grad():
        moved = whole(x, torch.tensor([[1.0, 0.0]] * 4)).abs().max()
    assert whole.names == ("male", "beard") and moved > 0


def test_what_cannot_be_learnt_from_is_said(shaped_folder, straight, tmp_path):
    with pytest.raises(InputError, match="istrc train textures"):
        train_translator(shaped_folder, tmp_path / "out", steps=1)
    none = Prepared(straight.folder)
    none.attribute_names = ["a", "b", "c", "d", "e"]
    assert learnable(none) == ()


@pytest.fixture(scope="module")
def faces():
    coarse = np.random.default_rng(1).uniform(-1, 1, (3, 3, 8, 8)).astype(np.float32)
    return torch.from_numpy(coarse.repeat(4, 2).repeat(4, 3))


@pytest.fixture(scope="module")
def circle(untrained_parts):
    return Circle(**untrained_parts())


@pytest.fixture(scope="module")
def way(circle):
    """A change of a code that the probes read as more of the attribute: (C,)."""
    column = circle.probes.names.index(NAME)
    c = circle.probes.mean[None].clone().requires_grad_()
    circle.probes(c)[0, column].backward()
    return c.grad[0] / c.grad[0].square().sum()  # a logit of 1, to first order


@pytest.mark.parametrize("strength", [1.0, -0.5])
def test_amounts_by_hand(circle, faces, way, strength):
    c = circle.encode(faces)
    column, sign = circle.probes.names.index(NAME), np.sign(strength)
    typical = circle.probes.typical[column].tolist()
    gap = typical[0] - typical[1]
    added = np.zeros((3, 3, 32, 32), np.float32)
    added[0, :, 8:] = -GREATEST / 5  # little is changed, much, and hardly anything
    added[1, :, :8] = 0.9
    added[2, 0, 0, 0] = 1
    rooms = [MOST, 1, MOST]
    for length, shows in ((0.2, 0.5), (0.7, 3.0), (30.0, 0.1), (30.0, -1.0)):
        change = (sign * length * way).expand(len(c), -1)
        seen = (sign * shows * way).expand(len(c), -1)
        found = amounts(circle, c, change, NAME, strength, added, seen)
        said, now, drawn = (
            circle.read_code(one)[:, column].tolist() for one in (c, c + change, c + seen)
        )
        for row in range(len(c)):
            goal = typical[0] if sign > 0 else typical[1]
            wanted = max(sign * (goal - said[row]), 0.15 * gap)
            gone = sign * (now[row] - said[row]) / (abs(strength) * wanted)
            slope = max(sign * (drawn[row] - said[row]), 1e-3)
            full = max(min(wanted / gap, 1), min(wanted / slope, rooms[row]))
            by_hand = abs(strength) * full * min(max(gone, 0), 1)
            assert found[row] == pytest.approx(by_hand, rel=1e-3, abs=1e-5)
    assert not amounts(circle, c, 0 * c, NAME, strength, added, seen).any()


def test_tone_hue_and_greyness_stay(circle):
    rng = np.random.default_rng(2)
    change = rng.normal(0, 0.1, (3, 32, 32)).astype(np.float32)
    at = Masks(circle.mesh, 32, False)
    coloured = np.stack([np.full((32, 32), level, np.float32) for level in (0.4, 0.0, -0.2)])
    known, bare = Known(coloured, at.skin), (at.skin > 0.5).astype(np.float32)
    found = in_tone(change, known, bare)
    even = change - (change * at.skin).sum((1, 2), keepdims=True) / at.skin.sum()
    grey = (LUMA * even).sum(0)
    luma = (LUMA[:, 0, 0] * [1.4, 1.0, 0.8]).sum()
    lit = np.where(grey < 0, grey, grey * known.light[0].clip(max=1))  # even here: skin all over
    for channel, level in enumerate((1.4, 1.0, 0.8)):
        tint = known.colour * (even[channel] - grey)
        hue = np.where(grey < 0, level / luma, (1 + known.white[channel]) / 2)
        skin, other = bare > 0.5, bare < 0.5
        wanted = lit * hue + (1 - KEPT) * tint
        np.testing.assert_allclose(found[channel][skin], wanted[skin], atol=1e-5)
        np.testing.assert_allclose(found[channel][other], (lit + tint)[other], atol=1e-5)
    np.testing.assert_allclose(in_tone(change, known, 0), change, atol=1e-6)
    plain = in_tone(change, Known(np.zeros((3, 32, 32), np.float32), at.skin), bare)
    assert np.ptp(plain, 0).max() < 1e-6  # all channels alike
    own = plain.mean(0)
    np.testing.assert_allclose(own[grey < 0], grey[grey < 0], atol=1e-5)
    dark = Known(np.where(np.arange(32) < 16, -0.9, 0.2) + np.zeros((3, 32, 32)), at.skin)
    lifted = (LUMA * in_tone(np.abs(change), dark, bare)).sum(0)
    assert lifted[:, :16].max() < 0.3 * lifted[:, 16:].max()  # hair over a face becomes no lighter


def test_what_is_added_is_the_mean_over_mirrored_and_shifted_faces(net, circle):
    torch.manual_seed(5)
    real = torch.rand(2, 3, 32, 32) * 2 - 1
    known = [Known(one, Masks(circle.mesh, 32, False).skin) for one in real.numpy()]
    found = translation(net, real.numpy(), "male", -0.5, known, 0)
    asked, total = torch.tensor([[0.0, -1.0, 0.0]] * 2), torch.zeros_like(real)
    for aside, down in SHIFTS:
        for turned in (real, real.flip(3)):
            with torch.no_grad():
                made = net(turned.roll((down, aside), (2, 3)), asked).roll((-down, -aside), (2, 3))
            total += made.flip(3) if turned is not real else made
    for one, of_it, by_hand in zip(found, known, total.numpy() / 6, strict=True):
        np.testing.assert_allclose(one, in_tone(by_hand, of_it, 0), atol=1e-5)


def test_it_is_trained_drawn_and_judged_blind(
    shaped_folder, straight, tmp_path, monkeypatch, shaped_circle
):
    """The three commands after one another, on toys."""
    monkeypatch.setattr(module, "FIRST", 1)
    words = ["train", str(straight.folder), str(tmp_path / "run"), "--steps", "2"]
    main([*words, "--batch-size", "4"])
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["steps"] == 2 and record["net"]["names"] == ["male", "beard"]
    monkeypatch.setattr(Circle, "from_pretrained", lambda **how: shaped_circle)
    words = ["draw", str(shaped_folder), str(tmp_path / "run"), str(tmp_path / "drawn")]
    main([*words, "--names", "male", "--faces", "5", "--split", "fit"])
    pictures = {
        kind: np.load(tmp_path / "drawn" / kind / "male+1.npy") for kind in ("with", "without")
    }
    assert pictures["with"].shape == pictures["without"].shape == (5, 16, 16, 3)
    sheets = [str(tmp_path / "drawn" / kind) for kind in ("with", "without")]
    blind(["make", str(shaped_folder), *sheets, str(tmp_path / "sheets"), "--faces", "5"])
    assert len(list((tmp_path / "sheets").glob("male*.png"))) == 4
