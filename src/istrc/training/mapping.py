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
from istrc.models.facenet import FaceNet
from istrc.models.mapping import Mapping
from istrc.models.store import fingerprint
from istrc.recognisers.recogniser import Recogniser
from istrc.training import loop
from istrc.training.adversarial import fine_tune
from istrc.training.embeddings import note, recorded
from istrc.training.spaces import Spaces, open_spaces


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


def train_mapping(
    data: str | Path,  # a prepared folder
    out: str | Path,  # run folder; holds the checkpoint
    *,
    facenet: FaceNet | None = None,
    recogniser: Recogniser | None = None,
    autoencoder: AutoEncoder,
    embeddings: str | Path | None = None,  # where a recogniser's are kept; OUT/embeddings if none
    textures: str | Path | None = None,  # the faces in the mean shape (istrc train textures)
    made: Spaces | None = None,  # of the same data and networks; they are made otherwise
    limit: int | None = None,  # faces to train on, at most
    steps: int = 6000,  # batches
    fine_steps: int = 4000,  # batches of the adversarial fine-tuning; 0 is without, as the paper is
    batch_size: int = 512,
    width: int = 512,  # of the hidden layers
    layers: int = 5,  # fully connected layers
    rate: float = 1e-3,  # peak learning rate of Adam
    l2: float = 1e-5,  # weight of the L2 regularisation
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,  # stop either, resumably, after this long
    validate_every: int = 1000,  # steps
) -> Mapping:
    """Train F by MSE with L2 regularisation, keep what was best held out, and fine-tune it.

    The error of each coordinate counts by what it does to the picture (`picture_weights`);
    `istrc.training.adversarial` has what follows.
    """
    prepared, facenet, made = open_spaces(
        data, out, made, facenet, recogniser, autoencoder, embeddings, textures, device, limit
    )
    net = train_on_codes(
        *made.of("fit"),
        *made.of("tune"),
        autoencoder,
        out,
        steps=steps,
        batch_size=batch_size,
        width=width,
        layers=layers,
        rate=rate,
        l2=l2,
        seed=seed,
        device=device,
        minutes=minutes,
        validate_every=validate_every,
        config=dict(data=prepared.info.get("source"), **recorded(facenet)),
    )
    note(facenet, out)
    if fine_steps:
        z, h = made.of("fit")
        net = fine_tune(
            net,
            z,
            h,
            code_weights(autoencoder, h, net.spread),
            autoencoder,
            Path(out) / "fine",
            steps=fine_steps,
            seed=seed,
            device=device,
            minutes=minutes,
            config=dict(data=prepared.info.get("source"), **recorded(facenet)),
        )
    return net


def train_on_codes(
    z: torch.Tensor,  # (N, D) to fit
    h: torch.Tensor,  # (N, C) codes of the same faces
    held_z: torch.Tensor,  # (M, D) of other people, for the choice of step
    held_h: torch.Tensor,  # (M, C)
    autoencoder: AutoEncoder,
    out: str | Path,
    *,
    steps: int = 6000,
    batch_size: int = 512,
    width: int = 512,
    layers: int = 5,
    rate: float = 1e-3,
    l2: float = 1e-5,
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,
    validate_every: int = 1000,
    config: Numbers[str, Any],  # recorded beside these settings
) -> Mapping:
    """`train_mapping` from the embeddings and codes on; see there for the settings."""
    torch.manual_seed(seed)
    net = Mapping(z.shape[1], h.shape[1], width, layers).to(device)
    mean, spread = h.mean(0), h.std(0).clamp(min=1e-4)
    net.mean.copy_(mean)
    net.spread.copy_(spread)
    standard = ((h - mean) / spread).to(device)
    held_standard = ((held_h - mean) / spread).to(device)
    z, held_z = z.to(device), held_z.to(device)
    weights = code_weights(autoencoder, h, spread.to(device))
    # Adam's own weight decay is the gradient of an L2 penalty, as the paper has it
    optimizer = torch.optim.Adam(net.parameters(), lr=rate, weight_decay=l2, fused=True)

    def batch(step: int) -> torch.Tensor:
        return torch.from_numpy(loop.generator(seed, step).integers(0, len(z), batch_size))

    def update(step: int, rows: torch.Tensor) -> Numbers[str, torch.Tensor]:
        net.train()
        with reduced(device):
            made = net.standardised(z[rows])
        loss = ((made.float() - standard[rows]).square() * weights).mean()
        loop.descend(optimizer, loss, loop.cosine(step, steps, peak=rate))
        return {"mse": loss.detach()}

    @torch.no_grad()
    def validate(step: int) -> dict[str, float]:
        errors = (net.eval().standardised(held_z) - held_standard).square()
        error = (errors * weights).mean().item()
        return {"mse": error, "explained": 1 - error}

    loop.run(
        modules={"net": net},
        optimizers={"adam": optimizer},
        batch=batch,
        update=update,
        validate=validate,
        validate_every=validate_every,
        best="explained",
        steps=steps,
        out=out,
        seed=seed,
        minutes=minutes,
        log_every=100,
        config=dict(
            part="mapping",
            faces=len(z),
            batch_size=batch_size,
            rate=rate,
            l2=l2,
            **config,
            autoencoder=fingerprint(autoencoder),
            net=net.config,
        ),
    )
    loop.load_best(out, {"net": net})
    return net.eval()
