"""BEGAN's training: the equilibrium by hand, one update against separate backward passes."""

import contextlib
import copy
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from istrc.errors import IstrcError
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.training import loop
from istrc.training.augment import augment
from istrc.training.began import (
    balance,
    bounds,
    energy,
    perceptual_loss,
    sharpness,
    take_components,
    train_began,
)
from istrc.training.critic import hinge

numbers = st.floats(0, 2, allow_nan=False)
TINY = dict(
    batch_size=12,
    fakes=6,
    code=10,
    linear=4,
    linear_side=8,
    critic_weight=0.0,
    widths=(4, 6),
    generator_code=3,
    generator_widths=(4, 4),
    gamma=0.6,
    k_rate=0.01,
)


EVEN = torch.ones(16, 16)  # no shape is known: every pixel weighs the same


def test_energy_is_the_mean_absolute_error():
    torch.manual_seed(0)
    x, rebuilt = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    weight, total = torch.rand(4, 4), 0.0
    for face, channel, row, column in np.ndindex(2, 3, 4, 4):
        at = face, channel, row, column
        total += abs(float(x[at] - rebuilt[at])) * float(weight[row, column])
    assert energy(x, rebuilt, weight).item() == pytest.approx(total / 6 / float(weight.sum()))
    even = energy(x, rebuilt, torch.ones(4, 4))
    torch.testing.assert_close(even, (x - rebuilt).abs().mean())


def test_bounds_hold_all_of_a_mask_in_multiples_of_16():
    inside = np.zeros((64, 64), bool)
    inside[40:60, 3:20] = True
    window = bounds(inside)
    assert window == (..., slice(32, 64), slice(3, 35))
    assert inside[window].sum() == inside.sum()
    assert bounds(np.ones((64, 64), bool)) == (..., slice(0, 64), slice(0, 64))


def test_components_are_taken_from_a_network_of_the_same_kind_alone():
    torch.manual_seed(0)
    kind = dict(size=16, code=7, linear=5, linear_side=8, regions=[(2, 4, 8, 6, 2)])
    theirs, ours = AutoEncoder(widths=(), **kind), AutoEncoder(widths=(4, 6), **kind)
    for value in theirs.components.buffers():
        value.normal_()
    take_components(ours, theirs)
    x = torch.rand(2, 3, 16, 16)
    assert torch.equal(ours.encode(x), theirs.encode(x))
    assert torch.equal(ours(x), theirs(x))  # convolutions that nobody trained add nothing
    other = AutoEncoder(16, 5, (4, 6), linear=5, linear_side=8)
    for wrong in (other, AutoEncoder(16, 5, (4, 6))):
        with pytest.raises(IstrcError, match="components of another kind"):
            take_components(ours, wrong)


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 1), numbers, numbers, st.floats(0.1, 1), st.floats(0, 1))
def test_balance_is_the_papers(k, real, fake, gamma, rate):
    following, measure = balance(k, real, fake, gamma, rate)
    assert measure == pytest.approx(real + abs(gamma * real - fake))
    assert following == pytest.approx(min(max(k + rate * (gamma * real - fake), 0), 1))
    # Fakes that are rebuilt too well raise k, so that D minds them more; never out of 0..1
    assert 0 <= following <= 1
    if 0 < k < 1 and rate > 1e-6 and abs(gamma * real - fake) > 1e-6:
        assert (following > k) == (fake < gamma * real)


def test_perceptual_loss_by_hand():
    torch.manual_seed(0)
    net = FaceNet(16, 8, (4, 6, 8), (1, 1, 1)).eval()
    x = torch.rand(3, 3, 16, 16) * 2 - 1
    rebuilt = (x + 0.2 * torch.randn_like(x)).requires_grad_()
    total = 0.0
    with torch.no_grad():
        for a, b in zip(net.features(x)[:2], net.features(rebuilt)[:2], strict=True):
            channels = []
            for c in range(a.shape[1]):
                spread = a[:, c].flatten().std() + 1e-3
                channels.append(((a[:, c] - b[:, c]).abs() / spread).mean())
            total += sum(channels) / len(channels)
    loss = perceptual_loss(net, x, rebuilt)
    assert loss.item() == pytest.approx((total / 2).item(), rel=1e-4)
    assert perceptual_loss(net, x, x) == 0
    loss.backward()
    assert rebuilt.grad.abs().sum() > 0


class Caught(Exception):
    """What train_began gives to the loop."""


@pytest.fixture
def caught(monkeypatch, toy_folder, tmp_path):
    """The real modules, batches and gradients of train_began, in float32, without the loop."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())

    def start(**options):
        def catch(*where, **given):
            raise Caught(given)

        monkeypatch.setattr(loop, "train", catch)
        with pytest.raises(Caught) as error:
            train_began(toy_folder, tmp_path, **{**TINY, **options})
        return error.value.args[0]

    return start


@pytest.mark.parametrize("k", [0.0, 0.37, 1.0])
@pytest.mark.parametrize("sharpened", [False, True])
def test_one_update_equals_two_separate_backward_passes(k, sharpened, caught):
    """D descends L(x) - k_t L(G(u)) (and the features), G descends L(G(u)), each on its own."""
    torch.manual_seed(5)
    facenet = FaceNet(16, 8, (4, 6), (1, 1)) if sharpened else None
    run = caught(facenet=facenet, feature_weight=0.3)
    net, maker = run["modules"]["net"], run["modules"]["generator"]
    for module in (net, maker):  # untrained refiners add nothing, and what they see has no gradient
        nn.init.normal_(module.decoder.head[-1].weight, std=0.1)
        nn.init.normal_(module.decoder.place, std=0.1)
    x = run["batch"](0)

    # Separately, with the same draws
    torch.manual_seed(9)
    real = augment(x, move=0.5, rotate=6, scale=0.06, shift=0.03, light=0.15, erase=0)
    u = maker.sample(6)
    loss = energy(real, net(real), EVEN)
    if sharpened:
        loss = loss + 0.3 * perceptual_loss(facenet, real, net(real))
    fake = maker(u).detach()
    fake_energy = energy(fake, net(fake), EVEN)
    (loss - k * fake_energy).backward()
    norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    wanted_net = [p.grad.clone() for p in net.parameters()]
    net.requires_grad_(False)
    made = maker(u)
    energy(made, net(made), EVEN).backward()
    wanted_maker = [p.grad.clone() for p in maker.parameters()]
    net.requires_grad_(True)

    for module in (net, maker):  # the loop begins each step without gradients
        module.zero_grad()
    run["state"]["k"] = k
    torch.manual_seed(9)
    shown = run["gradients"](0, x)
    clipped = nn.utils.clip_grad_norm_(net.parameters(), run["clip"])
    assert clipped.item() == pytest.approx(norm.item(), rel=1e-4)
    for p, wanted in zip(net.parameters(), wanted_net, strict=True):
        torch.testing.assert_close(p.grad, wanted, atol=2e-7, rtol=1e-4)
    for p, wanted in zip(maker.parameters(), wanted_maker, strict=True):
        torch.testing.assert_close(p.grad, wanted, atol=2e-7, rtol=1e-4)

    # What steps down them
    held = [p for o in run["optimizers"].values() for g in o.param_groups for p in g["params"]]
    assert {*held} == {p for p in [*net.parameters(), *maker.parameters()] if p.requires_grad}

    # The control and the numbers that are logged
    error = 0.6 * shown["L_real"].item() - shown["L_fake"]
    assert shown["L_fake"] == pytest.approx(fake_energy.item(), rel=1e-5)
    assert run["state"]["k"] == pytest.approx(min(max(k + 0.01 * error, 0), 1))
    assert shown["M"] == pytest.approx(shown["L_real"].item() + abs(error))


def test_the_auto_encoder_can_be_trained_alone(caught):
    run = caught(fakes=0)
    shown = run["gradients"](0, run["batch"](0))
    assert "k" not in shown and "M" not in shown and shown["L_real"] > 0
    assert all(p.grad is None for p in run["modules"]["generator"].parameters())


def test_quality_by_hand(caught, toys):
    """PSNR of [-1, 1] faces, and the features' distance at ten decibels a unit."""
    torch.manual_seed(5)
    facenet = FaceNet(16, 8, (4, 6), (1, 1)).eval()
    run = caught(facenet=facenet)
    shown = run["validate"](0)
    x = toys.batch(toys.rows("tune"))
    with torch.no_grad():
        rebuilt = run["modules"]["average"](x)
        mse = (rebuilt.clamp(-1, 1) - x).square().mean().item()
        feature = perceptual_loss(facenet, x, rebuilt).item()
    assert shown["psnr"] == pytest.approx(10 * math.log10(4 / mse), abs=1e-3)
    assert shown["feature"] == pytest.approx(feature, rel=1e-4)
    edges = [sharpness(faces) for faces in (rebuilt.clamp(-1, 1), x)]
    assert shown["crisp"] == pytest.approx(edges[0] / edges[1], rel=1e-4)
    quality = shown["psnr"] - 10 * feature + 10 * min(1, shown["crisp"])
    assert shown["quality"] == pytest.approx(quality, abs=1e-2)


def test_sharpness_is_the_mean_squared_difference_of_neighbours():
    x = torch.rand(1, 1, 3, 4)
    across = [(x[0, 0, i, j + 1] - x[0, 0, i, j]) ** 2 for i in range(3) for j in range(3)]
    down = [(x[0, 0, i + 1, j] - x[0, 0, i, j]) ** 2 for i in range(2) for j in range(4)]
    byhand = sum(across) / len(across) + sum(down) / len(down)
    assert sharpness(x) == pytest.approx(byhand.item(), rel=1e-5)


def test_the_critic_pulls_and_learns_apart(caught):
    """The auto-encoder descends its own loss and, scaled, the critic's; the critic its hinge."""
    run = caught(fakes=0, critic_weight=0.5, critic_after=10)
    net, critic = run["modules"]["net"], run["modules"]["critic"]
    x, spectra = run["batch"](0), copy.deepcopy(critic.state_dict())
    torch.manual_seed(9)
    real = augment(x, move=0.5, rotate=6, scale=0.06, shift=0.03, light=0.15, erase=0)
    seen = net(real).detach().requires_grad_()
    (ours,) = torch.autograd.grad(energy(real, seen, EVEN), seen)
    (critics,) = torch.autograd.grad(-critic(seen).mean(), seen)
    pull = ours + 0.5 * 0.4 * critics * ours.norm() / critics.norm()  # step 4 of 10
    net(real).backward(pull)
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    wanted_net = [p.grad.clone() for p in net.parameters()]
    critic.zero_grad()
    hinge(critic(real), critic(seen.detach())).backward()
    wanted_critic = [p.grad.clone() for p in critic.parameters()]

    for module in (net, critic):
        module.zero_grad()
    torch.manual_seed(9)
    critic.load_state_dict(spectra)  # each look is a step of their power iteration
    run["gradients"](4, x)
    nn.utils.clip_grad_norm_(net.parameters(), run["clip"])
    for module, wanted in ((net, wanted_net), (critic, wanted_critic)):
        for p, grad in zip(module.parameters(), wanted, strict=True):
            torch.testing.assert_close(p.grad, grad, atol=2e-6, rtol=1e-3)


def test_components_are_measured_on_the_faces_to_fit(caught, toys):
    run = caught()
    net, maker = run["modules"]["net"], run["modules"]["generator"]
    x = toys.batch(toys.rows("fit"))
    coordinates = net.components(x)
    torch.testing.assert_close(coordinates.mean(0), torch.zeros(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(coordinates.std(0), torch.ones(4), atol=0.02, rtol=0)
    assert torch.equal(net.components.basis, maker.components.basis)
    # Without them it is the paper's shape
    assert caught(linear=0)["modules"]["net"].components is None


def test_batches_are_faces_to_fit_without_repetition(caught, toys):
    run = caught(batch_size=40)
    known = {toys.batch([row]).numpy().tobytes() for row in toys.rows("fit")}
    faces = [face.contiguous().numpy().tobytes() for face in run["batch"](3)[:, None]]
    assert len(set(faces)) == 40 and set(faces) <= known
    assert torch.equal(run["batch"](3), run["batch"](3))
    # Fewer faces than a batch: all of them
    assert len(caught(batch_size=5000)["batch"](0)) == len(toys.rows("fit"))


def test_killed_and_resumed_ends_with_the_same_bits(same_bits):
    same_bits("began", "checkpoint.safetensors", "best.safetensors")


def test_k_and_m_are_logged_and_k_lives_through_kills(toy_runs):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    shown = {}
    for folder in (toy_runs.whole, toy_runs.killed):
        events = EventAccumulator(str(folder / "began" / "log")).Reload()
        names = ("train/k", "train/M", "train/L_real", "train/L_fake")
        shown[folder] = [events.Scalars(name)[-1].value for name in names]
        assert {"valid/psnr", "valid/quality"} <= set(events.Tags()["scalars"])
    whole, killed = shown.values()
    assert whole == killed
    k, measure, real, fake = whole
    assert 0 <= k <= 1 and measure == pytest.approx(real + abs(0.6 * real - fake), rel=1e-4)


def test_it_rebuilds_faces_of_people_it_has_never_seen(toy_circle, toys):
    x = toys.batch(toys.rows("valid"))
    with torch.no_grad():
        rebuilt = toy_circle.autoencoder(x).clamp(-1, 1)
    everyone = toys.batch(toys.rows("fit")).mean(0, keepdim=True)
    assert (rebuilt - x).square().mean() < 0.8 * (everyone - x).square().mean()


def test_another_recogniser_is_another_setting(toy_folder, tmp_path):
    """A finished run is not reused under a FaceNet that it was not trained against."""
    torch.manual_seed(1)
    first, second = (FaceNet(16, 8, (4, 6), (1, 1)) for _ in range(2))
    train_began(toy_folder, tmp_path, steps=1, facenet=first, **TINY)
    with pytest.raises(IstrcError, match=r"other settings \(facenet\)"):
        train_began(toy_folder, tmp_path, steps=1, facenet=second, **TINY)
    with pytest.raises(IstrcError, match=r"other settings \(facenet, feature_weight\)"):
        train_began(toy_folder, tmp_path, steps=1, **TINY)


def test_an_early_stop_gives_networks(toy_folder, tmp_path):
    autoencoder, maker = train_began(toy_folder, tmp_path, minutes=0.0, **TINY)
    assert autoencoder(torch.zeros(1, 3, 16, 16)).shape == maker(maker.sample(1)).shape
    recorded = json.loads((tmp_path / "run.json").read_text())
    assert recorded["net"] == autoencoder.config and recorded["facenet"] is None
