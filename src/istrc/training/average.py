"""A moving average of a network's weights, which is steadier than the network itself."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def follow(averaged: nn.Module, net: nn.Module, step: int, decay: float) -> None:
    """Exponential moving average of weights and of batch statistics, in place.

    Early in a run the average is short (it spans about a tenth of the steps so far), so that it
    does not remember the initial weights.
    """
    decay = min(decay, (step + 1) / (step + 10))
    for mean, value in zip(averaged.state_dict().values(), net.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)
