"""The variants of the mapping that the paper names (sections 3.3, 5.2), and how one is trained."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from istrc.models.conv_mapping import ConvMapping
from istrc.models.mapping import Mapping
from istrc.training import loop


@dataclass(frozen=True)
class Variant:
    """One mapping. The defaults are the paper's."""

    name: str
    shape: str = "connected"  # or "convolutional"
    layers: int = 5
    activation: str = "tanh"  # or "relu", "none"
    norm: bool = True  # BatchNorm
    target: str = "code"  # h, the auto-encoder's; or "input", u, the generator's
    weighted: bool = True  # coordinates count by what they do to the picture, or all alike

    def build(self, dim: int, code: int, width: int) -> nn.Module:
        """The network, of fresh weights from torch's global generator."""
        rest = dict(layers=self.layers, activation=self.activation, norm=self.norm)
        if self.shape == "convolutional":
            return ConvMapping(dim, code, **rest)
        return Mapping(dim, code, width, **rest)


VARIANTS = (
    Variant("paper"),
    Variant("unweighted", weighted=False),
    Variant("convolutional", shape="convolutional"),
    Variant("input", target="input"),
    Variant("input-convolutional", target="input", shape="convolutional"),
    Variant("relu", activation="relu"),
    Variant("linear", activation="none"),
    Variant("no-norm", norm=False),
    Variant("relu-no-norm", activation="relu", norm=False),
    Variant("linear-no-norm", activation="none", norm=False),
    *(Variant(f"layers-{count}", layers=count) for count in (1, 2, 3, 4, 6, 7)),
)


@dataclass
class Trained:
    """A trained mapping and how it went; `explained` is of the tune part, at the best step."""

    net: nn.Module
    explained: float
    step: int
    seconds: float


def explained_variance(
    net: nn.Module,
    z: torch.Tensor,  # (N, D)
    target: torch.Tensor,  # (N, H)
    weights: torch.Tensor | None = None,  # (H,) of mean 1
) -> float:
    """1 - the (weighted) mean squared error of standardised codes; 0 is for their mean."""
    wanted = (target - net.mean) / net.spread
    with torch.no_grad():
        found = torch.cat([net.standardised(few) for few in z.split(4096)])
    errors = (found - wanted).square().mean(0)
    return 1 - (errors if weights is None else errors * weights).mean().item()


def train_variant(
    variant: Variant,
    fit: tuple[torch.Tensor, torch.Tensor],  # z (N, D) and targets (N, H)
    tune: tuple[torch.Tensor, torch.Tensor],  # what the best step is chosen on
    *,
    steps: int,
    batch_size: int,
    width: int,
    rate: float,  # peak learning rate of Adam
    l2: float,  # weight of the L2 regularisation
    seed: int,
    weights: torch.Tensor | None = None,  # (H,) of mean 1, by which coordinates count
    checks: int = 10,  # times that the tune part is looked at
    progress: Callable[[int], None] = lambda step: None,
) -> Trained:
    """Train as `train_mapping` does, without a checkpoint: minutes are begun again at no loss.

    `explained` is always weighted, whether the variant's loss is or not, so that all compare.
    A loss that is no longer finite ends the training, and the best weights until then stay.
    """
    started = time.monotonic()
    (z, target), place = fit, fit[0].device
    torch.manual_seed(seed)
    net = variant.build(z.shape[1], target.shape[1], width).to(place)
    net.mean.copy_(target.mean(0))
    net.spread.copy_(target.std(0).clamp(min=1e-4))
    standard = (target - net.mean) / net.spread
    optimizer = torch.optim.Adam(net.parameters(), lr=rate, weight_decay=l2)
    every = max(1, steps // checks)
    best = Trained(copy.deepcopy(net.eval()), explained_variance(net, *tune, weights), 0, 0.0)
    for step in range(steps):
        rows = torch.from_numpy(loop.generator(seed, step).integers(0, len(z), batch_size))
        net.train()
        error = F.mse_loss(
            net.standardised(z[rows.to(place)]), standard[rows.to(place)], reduction="none"
        )
        loss = (error * weights if weights is not None and variant.weighted else error).mean()
        if not bool(loss.isfinite()):
            break
        loop.descend(optimizer, loss, loop.cosine(step, steps, peak=rate))
        if (step + 1) % every == 0 or step + 1 == steps:
            explained = explained_variance(net.eval(), *tune, weights)
            if explained > best.explained:
                best = Trained(copy.deepcopy(net), explained, step + 1, 0.0)
        progress(step + 1)
    best.seconds = time.monotonic() - started
    return best
