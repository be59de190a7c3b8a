"""F against a critic: one step by hand, sharper faces of toys, and what is held."""

import copy

import pytest
import torch

from istrc.models.began import AutoEncoder
from istrc.models.mapping import Mapping
from istrc.training import loop
from istrc.training.critic import FaceCritic, hinge
from istrc.training.mapping import COARSE, fine_tune

CONFIG = dict(config=dict(data="toys"))


@pytest.fixture
def given():
    """F that knows the half of codes of 6, the codes of 400 faces, and their auto-encoder."""
    torch.manual_seed(0)
    autoencoder = AutoEncoder(16, 6, (4, 6), linear=6, linear_side=16).eval()
    autoencoder.components.basis.copy_(torch.linalg.qr(torch.randn(768, 6)).Q.T)
    autoencoder.components.spread.fill_(4.0)
    z, h = torch.nn.functional.normalize(torch.randn(400, 8)), torch.randn(400, 6)
    h[:, :3] = 3 * z[:, :3]
    net = Mapping(8, 6, 12, 2).eval()
    net.mean.copy_(h.mean(0))
    net.spread.copy_(h.std(0))
    return net, z, h, torch.ones(6), autoencoder


def test_the_first_step_by_hand(given, tmp_path):
    """Without the critic's pull it is Adam's step down the errors; the critic takes the hinge's."""
    net, z, h, weights, autoencoder = given
    start, count = copy.deepcopy(net).requires_grad_(True), autoencoder.code
    options = dict(steps=1, batch_size=4, critic_weight=0.0, colour_weight=2.0)
    found = fine_tune(*given, tmp_path, **options, **CONFIG)
    rows = torch.from_numpy(loop.generator(0, 0).integers(0, len(z), 4))
    wanted = (h[rows] - net.mean) / net.spread
    made = start.standardised(z[rows])
    x, before = (autoencoder.decode((net.mean + net.spread * m)[:, :count]) for m in (made, made))

    def coarse(x):
        side = 16 // COARSE
        return x.unflatten(2, (COARSE, side)).unflatten(4, (COARSE, side)).mean((3, 5))

    colour = (coarse(x) - coarse(before).detach()).square().mean()
    (((made - wanted).square() * weights).mean() + 2.0 * colour).backward()
    rate = loop.cosine(0, 1, peak=3e-4, floor=0.03)
    # The average follows one step at 1 - 1/10
    for name, value in start.named_parameters():
        step = rate * value.grad / (value.grad.abs() + 1e-8)
        wanted = value.detach() - 0.9 * step
        torch.testing.assert_close(dict(found.named_parameters())[name], wanted, atol=5e-7, rtol=0)
    assert not found.training and not any(p.requires_grad for p in found.parameters())
    assert all(p.grad is None for p in net.parameters())


def test_what_is_not_known_is_drawn_and_what_is_known_stays(given, tmp_path):
    net, z, h, *_ = given
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(300):
        error = (net.standardised(z) - (h - net.mean) / net.spread).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    before = net(z).detach()
    options = dict(steps=150, rate=2e-3, colour_weight=0.1, critic_weight=2.0, average=0.9)
    found = fine_tune(*given, tmp_path, **options, **CONFIG)(z)
    spread, was = found[:, 3:].std(0).mean(), before[:, 3:].std(0).mean()
    assert spread > 1.3 * was  # a mean over all that may be is flat
    for column in range(3):
        both = torch.stack([found[:, column], h[:, column]])
        assert torch.corrcoef(both)[0, 1] > 0.8


def test_a_critic_sees_all_of_a_face_and_its_regions():
    torch.manual_seed(0)
    shape = dict(linear=4, linear_side=16, regions=[(8, 8, 40, 20, 3), (8, 30, 30, 30, 3)])
    critic = FaceCritic(AutoEncoder(64, 10, (), **shape))
    x = torch.rand(2, 3, 64, 64, requires_grad=True)
    opinions = critic(x)
    assert opinions.shape == (2, 16 * 16 + 10 * 5 + 8 * 8)
    (seen,) = torch.autograd.grad(opinions.sum(), x)
    assert (seen != 0).any(1).all()  # every pixel counts
    assert hinge(opinions, opinions) > 0
    assert len(FaceCritic(AutoEncoder(16, 10, (4, 6))).members) == 1
