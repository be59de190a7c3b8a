"""A decoder made sharper, or finer, while the code stays what it is.

Whatever was trained on BEGAN's codes, the mapping and what an edit changes, stays valid as long as
the encoder is left alone. So the decoder is trained further by itself, on codes that are made once,
with more of a critic than a whole BEGAN bears; and by the same means a level is put on it that
draws the face at twice the size (`models.finer`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.finer import Finer, halved
from istrc.models.guide import Guides
from istrc.models.store import fingerprint
from istrc.training import loop
from istrc.training.average import follow
from istrc.training.began import crispness, energy, feature_loss
from istrc.training.critic import Scales, hinge, joined_pull

BLOCK = 128  # faces that are encoded at once
HELD = 1024  # faces of tune that are measured on the way
Codes = tuple[torch.Tensor, torch.Tensor]  # (2, N, H) each, of fit and of tune
PATCH = 16  # side of the last maps' part that a finer level is trained on at a time
MARGIN = 2  # beyond it, where a convolution still sees the part's edge


@torch.no_grad()
def codes(autoencoder: AutoEncoder, prepared: Prepared, rows: np.ndarray, device: str):
    """h of each face and of its mirror image, (2, N, H) float16; faces may be twice as large."""
    made: tuple[list, list] = ([], [])
    for start in range(0, len(rows), BLOCK):
        x = prepared.batch(rows[start : start + BLOCK]).to(device)
        x = halved(x) if x.shape[-1] != autoencoder.size else x
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            for side, faces in zip(made, (x, x.flip(3)), strict=True):
                h = autoencoder.encode(faces.contiguous(memory_format=torch.channels_last))
                side.append(h.half().cpu())
    return torch.stack([torch.cat(side) for side in made])


def codes_of(autoencoder: AutoEncoder, prepared: Prepared, device: str) -> Codes:
    """`codes` of the faces that a decoder learns from, and of those measured on the way."""
    parts = prepared.rows("fit"), prepared.rows("tune")[:HELD]
    fit, tune = (codes(autoencoder, prepared, rows, device) for rows in parts)
    return fit, tune


def chances(prepared: Prepared, rows: np.ndarray, old: float) -> np.ndarray | None:
    """How often each face is drawn, sums to 1: old ones `old` times as often as young ones.

    There are few of them, so that an auto-encoder rebuilds them worst (paper section 7).
    """
    if old == 1 or "young" not in prepared.attribute_names:
        return None
    weights = np.where(prepared.column("young")[rows] == 0, old, 1.0)
    return weights / weights.sum()


def seen_loss(guides: Guides, member: int, x: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """Mean distance of what a guide sees before it judges, scaled by its spread over faces."""
    look = guides.members[member][:-1]
    with torch.no_grad():
        wanted = look(x).float()
    spread = wanted.std(0, keepdim=True) + 1e-2
    return ((look(drawn).float() - wanted) / spread).abs().mean()


def train_decoder(
    data: str | Path,  # a prepared folder
    out: str | Path,  # run folder; holds the checkpoint
    *,
    autoencoder: AutoEncoder,
    facenet: FaceNet,  # whose features sharpen the energy
    guides: Guides | None = None,  # what they see sharpens it too
    made: Codes | None = None,  # `codes_of` the same data and encoder; they are made otherwise
    steps: int = 4000,  # batches
    batch_size: int = 48,
    rate: float = 5e-4,  # peak learning rate of Adam
    feature_weight: float = 0.1,
    seen_weight: float = 0.05,
    critic_weight: float = 0.8,  # pull of the critic beside the rest; 0 goes without
    critic_rate: float = 5e-4,
    old: float = 2.0,  # how many times as often an old face is drawn as a young one
    average: float = 0.998,  # decay of the moving average, which is what is kept
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,  # stop, resumably, after this long
    validate_every: int = 500,  # steps
) -> AutoEncoder:
    """Train the decoder alone, at its size; returns the auto-encoder, whose codes are the same."""
    prepared = Prepared(data)
    _same_size(prepared, autoencoder.size, data)
    net = copy.deepcopy(autoencoder).requires_grad_(False)
    net.decoder.requires_grad_(True)

    def draw(net: AutoEncoder, h: torch.Tensor, x: torch.Tensor, rng: Any) -> tuple:
        return net.decode(h), x

    return _train(
        prepared,
        out,
        autoencoder,
        net,
        draw,
        facenet=facenet,
        guides=guides,
        made=made,
        levels=4,
        weights=dict(feature=feature_weight, seen=seen_weight, critic=critic_weight),
        rates=dict(net=rate, critic=critic_rate),
        old=old,
        steps=steps,
        batch_size=batch_size,
        average=average,
        seed=seed,
        device=device,
        minutes=minutes,
        validate_every=validate_every,
        config=dict(part="decoder", net=net.config),
    )


def train_finer(
    data: str | Path,  # a folder prepared at twice the auto-encoder's size
    out: str | Path,  # run folder; holds the checkpoint
    *,
    autoencoder: AutoEncoder,
    facenet: FaceNet,  # whose features sharpen the energy
    widths: tuple[int, int] = (64, 48),
    steps: int = 6000,  # batches
    batch_size: int = 32,
    rate: float = 1e-3,  # peak learning rate of Adam
    feature_weight: float = 0.1,
    critic_weight: float = 0.6,  # pull of the critic beside the rest
    critic_rate: float = 5e-4,
    old: float = 2.0,  # how many times as often an old face is drawn as a young one
    average: float = 0.998,  # decay of the moving average, which is what is kept
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,  # stop, resumably, after this long
    validate_every: int = 500,  # steps
) -> Finer:
    """Train a level that draws faces at twice the size; the auto-encoder stays as it is."""
    prepared = Prepared(data)
    _same_size(prepared, 2 * autoencoder.size, data)
    torch.manual_seed(seed)
    net = Finer(2 * autoencoder.size, autoencoder.decoder.head[0].in_channels, tuple(widths))
    side = autoencoder.size // 2  # of the last maps
    patch = min(PATCH, side - 2 * MARGIN)

    def draw(net: Finer, h: torch.Tensor, x: torch.Tensor, rng: Any) -> tuple:
        """A part of the face at a time: a level sees no further, and a critic neither."""
        with torch.no_grad():
            small, maps = autoencoder.draw(h)
        if rng is None:
            return net(small, maps), x
        reach = patch + 2 * MARGIN
        top, left = (int(v) for v in rng.integers(0, side - reach + 1, 2))
        part = maps[:, :, top : top + reach, left : left + reach]
        near = small[:, :, 2 * top : 2 * (top + reach), 2 * left : 2 * (left + reach)]
        edge, end = 4 * MARGIN, 4 * (patch + MARGIN)
        inner = x[:, :, 4 * top + edge : 4 * top + end, 4 * left + edge : 4 * left + end]
        return net(near, part)[:, :, edge:end, edge:end], inner

    return _train(
        prepared,
        out,
        autoencoder,
        net,
        draw,
        facenet=facenet,
        guides=None,
        made=None,
        levels=2,
        weights=dict(feature=feature_weight, seen=0.0, critic=critic_weight),
        rates=dict(net=rate, critic=critic_rate),
        old=old,
        steps=steps,
        batch_size=batch_size,
        average=average,
        seed=seed,
        device=device,
        minutes=minutes,
        validate_every=validate_every,
        config=dict(part="finer", net=net.config),
    )


def _same_size(prepared: Prepared, size: int, data: str | Path) -> None:
    if prepared.size != size:
        raise InputError(
            f"{data}: faces of {prepared.size} px, and this needs {size} px; "
            f"prepare with --size {size}"
        )


def _train(
    prepared: Prepared,
    out: str | Path,
    autoencoder: AutoEncoder,  # makes the codes, and stays
    net: nn.Module,  # what is trained
    draw: Callable[..., tuple[torch.Tensor, torch.Tensor]],  # net, h, x, rng -> drawn, wanted
    *,
    facenet: FaceNet,
    guides: Guides | None,
    made: Codes | None,
    levels: int,  # of FaceNet's maps that are compared
    weights: Mapping[str, float],
    rates: Mapping[str, float],
    old: float,
    steps: int,
    batch_size: int,
    average: float,
    seed: int,
    device: str,
    minutes: float | None,
    validate_every: int,
    config: dict[str, Any],
) -> Any:
    fit, tune = prepared.rows("fit"), prepared.rows("tune")[:HELD]
    kind, layout = torch.device(device).type, torch.channels_last
    for part in (autoencoder, facenet, guides):
        if part is not None:
            part.to(device, memory_format=layout).eval().requires_grad_(False)
    torch.manual_seed(seed)
    net = net.to(device, memory_format=layout)
    averaged = copy.deepcopy(net).eval().requires_grad_(False)
    critic = Scales().to(device, memory_format=layout)
    optimizers = {
        "net": torch.optim.Adam(
            [w for w in net.parameters() if w.requires_grad], lr=rates["net"], betas=(0.9, 0.99)
        ),
        "critic": torch.optim.Adam(critic.parameters(), lr=rates["critic"], betas=(0.5, 0.99)),
    }
    codes_fit, codes_tune = made or codes_of(autoencoder, prepared, device)
    chance = chances(prepared, fit, old)

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        count = min(batch_size, len(fit))
        chosen = loop.generator(seed, step).choice(len(fit), count, replace=False, p=chance)
        x, mirror = prepared.batch(fit[chosen]), step % 2
        return (x.flip(3) if mirror else x), codes_fit[mirror][torch.from_numpy(chosen)].float()

    def update(step: int, given) -> dict[str, torch.Tensor]:
        x, h = (part.to(device) for part in given)
        for name, optimizer in optimizers.items():
            loop.set_rate(optimizer, loop.cosine(step, steps, peak=rates[name]))
            optimizer.zero_grad(set_to_none=True)
        shown = {}
        with torch.autocast(kind, torch.bfloat16):
            drawn, x = draw(net, h, x, loop.generator(seed, step, 1))
            x = x.contiguous(memory_format=layout)
            picture = drawn.detach().contiguous(memory_format=layout).requires_grad_()
            shown["energy"] = energy(x, picture)
            half = slice(None, None, 2)  # FaceNet sees every other picture, and costs half
            shown["feature"] = feature_loss(facenet, x[half], picture[half], levels)
            loss = shown["energy"] + weights["feature"] * shown["feature"]
            if guides is not None:
                member = step % len(guides.members)
                shown["seen"] = seen_loss(guides, member, x, picture)
                loss = loss + weights["seen"] * shown["seen"]
            if weights["critic"]:
                critic.requires_grad_(False)
                pull = joined_pull(picture, loss, critic(picture), weights["critic"])
                critic.requires_grad_(True)
                shown["critic"] = hinge(critic(x), critic(picture.detach()))
            else:
                (pull,) = torch.autograd.grad(loss, picture)
        if weights["critic"]:
            shown["critic"].backward()
        drawn.backward(pull)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for optimizer in optimizers.values():
            optimizer.step()
        follow(averaged, net, step, average)
        return {name: value.detach() for name, value in shown.items()}

    @torch.no_grad()
    def validate(step: int) -> dict[str, float]:
        squared, features, seen, edges = 0.0, 0.0, 0, np.zeros(2)
        for start in range(0, len(tune), 64):
            x = prepared.batch(tune[start : start + 64]).to(device)
            h = codes_tune[0][start : start + 64].float().to(device)
            with torch.autocast(kind, torch.bfloat16):
                drawn, x = draw(averaged, h, x, None)
                features += feature_loss(facenet, x, drawn, levels).item() * len(x)
            squared += F.mse_loss(drawn.clamp(-1, 1), x).item() * len(x)
            edges += [crispness(drawn.clamp(-1, 1)), crispness(x)]
            seen += len(x)
        psnr = 10 * np.log10(4 * seen / squared)
        return {"psnr": psnr, "feature": features / seen, "crisp": edges[0] / edges[1]}

    loop.run(
        modules={"net": net, "average": averaged, "critic": critic},
        optimizers=optimizers,
        batch=batch,
        update=update,
        validate=validate,
        validate_every=validate_every,
        steps=steps,
        out=out,
        seed=seed,
        minutes=minutes,
        config=dict(
            **config,
            data=prepared.info.get("source"),
            faces=len(fit),
            batch_size=batch_size,
            rates=dict(rates),
            weights=dict(weights),
            old=old,
            average=average,
            autoencoder=fingerprint(autoencoder),
            facenet=fingerprint(facenet),
            guides=None if guides is None else fingerprint(guides),
        ),
    )
    return averaged
