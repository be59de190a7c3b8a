"""The mapping's training: F(z) against the code of the same face (paper section 5.2).

A code is BEGAN's code of the texture and, of faces that have landmarks, the shape beside it.
"""

from __future__ import annotations

from collections.abc import Mapping as Numbers
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from istrc.device import reduced
from istrc.models.began import AutoEncoder
from istrc.models.mapping import Mapping
from istrc.models.serialization import fingerprint
from istrc.training import loop
from istrc.training.adversarial import fine_tune
from istrc.training.embeddings import note
from istrc.training.settings import MappingSettings
from istrc.training.spaces import open_spaces


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

    The error of each coordinate counts by what it does to the picture (`picture_weights`);
    `istrc.training.adversarial` has what follows.
    """
    s = MappingSettings(**given)
    prepared, spaces, nets = open_spaces(data, out, s, s.limit)
    config = dict(data=prepared.info.get("source"), **nets)
    net = train_on_codes(*spaces.of("fit"), *spaces.of("tune"), out=out, config=config, **given)
    note(s.recogniser, out)
    if s.fine_steps:
        z, h = spaces.of("fit")
        weights = code_weights(s.autoencoder, h, net.spread)
        net = fine_tune(
            net,
            z,
            h,
            weights,
            s.autoencoder,
            Path(out) / "fine",
            config=config,
            steps=s.fine_steps,
            seed=s.seed,
            device=s.device,
            minutes=s.minutes,
        )
    return net


def train_on_codes(
    z: torch.Tensor,  # (N, D) to fit
    h: torch.Tensor,  # (N, C) codes of the same faces
    val_z: torch.Tensor,  # (M, D) of other people, for the choice of step
    val_h: torch.Tensor,  # (M, C)
    autoencoder: AutoEncoder,
    out: str | Path,
    *,
    config: Numbers[str, Any],  # recorded beside the settings
    **given: Any,  # settings: MappingSettings
) -> Mapping:
    """`train_mapping` from the embeddings and codes on."""
    s = MappingSettings(autoencoder=autoencoder, **given)
    torch.manual_seed(s.seed)
    net = Mapping(z.shape[1], h.shape[1], s.width, s.layers).to(s.device)
    mean, spread = h.mean(0), h.std(0).clamp(min=1e-4)
    net.mean.copy_(mean)
    net.spread.copy_(spread)
    standard = ((h - mean) / spread).to(s.device)
    val_standard = ((val_h - mean) / spread).to(s.device)
    z, val_z = z.to(s.device), val_z.to(s.device)
    weights = code_weights(autoencoder, h, spread.to(s.device))
    # Adam's own weight decay is the gradient of an L2 penalty, as the paper has it
    optimizer = torch.optim.Adam(net.parameters(), lr=s.rate, weight_decay=s.l2, fused=True)

    def batch(step: int) -> torch.Tensor:
        return torch.from_numpy(loop.generator(s.seed, step).integers(0, len(z), s.batch_size))

    def gradients(step: int, rows: torch.Tensor) -> Numbers[str, torch.Tensor]:
        net.train()
        with reduced(s.device):
            found = net.standardised(z[rows])
        loss = ((found.float() - standard[rows]).square() * weights).mean()
        loss.backward()
        return {"mse": loss.detach()}

    @torch.no_grad()
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
        batch=batch,
        gradients=gradients,
        validate=validate,
        best="explained",
        log_every=100,
        config={
            "faces": len(z),
            **config,
            "autoencoder": fingerprint(autoencoder),
            "net": net.config,
        },
    )
    return net.eval()
