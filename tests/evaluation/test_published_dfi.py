"""DFI as it was published: VGG-19's shape, and a time projected from the steps that were done."""

import pytest
import torch

from istrc.evaluation.speed.clock import Clock
from istrc.evaluation.speed.limit import counted
from istrc.evaluation.speed.published_dfi import BLOCKS, Vgg, time_published


def test_the_network_has_vgg_19s_shape():
    with torch.device("meta"):
        net = Vgg()
    layers = [layer for block in net.blocks for layer in block]
    assert len(layers) == 13  # conv1_1 to conv5_1
    assert [layer.out_channels for layer in layers] == [
        width for block in BLOCKS for width in block
    ]
    # The weights and shifts of VGG-19's first thirteen convolutions, by hand
    wide = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), *[(256, 256)] * 3, (256, 512)]
    wide += [(512, 512)] * 4
    assert sum(p.numel() for p in net.parameters()) == sum(9 * i * o + o for i, o in wide)


def test_maps_are_those_that_dfi_compares():
    torch.manual_seed(0)
    net = Vgg([(4, 4), (4, 4), (6, 6), (8, 8), (8,)])
    maps = net(torch.randn(2, 3, 48, 48))
    assert [m.shape for m in maps] == [(2, 6, 12, 12), (2, 8, 6, 6), (2, 8, 3, 3)]
    assert all(m.min() >= 0 and m.max() > 0 for m in maps)


def test_the_time_is_that_of_all_steps(monkeypatch):
    """A clock by which each look through the network takes a second."""
    small = [(4, 4), (4, 4), (6, 6), (8, 8), (8,)]
    looks = []
    forward = Vgg.forward
    monkeypatch.setattr(Vgg, "forward", lambda self, x: looks.append(len(x)) or forward(self, x))

    class Counting(Clock):
        def once(self, work):
            before = len(looks)
            work()
            return float(len(looks) - before)

    clock = Counting(torch.device("cpu"))
    found = time_published(clock, sample=3, side=32, iterations=50, blocks=small)
    assert found["s"] == pytest.approx(50)
    assert 1 <= found["projected_from_steps"] <= 3
    assert found["side"] == 32 and found["iterations"] == 50


def test_a_look_at_full_size_is_what_vgg_19_costs():
    """Multiply-adds of the convolutions at 200 pixels a side, by hand; poolings round down."""
    net, x = Vgg(), torch.zeros(1, 3, 200, 200)
    sides = (200, 100, 50, 25, 12)
    wanted, inputs = 0, 3
    for side, widths in zip(sides, BLOCKS, strict=True):
        for width in widths:
            wanted += side * side * 9 * inputs * width
            inputs = width
    assert counted(lambda: net(x)).operations == 2 * wanted
