"""The moving average of weights, recomputed."""

import copy

import pytest
import torch
from torch import nn

from istrc.training.loop import update_average


def test_the_average_is_that_of_every_weight_and_statistic():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    averaged = copy.deepcopy(net)
    wanted = {name: value.clone() for name, value in net.state_dict().items()}
    for step in range(30):
        net(torch.randn(8, 3))  # moves the statistics
        with torch.no_grad():
            for weight in net.parameters():
                weight += torch.randn_like(weight)
        update_average(averaged, net, step, 0.75)
        decay = min(0.75, (step + 1) / (step + 10))
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                wanted[name] = decay * wanted[name] + (1 - decay) * value
            else:
                wanted[name] = value.clone()
    for name, value in averaged.state_dict().items():
        torch.testing.assert_close(value, wanted[name], msg=name)
    assert averaged[1].num_batches_tracked == 30


def test_an_early_average_has_forgotten_the_initial_weights():
    net, averaged = nn.Linear(1, 1), nn.Linear(1, 1)
    nn.init.constant_(net.weight, 1.0)
    nn.init.constant_(averaged.weight, 1000.0)
    for step in range(100):
        update_average(averaged, net, step, 0.999)
    assert averaged.weight.item() == pytest.approx(1.0, abs=1e-3)
