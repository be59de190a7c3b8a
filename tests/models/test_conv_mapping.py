"""The convolutional mapping: what it computes by hand, and that it is as large as the other."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from istrc.models.conv_mapping import ConvMapping
from istrc.models.mapping import Mapping


def weights(net):
    return sum(p.numel() for p in net.parameters())


def test_as_many_weights_as_the_connected_one():
    assert weights(ConvMapping()) == pytest.approx(weights(Mapping()), rel=0.2)


@torch.no_grad()
def test_the_network_by_hand():
    torch.manual_seed(0)
    net = ConvMapping(dim=6, code=4, channels=3, layers=3, activation="relu", kernel=3).eval()
    net.mean.copy_(torch.linspace(-1, 1, 4))
    net.spread.copy_(torch.linspace(1, 2, 4))
    z = F.normalize(torch.randn(2, 6), dim=1)
    y = (z * 6**0.5)[:, None]
    for layer in net.levels:
        if isinstance(layer, nn.Conv1d):
            padded = F.pad(y, (1, 1))
            y = torch.stack(
                [
                    sum(
                        (padded[:, c, k : k + 6] * layer.weight[o, c, k])
                        for c in range(y.shape[1])
                        for k in range(3)
                    )
                    for o in range(3)
                ],
                1,
            )
        elif isinstance(layer, nn.BatchNorm1d):
            y = y / (1 + layer.eps) ** 0.5  # of no statistics yet
        else:
            y = y.clamp(min=0)
    y = y.flatten(1) @ net.project.weight.T + net.project.bias
    torch.testing.assert_close(net(z), net.mean + net.spread * y)


@pytest.mark.parametrize("layers", [1, 4])
def test_the_configuration_makes_the_same_network_again(layers):
    net = ConvMapping(8, 6, 2, layers, norm=False)
    again = ConvMapping(**net.config)
    again.load_state_dict(net.state_dict())
    z = torch.eye(8)
    assert torch.equal(again(z), net(z)) and net(z).shape == (8, 6)
    assert sum(isinstance(m, nn.Conv1d | nn.Linear) for m in net.modules()) == layers
