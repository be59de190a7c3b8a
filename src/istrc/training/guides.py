"""The guides' training: every attribute at once, on faces moved, re-lit, blurred and noisy."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.models.guide import TEAMS, Guides
from istrc.training import loop
from istrc.training.augment import augment, blurred
from istrc.training.average import follow
from istrc.training.entropy import known_entropy


def train_guides(
    data: str | Path,  # a prepared folder
    out: str | Path,  # run folder; holds the checkpoint
    *,
    team: str = "look",  # at how far edits have come; or "close", whom closing follows
    steps: int = 2000,  # batches
    batch_size: int = 96,
    rate: float = 2e-3,  # peak learning rate of AdamW
    decay: float = 0.05,  # weight decay
    noise: float = 0.05,  # largest standard deviation of the noise on a face
    average: float = 0.995,  # decay of the moving average, which is what is kept
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,  # stop, resumably, after this long
    validate_every: int = 300,  # steps
) -> Guides:
    """Train a team of guides; each member sees every face in a guise of its own."""
    if team not in TEAMS:
        raise InputError(f"team {team!r}: use one of {', '.join(TEAMS)}")
    prepared = Prepared(data)
    fit, tune = prepared.rows("fit"), prepared.rows("tune")
    torch.manual_seed(seed)
    net = Guides(tuple(prepared.attribute_names), *TEAMS[team])
    net = net.to(device, memory_format=torch.channels_last)
    averaged = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay, betas=(0.9, 0.98))
    kind = torch.device(device).type

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rows = loop.generator(seed, step, 3).choice(fit, min(batch_size, len(fit)), replace=False)
        return prepared.batch(rows), torch.from_numpy(prepared.attributes[rows])

    def guise(x: torch.Tensor) -> torch.Tensor:
        x = blurred(augment(x, rotate=6, scale=0.06, shift=0.03, light=0.2, grey=0.03, erase=0.1))
        level = torch.rand(len(x), 1, 1, 1, device=x.device) * noise
        return (x + level * torch.randn_like(x)).contiguous(memory_format=torch.channels_last)

    def update(step: int, drawn) -> Mapping[str, torch.Tensor]:
        x, labels = (part.to(device) for part in drawn)
        net.train()
        with torch.autocast(kind, torch.bfloat16):
            logits = torch.stack([member(guise(x)).float() for member in net.members])
        loss = known_entropy(logits, labels)
        loop.set_rate(optimizer, loop.cosine(step, steps, peak=rate, warmup=min(100, steps // 4)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        follow(averaged, net, step, average)
        return {"loss": loss.detach()}

    @torch.no_grad()
    def validate(step: int) -> dict[str, float]:
        right, counted, entropy = 0, 0, []
        for start in range(0, min(len(tune), 1024), 128):
            rows = tune[start : start + 128]
            labels = torch.from_numpy(prepared.attributes[rows]).to(device)
            logits = averaged(prepared.batch(rows).to(device))
            entropy.append(known_entropy(logits, labels).item())
            known = (labels >= 0).expand_as(logits)
            right += (((logits > 0) == (labels > 0)) & known).sum().item()
            counted += known.sum().item()
        return {"accuracy": right / max(1, counted), "loss": sum(entropy) / max(1, len(entropy))}

    loop.run(
        modules={"net": net, "average": averaged},
        optimizers={"adamw": optimizer},
        batch=batch,
        update=update,
        validate=validate,
        validate_every=validate_every,
        steps=steps,
        out=out,
        seed=seed,
        minutes=minutes,
        config=dict(
            part="guides",
            team=team,
            data=prepared.info.get("source"),
            faces=len(fit),
            batch_size=batch_size,
            rate=rate,
            decay=decay,
            noise=noise,
            average=average,
            net=net.config,
        ),
    )
    averaged = averaged.eval().requires_grad_(False)
    with torch.no_grad():
        parts = [tune[i : i + 128] for i in range(0, len(tune), 128)]
        seen = torch.cat([averaged(prepared.batch(rows).to(device)).mean(0) for rows in parts])
    averaged.measure(seen, torch.from_numpy(prepared.attributes[tune]).to(device))
    return averaged
