"""F's adversarial fine-tuning: faces from the sphere that look like faces.

An embedding does not say where each hair lies, and the code of least squared error, which
`istrc.training.mapping` finds, is a mean over all that it may be: a blur. A critic that tells
decode(F(z)) from decode(E(x)) asks for one of them instead (Ledig et al. 2017). What the embedding
does say, the codes' error holds, and coarse colours stay those of the mean: tints that nobody
knows are not made up.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping as Numbers
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from istrc.models.began import AutoEncoder
from istrc.models.fused import channels_last
from istrc.models.mapping import Mapping
from istrc.models.serialization import fingerprint
from istrc.training import loop
from istrc.training.critic import PatchCritic, Regions, critic_step
from istrc.training.settings import FineTuneSettings

COARSE = 8  # places across a face at which its colours stay


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


def fine_tune(
    net: Mapping,
    z: torch.Tensor,  # (N, D) to fit
    h: torch.Tensor,  # (N, C) codes of the same faces
    weights: torch.Tensor,  # (C,) what each coordinate counts
    autoencoder: AutoEncoder,
    out: str | Path,
    *,
    config: Numbers[str, Any],  # recorded beside the settings
    **given: Any,  # settings: FineTuneSettings
) -> Mapping:
    """F (`istrc.training.mapping`), trained on against a critic of its pictures; a new mapping."""
    s = FineTuneSettings(**given)
    torch.manual_seed(s.seed)
    blurred, count = net.to(s.device).eval(), autoencoder.code
    # The batches are small, and what BatchNorm measured on large ones stays
    net = copy.deepcopy(blurred).requires_grad_(True)
    averaged = copy.deepcopy(blurred)
    critic = channels_last(FaceCritic(autoencoder), s.device)
    standard = ((h.to(s.device) - net.mean) / net.spread).float()
    z, weights = z.to(s.device), weights.to(s.device)
    pooled = nn.AvgPool2d(autoencoder.size // COARSE)
    optimizers = {
        "net": torch.optim.Adam(net.parameters(), lr=s.rate, betas=(0.5, 0.99)),
        "critic": torch.optim.Adam(critic.parameters(), lr=s.critic_rate, betas=(0.5, 0.99)),
    }

    def drawn(codes: torch.Tensor) -> torch.Tensor:
        x = autoencoder.decode((net.mean + net.spread * codes)[:, :count])
        return x.contiguous(memory_format=torch.channels_last)

    def gradients(step: int, rows: torch.Tensor) -> Numbers[str, torch.Tensor]:
        codes = net.standardised(z[rows])
        leaf = codes.detach().requires_grad_()
        x = drawn(leaf)
        with torch.no_grad():
            real = drawn(standard[rows])
            colours = pooled(drawn(blurred.standardised(z[rows])))
        error = ((leaf - standard[rows]).square() * weights).mean()
        colour = (pooled(x) - colours).square().mean()
        loss, share = error + s.colour_weight * colour, s.critic_weight * min(1.0, step / 300)
        gradient, critic_loss = critic_step(critic, leaf, loss, x, real, share)
        codes.backward(gradient)
        return {"mse": error.detach(), "colour": colour.detach(), "critic": critic_loss}

    loop.train(
        "mapping, fine-tuned",
        s,
        out,
        modules={"net": net, "average": averaged, "critic": critic},
        optimizers=optimizers,
        batch=lambda step: loop.uniform(s.seed, step, len(z), s.batch_size),
        gradients=gradients,
        averaged=averaged,
        schedule=partial(loop.cosine, floor=0.03),
        log_every=50,
        config={
            **config,
            "mapping": fingerprint(blurred),
            "autoencoder": fingerprint(autoencoder),
        },
    )
    return averaged.eval().requires_grad_(False)
