"""F: five fully connected layers, by hand."""

import pytest
import torch
from torch import nn

from istrc.models.mapping import Mapping


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = Mapping(dim=8, code=6, width=10)
    net.mean.copy_(torch.linspace(-3, 3, 6))
    net.spread.copy_(torch.linspace(0.5, 4, 6))
    for layer in net.body:
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
    return net.eval()


@pytest.fixture
def z():
    z = torch.linspace(-2, 3, 32).cos().view(4, 8)
    return z / z.norm(dim=1, keepdim=True)


def test_the_paper_has_five_layers_with_batch_norm_and_tanh():
    kinds = [type(layer) for layer in Mapping().body]
    assert kinds == [nn.Linear, nn.BatchNorm1d, nn.Tanh] * 4 + [nn.Linear]


@torch.no_grad()
def test_the_network_by_hand(net, z):
    y = z * 8**0.5
    layers = list(net.body)
    for linear, norm in zip(layers[:-1:3], layers[1::3], strict=True):
        y = y @ linear.weight.T
        y = (y - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        y = (y * norm.weight + norm.bias).tanh()
    y = y @ layers[-1].weight.T + layers[-1].bias
    torch.testing.assert_close(net.standardised(z), y)
    torch.testing.assert_close(net(z), net.mean + net.spread * y)
    assert net(z).shape == (4, 6)


def test_golden_corner(z):
    torch.manual_seed(0)
    h = Mapping(dim=8, code=6, width=10).eval()(z)
    wanted = torch.tensor([[-0.30933, -0.23154, -0.05897], [-0.33943, -0.26702, -0.05255]])
    torch.testing.assert_close(h[:2, :3], wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("layers", [1, 2, 7])
def test_other_depths(layers, z):
    net = Mapping(8, 6, 10, layers)
    assert sum(isinstance(layer, nn.Linear) for layer in net.body) == layers
    assert net(z).shape == (4, 6)


def test_the_configuration_makes_the_same_network_again(net, z):
    again = Mapping(**net.config)
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(z), net(z))


def test_no_points_no_codes(net):
    assert net(torch.empty(0, 8)).shape == (0, 6)
