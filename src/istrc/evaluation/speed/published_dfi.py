"""What an edit by deep feature interpolation takes as it was published (Upchurch et al. 2017).

Its search runs through VGG-19 up to conv5_1, on pictures of 200 x 200. How long that takes does not
depend on what the weights are, and so they are drawn: the network's shape is VGG-19's, its pictures
mean nothing. What such edits look like is told by the peer on our own maps (peers.dfi) alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from istrc.evaluation.metrics import gradient_energy
from istrc.evaluation.speed.clock import Clock

# Simonyan and Zisserman (2015), table 1, column E: channels of 3x3 convolutions between poolings
BLOCKS = ((64, 64), (128, 128), (256, 256, 256, 256), (512, 512, 512, 512), (512,))
COMPARED = (2, 3, 4)  # blocks whose first maps are compared: conv3_1, conv4_1, conv5_1
SIDE, ITERATIONS = 200, 150  # of the authors' program by default: pixels, steps of L-BFGS


class Vgg(nn.Module):
    """VGG-19 up to conv5_1, its weights drawn; gives the maps that DFI compares."""

    def __init__(self, blocks: Sequence[Sequence[int]] = BLOCKS):
        super().__init__()
        channels, made = 3, []
        for widths in blocks:
            layers = []
            for width in widths:
                layers.append(nn.Conv2d(channels, width, 3, padding=1))
                nn.init.kaiming_normal_(layers[-1].weight)
                channels = width
            made.append(nn.ModuleList(layers))
        self.blocks = nn.ModuleList(made)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Pictures (B, 3, S, S) -> maps of S/4, S/8 and S/16."""
        maps = []
        for number, block in enumerate(self.blocks):
            x = F.max_pool2d(x, 2) if number else x
            for place, layer in enumerate(block):
                x = F.relu(layer(x))
                if place == 0 and number in COMPARED:
                    maps.append(x)
        return maps


def time_published(
    clock: Clock,
    *,
    sample: int = 4,  # steps that are timed
    side: int = SIDE,
    iterations: int = ITERATIONS,
    blocks: Sequence[Sequence[int]] = BLOCKS,
) -> dict[str, Any]:
    """Seconds of the search that makes one edit of one picture, projected from a few of its steps.

    A step is one look through the network and back to the pixels, the least that L-BFGS asks;
    what it costs to find and to embed the neighbours is not counted.
    """
    torch.manual_seed(0)
    net = Vgg(blocks).to(clock.device, memory_format=torch.channels_last).requires_grad_(False)
    x = torch.rand(1, 3, side, side, device=clock.device) * 2 - 1
    with torch.no_grad():
        target = [maps * 0.9 for maps in net(x)]

    def search(steps: int) -> int:
        y, looks = x.clone().requires_grad_(True), 0
        optimizer = torch.optim.LBFGS([y], lr=1e-4, max_iter=steps, max_eval=steps)

        def loss() -> torch.Tensor:
            nonlocal looks
            looks += 1
            total = gradient_energy(y).sum()
            seen = net(y.contiguous(memory_format=torch.channels_last))
            for found, wanted in zip(seen, target, strict=True):
                total = total + (found - wanted).square().sum()
            y.grad = torch.autograd.grad(total, y)[0].contiguous()  # as L-BFGS lays it out
            return total.detach()

        with torch.enable_grad():
            optimizer.step(loss)
        return looks

    search(1)  # first allocations
    looked = []
    took = clock.once(lambda: looked.append(search(sample)))
    return {
        "s": took / looked[0] * iterations,
        "side": side,
        "iterations": iterations,
        "projected_from_steps": looked[0],
    }
