"""Probes: a logistic regression on standardised codes, stored with what is typical."""

import torch

from istrc.models.probes import Probes
from istrc.models.serialization import load_part, save_part


def build():
    torch.manual_seed(0)
    net = Probes(("smile", "male", "big_nose"), 6, ("smile", "big_nose"))
    net.mean.normal_()
    net.spread.uniform_(0.5, 2)
    net.typical.normal_()
    net.ranges.normal_()
    return net.eval()


@torch.no_grad()
def test_logits_are_linear_in_the_code():
    net, c = build(), torch.randn(4, 6)
    found = net(c)
    for face in range(4):
        for column in range(3):
            wanted = float(net.read.bias[column])
            for k in range(6):
                unit = float((c[face, k] - net.mean[k]) / net.spread[k])
                wanted += float(net.read.weight[column, k]) * unit
            assert abs(float(found[face, column]) - wanted) < 1e-5


def test_what_is_typical_is_stored(tmp_path):
    net = build()
    save_part(net, tmp_path)
    again = load_part(tmp_path)
    assert again.names == net.names and again.measures == net.measures and again.code == 6
    for name in ("typical", "ranges", "mean"):
        assert torch.allclose(getattr(again, name), getattr(net, name), atol=2e-3)
