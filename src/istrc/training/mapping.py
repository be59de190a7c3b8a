"""The mapping's training: F(z) against the code of the same face (paper section 5.2).

A code is BEGAN's code of the texture and, of faces that have landmarks, the shape beside it.

An embedding does not say where each hair lies, and the code of least squared error is a mean over
all that it may be: a blur. So F is fine-tuned against a critic that tells decode(F(z)) from
decode(E(x)) and asks for one of them instead (Ledig et al. 2017). What the embedding does say, the
codes' error holds, and coarse colours stay those of the mean: tints that nobody knows are not made
up.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping as Numbers
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn

from istrc.device import reduced
from istrc.models.began import AutoEncoder
from istrc.models.fused import channels_last
from istrc.models.mapping import Mapping
from istrc.models.serialization import fingerprint
from istrc.training import loop
from istrc.training.critic import FaceCritic, critic_step
from istrc.training.embeddings import note
from istrc.training.settings import FineTuneSettings, MappingSettings
from istrc.training.spaces import open_spaces, standardise

COARSE = 8  # places across a face at which its colours stay


def picture_weights(
    autoencoder: AutoEncoder, h: torch.Tensor, spread: torch.Tensor, draws: int = 8
) -> torch.Tensor:
    """How much each coordinate of the code matters to the picture: (H,), of mean 1.

    The root of the mean squared change of the picture when a coordinate moves by its spread,
    J^T v of random signs v estimating each column of the decoder's Jacobian J. Most coordinates
    are fine detail that no embedding knows; weighed alike, they would drown those that show.

    Args:
        h: (N, H) codes of faces, of which a few are drawn.
        spread: (H,) their standard deviations.
    """
    random = torch.Generator().manual_seed(0)
    device = next(chain(autoencoder.parameters(), autoencoder.buffers())).device
    total = torch.zeros(len(spread), device=device)
    for _ in range(draws):
        chosen = h[torch.randint(0, len(h), (32,), generator=random)].to(device).requires_grad_()
        with torch.enable_grad():
            x = autoencoder.decode(chosen)
            signs = torch.randint(0, 2, x.shape, generator=random).to(x) * 2 - 1
            (pulled,) = torch.autograd.grad((x * signs).sum(), chosen)  # (32, H)
        total += pulled.square().mean(0)
    weights = total.sqrt() * spread.to(device)
    return weights / weights.mean()


def code_weights(autoencoder: AutoEncoder, c: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    """How much each coordinate of codes c (N, C) matters: (C,), of mean 1.

    Those of the texture by what they do to the picture, those of the shape alike, and both alike
    in all.
    """
    count = autoencoder.code
    texture = picture_weights(autoencoder, c[:, :count], spread[:count])
    points = c.shape[1] - count
    if not points:
        return texture
    shape = torch.full((points,), 1 / points, device=texture.device)
    weights = torch.cat([texture / texture.sum(), shape])
    return weights * len(weights) / weights.sum()


def train_mapping(data: str | Path, out: str | Path, **given: Any) -> Mapping:
    """Train F by MSE with L2 regularisation, keep what was best held out, and fine-tune it.

    The error of each coordinate counts by what it does to the picture (`picture_weights`).
    """
    s = MappingSettings(**given)
    prepared, spaces, nets = open_spaces(data, out, s, s.limit)
    (z, h), (val_z, val_h) = spaces.of("fit"), spaces.of("tune")
    config = dict(data=prepared.info.get("source"), **nets)

    torch.manual_seed(s.seed)
    net = Mapping(z.shape[1], h.shape[1], s.width, s.layers).to(s.device)
    standardise(net, h)
    z, val_z, standard, val_standard = (x.to(s.device) for x in (z, val_z, h, val_h))
    standard, val_standard = ((x - net.mean) / net.spread for x in (standard, val_standard))
    weights = code_weights(s.autoencoder, h, net.spread)
    # Adam's own weight decay is the gradient of an L2 penalty, as the paper has it
    optimizer = torch.optim.Adam(net.parameters(), lr=s.rate, weight_decay=s.l2, fused=True)

    def gradients(step: int, rows: torch.Tensor) -> Numbers[str, torch.Tensor]:
        net.train()
        with reduced(s.device):
            found = net.standardised(z[rows])
        loss = ((found.float() - standard[rows]).square() * weights).mean()
        loss.backward()
        return {"mse": loss.detach()}

    def validate(step: int) -> dict[str, float]:
        errors = (net.eval().standardised(val_z) - val_standard).square()
        error = (errors * weights).mean().item()
        return {"mse": error, "explained": 1 - error}

    loop.train(
        "mapping",
        s,
        out,
        modules={"net": net},
        optimizers={"adam": optimizer},
        batch=lambda step: loop.uniform(s.seed, step, len(z), s.batch_size),
        gradients=gradients,
        validate=validate,
        best="explained",
        log_every=100,
        config={"faces": len(z), **config, "net": net.config},
    )
    note(s.recogniser, out)
    if not s.fine_steps:
        return net.eval()
    given = dict(steps=s.fine_steps, seed=s.seed, device=s.device, minutes=s.minutes)
    fine = Path(out) / "fine"
    return fine_tune(net.eval(), z, h, weights, s.autoencoder, fine, config=config, **given)


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
    """F, trained on against a critic of its pictures; a new mapping."""
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
        config={**config, "mapping": fingerprint(blurred), "autoencoder": fingerprint(autoencoder)},
    )
    return averaged.eval().requires_grad_(False)
