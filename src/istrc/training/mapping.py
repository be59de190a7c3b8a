"""The mapping's training: F(z) against BEGAN's code of the same face (paper section 5.2)."""

from __future__ import annotations

from collections.abc import Mapping as Numbers
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from istrc.data.prepared import Prepared
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.mapping import Mapping
from istrc.models.store import fingerprint
from istrc.training import loop


@torch.no_grad()
def both_spaces(
    facenet: FaceNet, autoencoder: AutoEncoder, prepared: Prepared, rows: np.ndarray, device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each face and its mirror image in both spaces: z (2N, D) and h (2N, H), float32."""
    facenet, autoencoder = facenet.eval(), autoencoder.eval()
    z, h = [], []
    for start in range(0, len(rows), 128):
        x = prepared.batch(rows[start : start + 128]).to(device)
        x = torch.cat([x, x.flip(3)]).contiguous(memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            z.append(facenet(x).float().cpu())
            h.append(autoencoder.encode(x).float().cpu())
    return torch.cat(z), torch.cat(h)


def train_mapping(
    data: str | Path,  # a prepared folder
    out: str | Path,  # run folder; holds the checkpoint
    *,
    facenet: FaceNet,
    autoencoder: AutoEncoder,
    steps: int = 8000,  # batches
    batch_size: int = 512,
    width: int = 512,  # of the hidden layers
    layers: int = 5,  # fully connected layers
    rate: float = 1e-3,  # peak learning rate of Adam
    l2: float = 1e-5,  # weight of the L2 regularisation
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,  # stop, resumably, after this long
    validate_every: int = 1000,  # steps
) -> Mapping:
    """Train F by MSE with L2 regularisation; returns the mapping that was best held out."""
    prepared = Prepared(data)
    z, h = both_spaces(facenet, autoencoder, prepared, prepared.rows("fit"), device)
    held_z, held_h = both_spaces(facenet, autoencoder, prepared, prepared.rows("tune"), device)

    torch.manual_seed(seed)
    net = Mapping(facenet.dim, autoencoder.code, width, layers).to(device)
    mean, spread = h.mean(0), h.std(0).clamp(min=1e-4)
    net.mean.copy_(mean)
    net.spread.copy_(spread)
    standard = ((h - mean) / spread).to(device)
    held_standard = ((held_h - mean) / spread).to(device)
    z, held_z = z.to(device), held_z.to(device)
    # Adam's own weight decay is the gradient of an L2 penalty, as the paper has it
    optimizer = torch.optim.Adam(net.parameters(), lr=rate, weight_decay=l2)

    def batch(step: int) -> torch.Tensor:
        return torch.from_numpy(loop.generator(seed, step).integers(0, len(z), batch_size))

    def update(step: int, rows: torch.Tensor) -> Numbers[str, torch.Tensor]:
        net.train()
        loss = F.mse_loss(net.standardised(z[rows]), standard[rows])
        for group in optimizer.param_groups:
            group["lr"] = loop.cosine(step, steps, peak=rate)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return {"mse": loss.detach()}

    @torch.no_grad()
    def validate(step: int) -> dict[str, float]:
        error = F.mse_loss(net.eval().standardised(held_z), held_standard).item()
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
            data=prepared.info.get("source"),
            faces=len(z),
            batch_size=batch_size,
            rate=rate,
            l2=l2,
            facenet=fingerprint(facenet),
            autoencoder=fingerprint(autoencoder),
            net=net.config,
        ),
    )
    loop.load_best(out, {"net": net})
    return net.eval()
