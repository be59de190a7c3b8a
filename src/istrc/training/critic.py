"""A critic of texture: what an auto-encoder's energy cannot ask for.

Where the exact place of a hair cannot be known, the picture of least L1 error is a blur. The
critic looks at patches and tells rebuilt faces from real ones (Isola et al. 2017, with
the hinge loss), so that a plausible hair costs less than none. A critic is thrown away when
training ends; no measure ever sees it.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from istrc.models.began import AutoEncoder
from istrc.models.components import Region


class PatchCritic(nn.Module):
    """Faces (B, 3, S, S) -> one logit a patch of 26 pixels (B, 1, S/4, S/4), higher for real.

    Its spectra are normalised (Miyato et al. 2018): a critic that is free to be sure of itself
    pulls towards glitter.
    """

    def __init__(self, width: int = 64):
        super().__init__()
        layers: list[nn.Module] = [nn.PixelUnshuffle(2)]
        widths = (12, width, 2 * width, 4 * width, 1)
        for (inputs, outputs), stride in zip(pairwise(widths), (1, 2, 1, 1), strict=True):
            convolution = spectral_norm(nn.Conv2d(inputs, outputs, 3, stride, 1))
            layers += [convolution, nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


class Regions(nn.Module):
    """Critics of eyes, nose and mouth, which in the mean shape are always at the same pixels.

    They cost a third of one of the whole face, and look where people look.

    Args:
        regions: left, top, width, height and more of each; see istrc.models.components.
    """

    def __init__(self, regions: list[Region], width: int = 48):
        super().__init__()
        self.regions = regions
        self.members = nn.ModuleList(PatchCritic(width) for _ in regions)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Faces (B, 3, S, S) -> logits (B, N), of every region's patches."""
        logits = []
        for (left, top, width, height, *_), member in zip(self.regions, self.members, strict=True):
            part = x[:, :, top : top + height // 2 * 2, left : left + width // 2 * 2]
            logits.append(member(part).flatten(1))
        return torch.cat(logits, 1)


class FaceCritic(nn.Module):
    """Faces (B, 3, S, S) -> logits (B, N): of patches at 64 pixels at most and, where there are
    regions, of eyes, nose and mouth at all of the size.
    """

    def __init__(self, autoencoder: AutoEncoder, width: int = 48, region_width: int = 32):
        super().__init__()
        coarser = nn.AvgPool2d(max(1, autoencoder.size // 64))
        members: list[nn.Module] = [nn.Sequential(coarser, PatchCritic(width))]
        components = autoencoder.components
        if components is not None and components.regions:
            members.append(Regions(components.regions, region_width))
        self.members = nn.ModuleList(members)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([member(x).flatten(1) for member in self.members], 1)


def hinge(real: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
    """The critic's loss: real patches above 1, rebuilt ones below -1."""
    return (F.relu(1 - real.float()) + F.relu(1 + rebuilt.float())).mean()


def balanced_gradient(
    rebuilt: torch.Tensor, loss: torch.Tensor, logits: torch.Tensor, weight: float
) -> torch.Tensor:
    """The gradient at the rebuilt faces (B, 3, S, S) of a loss and of a critic's logits together.

    A critic's gradient grows and shrinks as it learns. It is scaled so that its norm is `weight`
    times that of the loss's, as Esser et al. (2021) do at their last layer.
    """
    (ours,) = torch.autograd.grad(loss, rebuilt, retain_graph=True)  # they may share a graph
    (critics,) = torch.autograd.grad(-logits.float().mean(), rebuilt)
    return ours + critics * (weight * ours.norm() / critics.norm().clamp(min=1e-12))


def critic_step(
    critic: nn.Module,
    at: torch.Tensor,  # where the gradient is: the rebuilt faces, or the codes that they come from
    loss: torch.Tensor,  # of it
    rebuilt: torch.Tensor,  # (B, 3, S, S), of `at`
    real: torch.Tensor,  # (B, 3, S, S)
    weight: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`balanced_gradient` at `at`, and the critic's loss, whose gradients its weights then have."""
    critic.requires_grad_(False)
    gradient = balanced_gradient(at, loss, critic(rebuilt), weight)
    critic.requires_grad_(True)
    own = hinge(critic(real), critic(rebuilt.detach()))
    own.backward()
    return gradient, own.detach()
