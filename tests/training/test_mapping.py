"""The mapping's training: pairs of both spaces, L2, and what it explains on toys."""

import json

import pytest
import torch

from istrc.device import reduced
from istrc.errors import IstrcError
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.training.mapping import picture_weights, train_mapping
from istrc.training.spaces import embed_and_encode


@pytest.fixture
def nets():
    torch.manual_seed(0)
    return FaceNet(16, 8, (4, 6), (1, 1)), AutoEncoder(16, 10, (4, 6))


def test_one_step_is_adams_on_mse_and_l2(nets, toy_folder, toys, tmp_path):
    """The first step by hand: standardised codes, the penalty's gradient l2 * w, Adam."""
    facenet, autoencoder = nets
    options = dict(facenet=facenet, autoencoder=autoencoder, batch_size=32, width=12, layers=5)
    options["fine_steps"] = 0
    net = train_mapping(toy_folder, tmp_path / "a", steps=1, l2=0.3, **options)
    from istrc.models.mapping import Mapping
    from istrc.training import loop

    z, h = embed_and_encode(facenet, autoencoder, toys, toys.rows("fit"), "cpu")
    torch.testing.assert_close(net.mean, h.mean(0))
    torch.testing.assert_close(net.spread, h.std(0))
    torch.manual_seed(0)
    start = Mapping(8, 10, 12, 5)
    rows = torch.from_numpy(loop.generator(0, 0).integers(0, len(z), 32))
    weights = picture_weights(autoencoder, h, h.std(0))
    wanted = ((h - h.mean(0)) / h.std(0))[rows]
    with reduced("cpu"):  # as it is trained; the loss is float32
        made = start.standardised(z[rows])
    loss = ((made.float() - wanted).square() * weights).mean()
    loss.backward()
    rate = loop.cosine(0, 1, peak=1e-3)
    for (name, before), after in zip(start.named_parameters(), net.parameters(), strict=True):
        gradient = before.grad + 0.3 * before.detach()
        # Adam's first step: m / (sqrt(v) + eps) with both moments corrected is g / (|g| + eps)
        wanted = before.detach() - rate * gradient / (gradient.abs() + 1e-8)
        torch.testing.assert_close(after.detach(), wanted, atol=1e-7, rtol=0, msg=name)


def test_a_coordinate_weighs_what_it_does_to_the_picture():
    """Against the decoder's Jacobian, column by column."""
    torch.manual_seed(0)
    autoencoder = AutoEncoder(16, 6, (4, 6), linear=6, linear_side=8)
    autoencoder.components.basis.normal_(0, 0.1)
    torch.nn.init.normal_(autoencoder.decoder.head[-1].weight, std=0.05)
    autoencoder.components.spread.copy_(torch.tensor([4.0, 2.0, 1.0, 1.0, 0.5, 0.5]))
    h, spread = torch.randn(400, 6), torch.rand(6) + 0.5
    found = picture_weights(autoencoder, h, spread, draws=50)
    jacobian = torch.stack(
        [
            torch.autograd.functional.jacobian(autoencoder.decode, row[None], vectorize=True)
            for row in h[:30]
        ]
    )  # (30, 1, 3, 16, 16, 1, 6)
    effect = jacobian.square().sum((1, 2, 3, 4, 5)).mean(0).sqrt() * spread
    torch.testing.assert_close(found, effect / effect.mean(), rtol=0.15, atol=0.02)
    assert found.mean().item() == pytest.approx(1, abs=1e-5)


def test_killed_and_resumed_ends_with_the_same_bits(same_bits):
    same_bits("mapping", "checkpoint.safetensors", "best.safetensors")
    same_bits("mapping/fine", "checkpoint.safetensors")


def test_it_explains_codes_of_people_it_has_never_seen(toy_circle, toys):
    rows = toys.rows("valid")
    z, h = embed_and_encode(toy_circle.facenet, toy_circle.autoencoder, toys, rows, "cpu")
    error = (toy_circle.mapping(z) - h).square().mean(0)
    explained = 1 - (error / h.var(0)).mean()
    assert explained > 0.1


def test_other_networks_are_other_settings(nets, toy_folder, tmp_path):
    """A mapping between other spaces is another mapping, whatever its shape."""
    facenet, autoencoder = nets
    options = dict(steps=1, fine_steps=1, batch_size=16, width=8, layers=2)
    train_mapping(toy_folder, tmp_path, facenet=facenet, autoencoder=autoencoder, **options)
    torch.manual_seed(1)
    other = FaceNet(16, 8, (4, 6), (1, 1))
    with pytest.raises(IstrcError, match=r"other settings \(facenet\)"):
        train_mapping(toy_folder, tmp_path, facenet=other, autoencoder=autoencoder, **options)
    torch.manual_seed(1)
    other = AutoEncoder(16, 10, (4, 6))
    with pytest.raises(IstrcError, match=r"other settings \(autoencoder\)"):
        train_mapping(toy_folder, tmp_path, facenet=facenet, autoencoder=other, **options)


def test_an_early_stop_gives_a_mapping(nets, toy_folder, tmp_path):
    facenet, autoencoder = nets
    options = dict(facenet=facenet, autoencoder=autoencoder, batch_size=16, width=8, layers=2)
    net = train_mapping(toy_folder, tmp_path, minutes=0.0, **options)
    assert net(torch.eye(8)).shape == (8, 10) and not net.training


def test_the_configuration_is_recorded(toy_runs):
    recorded = json.loads((toy_runs.whole / "mapping" / "run.json").read_text())
    assert recorded["part"] == "mapping" and recorded["net"]["layers"] == 5
    assert recorded["faces"] == 2 * 384 and recorded["l2"] == 1e-5
    assert len(recorded["facenet"]) == len(recorded["autoencoder"]) == 16
