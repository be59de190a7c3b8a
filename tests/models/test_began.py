"""BEGAN's networks: shapes of every variant, the options one by one, golden corners."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from istrc.models.began import AutoEncoder, Generator

VARIANTS = list(itertools.product([True, False], repeat=3))


@pytest.fixture
def x():
    return torch.linspace(-1, 1, 2 * 3 * 16 * 16).sin().view(2, 3, 16, 16)


@pytest.mark.parametrize("light, carry, skip", VARIANTS)
def test_every_variant_goes_from_faces_to_faces(light, carry, skip, x):
    net = AutoEncoder(16, 10, (4, 6, 8), light, carry, skip)
    h = net.encoder(x)
    assert h.shape == (2, 10)
    assert torch.equal(net(x), net.decoder(h))
    assert net(x).shape == x.shape
    # The light stem works at half the side, and the code's map is as much smaller
    assert net.decoder.side == (2 if light else 4)
    net(x).square().sum().backward()
    silent = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent
    again = AutoEncoder(**net.config)
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(x), net(x))


@pytest.mark.parametrize("light, carry, skip", VARIANTS)
def test_the_generator_is_shaped_like_the_decoder(light, carry, skip):
    net = Generator(16, 5, (4, 6, 8), light, carry, skip)
    assert net(net.sample(3)).shape == (3, 3, 16, 16)
    again = Generator(**net.config)
    again.load_state_dict(net.state_dict())
    u = net.sample(3)
    assert torch.equal(again(u), net(u))


def test_the_generator_draws_uniform_numbers_from_the_seed():
    net = Generator(16, 5, (4, 4, 4))
    torch.manual_seed(7)
    u = net.sample(4000)
    assert u.shape == (4000, 5)
    assert -1 <= u.min() < -0.999 and 0.999 < u.max() <= 1
    assert abs(u.mean()) < 0.02 and abs(u.var() - 1 / 3) < 0.01
    torch.manual_seed(7)
    assert torch.equal(net.sample(4000), u)


@torch.no_grad()
@pytest.mark.parametrize("carry", [True, False])
def test_encoder_and_decoder_by_hand(carry, x):
    """The paper's full-resolution shape: 3x3 convolutions with ELU, in pairs."""
    torch.manual_seed(0)
    net = AutoEncoder(16, 10, (4, 6), light=False, carry=carry, skip=True)

    def conv(y, layer, stride=1):
        return F.conv2d(y, layer.weight, layer.bias, stride, 1)

    def pair(y, layer):
        out = F.elu(conv(F.elu(conv(y, layer.first)), layer.second))
        same = layer.first.weight.shape[0] == layer.first.weight.shape[1]
        return (y + out) / 2**0.5 if carry and same else out

    first, down, _, second = net.encoder.levels
    y = pair(F.elu(conv(x, net.encoder.stem)), first)  # (2, 4, 16, 16)
    y = pair(F.elu(conv(y, down, 2)), second)  # (2, 6, 8, 8)
    h = y.flatten(1) @ net.encoder.project.weight.T + net.encoder.project.bias
    torch.testing.assert_close(net.encoder(x), h, atol=1e-5, rtol=1e-5)

    project = net.decoder.project
    h0 = (h @ project.weight.T + project.bias).view(2, 6, 8, 8)
    y = pair(h0, net.decoder.levels[0])
    double = [y.repeat_interleave(2, 2).repeat_interleave(2, 3) for y in (y, h0)]
    y = pair(torch.cat(double, 1), net.decoder.levels[1])  # (2, 12, 16, 16) -> (2, 4, 16, 16)
    torch.testing.assert_close(net.decoder(h), conv(y, net.decoder.head), atol=1e-5, rtol=1e-5)


def test_the_light_stem_moves_space_to_depth_and_back(x):
    net = AutoEncoder(16, 10, (4, 6), light=True)
    halved, stem = net.encoder.stem
    assert halved(x).shape == (2, 12, 8, 8) and stem.in_channels == 12
    assert torch.equal(net.decoder.head[1](halved(x)), x)


@pytest.mark.parametrize("light", [True, False])
def test_golden_corner(light, x):
    torch.manual_seed(0)
    net = AutoEncoder(16, 10, (4, 6, 8), light)
    h = net.encoder(x)
    wanted_h, wanted_x = {
        True: ([-0.06049, -0.07353, -0.13629], [-0.01379, -0.03759, 0.00654]),
        False: ([0.01691, 0.00978, 0.0213], [0.03072, 0.03308, 0.02076]),
    }[light]
    torch.testing.assert_close(h[1, :3], torch.tensor(wanted_h), atol=1e-4, rtol=0)
    corner = net.decoder(h)[1, 0, -1, -3:]
    torch.testing.assert_close(corner, torch.tensor(wanted_x), atol=1e-4, rtol=0)


def test_a_face_does_not_depend_on_the_rest_of_the_batch(x):
    net = AutoEncoder(16, 10, (4, 6))
    torch.testing.assert_close(net(x)[1:], net(x[1:]))


@pytest.fixture
def refining():
    """Components of noise, and convolutions behind them that are no longer zero."""
    torch.manual_seed(0)
    net = AutoEncoder(16, 7, (4, 6), linear=5, linear_side=8, regions=[(2, 4, 8, 6, 2)])
    for name in ("basis", "basis0", "mean"):
        getattr(net.components, name).normal_(0, 0.1)
    torch.nn.init.normal_(net.decoder.head[-1].weight, std=0.1)
    torch.nn.init.normal_(net.decoder.place)
    return net


def test_components_are_the_code_and_convolutions_refine_what_they_draw(refining, x):
    h = refining.encode(x)
    assert torch.equal(h, refining.components(x)) and refining.encoder is None
    composed = refining.components.compose(h)
    torch.testing.assert_close(refining.decode(h), composed + refining.decoder(composed))
    assert torch.equal(refining(x), refining.decode(h))
    again = AutoEncoder(**refining.config)
    again.load_state_dict(refining.state_dict())
    assert torch.equal(again(x), refining(x))
    with pytest.raises(ValueError, match="5 components are no code of 6"):
        AutoEncoder(16, 6, (4, 6), linear=5)


def test_a_refiner_that_has_learned_nothing_adds_nothing(x):
    net = AutoEncoder(16, 5, (4, 6), linear=5, linear_side=8)
    torch.testing.assert_close(net(x), net.components.compose(net.components(x)))


@torch.no_grad()
def test_the_refiner_by_hand(refining, x):
    net = refining.decoder
    halved = x.unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 1, 4, 5, 2, 3).reshape(2, 12, 8, 8)

    def conv(y, layer, stride=1):
        return F.conv2d(y, layer.weight, layer.bias, stride, 1)

    def pair(y, layer):
        out = F.elu(conv(F.elu(conv(y, layer.first)), layer.second))
        same = layer.first.weight.shape[0] == layer.first.weight.shape[1]
        return (y + out) / 2**0.5 if same else out

    fine = pair(F.elu(conv(halved, net.stem[1]) + net.place), net.levels[0])  # (2, 4, 8, 8)
    y = pair(F.elu(conv(fine, net.down[0], 2)), net.levels[1])  # (2, 6, 4, 4)
    y = torch.cat([y.repeat_interleave(2, 2).repeat_interleave(2, 3), fine], 1)
    y = pair(y, net.up[0])  # (2, 4, 8, 8)
    doubled = torch.zeros(16, 8)  # a pixel is three quarters of the nearest, one of the next
    for row in range(16):
        doubled[row, row // 2] += 0.75
        doubled[row, min(7, max(0, (row - 1) // 2 if row % 2 == 0 else row // 2 + 1))] += 0.25
    y = doubled @ y @ doubled.T  # (2, 4, 16, 16)
    y = conv(F.elu(conv(y, net.head[0])), net.head[2])
    torch.testing.assert_close(net(x), y, atol=1e-5, rtol=1e-5)


def test_every_weight_of_the_refiner_is_used(refining, x):
    refining(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in refining.decoder.parameters())


def test_the_generator_begins_with_faces_of_the_components():
    torch.manual_seed(0)
    net = Generator(16, 5, (4, 6), linear=7, linear_side=16)
    u = net.sample(6)
    composed = net.components.compose(net.coordinates(u))
    torch.testing.assert_close(net(u), composed + net.decoder(composed))
    many = net.coordinates(net.sample(4000))
    assert 0.3 < many.var(0).mean() < 3
