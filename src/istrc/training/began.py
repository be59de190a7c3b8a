"""BEGAN's training: an auto-encoder and a generator in equilibrium, and a sharper energy.

Berthelot, Schumm, Metz (2017). The paper behind this project uses only the auto-encoder, so what
is kept is its best moving average, whatever becomes of the generator.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.device import reduced
from istrc.errors import IstrcError
from istrc.models.began import AutoEncoder, Generator
from istrc.models.components import Region
from istrc.models.facenet import FaceNet
from istrc.models.fused import channels_last
from istrc.models.serialization import fingerprint
from istrc.training import loop, processes
from istrc.training.augment import augment
from istrc.training.components import fit_components, reference_shape, regions_of, weights_of
from istrc.training.critic import PatchCritic, Regions, critic_step
from istrc.training.settings import BeganSettings

LEVELS = 2  # of FaceNet's maps, the first, that are compared


def energy(x: torch.Tensor, rebuilt: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """BEGAN section 3.1 with eta = 1: L(x) = |x - D(x)|, the mean over pixels, weighed (S, S)."""
    return ((x - rebuilt).abs() * weight).mean() / weight.mean()


def balance(k: float, real: float, fake: float, gamma: float, rate: float) -> tuple[float, float]:
    """BEGAN's control: the next k_t and the measure of convergence M.

    k_{t+1} = clip(k_t + lambda_k (gamma L(x) - L(G(u))), 0, 1);  M = L(x) + |gamma L(x) - L(G(u))|
    """
    error = gamma * real - fake
    return min(1.0, max(0.0, k + rate * error)), real + abs(error)


def perceptual_loss(net: FaceNet, x: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
    """Mean distance of the first maps of FaceNet, each scaled by its spread over real faces.

    An L1 energy is blind to fine texture, whose exact place it cannot predict; early features of
    a recogniser are not. Nothing flows into `net`.
    """
    with torch.no_grad():
        wanted = net.features(x, LEVELS)
    found = net.features(rebuilt, LEVELS)
    total = x.new_zeros(())
    for a, b in zip(wanted, found, strict=True):
        a, b = a.float(), b.float()
        spread = a.std((0, 2, 3), keepdim=True) + 1e-3
        total = total + ((a - b) / spread).abs().mean()
    return total / LEVELS


def bounds(inside: np.ndarray) -> tuple[Any, ...]:
    """The smallest window of pictures (..., S, S) that holds a mask (S, S), in multiples of 16."""
    size = len(inside)
    window = []
    for axis in (1, 0):
        at = np.flatnonzero(inside.any(axis))
        length = min(size, -(-int(at[-1] + 1 - at[0]) // 16) * 16)
        low = min(int(at[0]), size - length)
        window.append(slice(low, low + length))
    return (..., *window)


def sharpness(x: torch.Tensor) -> float:
    """Mean squared difference of neighbouring pixels: the energy of edges and texture."""
    across, down = x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]
    return (across.square().mean() + down.square().mean()).item()


def take_components(net: AutoEncoder, other: AutoEncoder) -> None:
    """Give `net` the components of `other`. Raises IstrcError where they are not of its kind."""
    theirs, ours = other.components, net.components
    found, needed = (c and (c.counts, c.side, c.size, c.regions) for c in (theirs, ours))
    if theirs is None or ours is None or found != needed:
        raise IstrcError(f"components of another kind: {found}; this training needs {needed}")
    ours.load_state_dict(theirs.state_dict())


def networks(
    s: BeganSettings, prepared: Prepared, mean: np.ndarray | None, regions: list[Region], bare: bool
) -> tuple[AutoEncoder, Generator]:
    """Both as they are drawn, with components that are measured, or taken; `bare`: without."""
    code = s.linear + sum(region[4] for region in regions) if s.linear else s.code
    shape = (s.light, s.carry, s.skip, s.linear, min(s.linear_side, prepared.size), regions)
    net = AutoEncoder(prepared.size, code, s.widths, *shape)
    generator = Generator(prepared.size, s.generator_code, s.generator_widths, *shape)
    if net.components is not None and generator.components is not None and not bare:
        if s.autoencoder is None:
            fit_components(net.components, prepared, prepared.rows("fit"), mean, seed=s.seed)
        else:
            take_components(net, s.autoencoder)
        generator.components.load_state_dict(net.components.state_dict())
    return channels_last(net, s.device), channels_last(generator, s.device)


def held_out(
    net: AutoEncoder, faces: Iterable[torch.Tensor], weight: torch.Tensor, facenet: FaceNet | None
) -> dict[str, float]:
    """How well faces, batches of (B, 3, S, S), are rebuilt, where each pixel has a weight (S, S).

    What is kept is best in `quality`: close in pixels, close in features, and no blur.
    """
    squared, features, count, edges = 0.0, 0.0, 0, np.zeros(2)
    face = bounds(weight.cpu().numpy() > 0.5)
    for x in faces:
        x = x.to(weight.device)
        with reduced(weight.device):
            rebuilt = net(x)
            if facenet is not None:
                features += perceptual_loss(facenet, x[face], rebuilt[face]).item() * len(x)
        rebuilt = rebuilt.clamp(-1, 1)
        error = (rebuilt - x).square().mean((0, 1)) * weight
        squared += (error.mean() / weight.mean()).item() * len(x)
        edges += [sharpness(rebuilt), sharpness(x)]
        count += len(x)
    psnr = 10 * torch.log10(torch.tensor(4 * count / squared)).item()
    shown = {"psnr": psnr, "feature": features / count, "crisp": edges[0] / edges[1]}
    shown["quality"] = psnr - 10 * shown["feature"] + 10 * min(1.0, shown["crisp"])
    return shown


def train_began(data: str | Path, out: str | Path, **given: Any) -> tuple[AutoEncoder, Generator]:
    """Train BEGAN; returns the best averaged auto-encoder and the generator."""
    s = BeganSettings(**given)
    prepared = Prepared(data)
    fit, tune = prepared.rows("fit"), prepared.rows("tune")

    torch.manual_seed(s.seed)
    size, mean = prepared.size, reference_shape(prepared)
    regions = regions_of(mean, size, s.detail) if s.detail and mean is not None else []
    resumed = (Path(out) / "checkpoint.safetensors").exists()  # and has the components
    net, generator = networks(s, prepared, mean, regions, bare=resumed)
    averaged = copy.deepcopy(net).eval()
    facenet = s.facenet
    if facenet is not None:
        facenet = channels_last(facenet, s.device).eval().requires_grad_(False)
    modules: dict[str, torch.nn.Module] = {"net": net, "average": averaged, "generator": generator}
    adam = partial(torch.optim.Adam, betas=(0.5, 0.99))
    optimizers = {
        "auto_encoder": adam(net.parameters(), lr=s.rate, betas=(0.9, 0.99)),
        "generator": adam(generator.parameters(), lr=s.generator_rate),
    }
    if s.critic_weight:
        critics = Regions(regions) if regions else PatchCritic()
        modules["critic"] = channels_last(critics, s.device)
        optimizers["critic"] = adam(critics.parameters(), lr=s.critic_rate)
    state = {"k": 0.0}
    weight = torch.ones(size, size, device=s.device)
    if mean is not None:
        weight = torch.from_numpy(weights_of(mean, size)).to(s.device).square()
    face = bounds(weight.cpu().numpy() > 0.5)

    def batch(step: int) -> torch.Tensor:
        count = min(s.batch_size, len(fit))
        rows = loop.generator(s.seed, step).choice(fit, count, replace=False)
        return prepared.batch(processes.shard(rows))

    def gradients(step: int, x: torch.Tensor) -> Mapping[str, torch.Tensor | float]:
        # Faces in the mean shape are where they are; others are moved
        move = 0.5 if mean is None else 0.0
        x = augment(
            x.to(s.device), move=move, rotate=6, scale=0.06, shift=0.03, light=0.15, erase=0
        )
        x = x.contiguous(memory_format=torch.channels_last)
        shown: dict[str, Any] = {}

        # Generated faces, in one backward pass for both players: L(G(u)) falls for G and, times
        # -k_t, is added to D's loss; gradients are linear, so D's share is scaled afterwards
        if s.fakes:
            with reduced(s.device):
                made = generator(processes.shard(generator.sample(s.fakes, s.device)))
                fake = energy(made, net(made), weight)
            fake.backward()
            for value in net.parameters():
                if value.grad is not None:
                    value.grad.mul_(-state["k"])

        # Real faces, of which the critic has a say
        with reduced(s.device):
            rebuilt = net(x)
            leaf = rebuilt.detach().requires_grad_()
            real = loss = energy(x, leaf, weight)
            if facenet is not None:
                feature = perceptual_loss(facenet, x[face], leaf[face])
                shown["feature"] = feature.detach()
                loss = real + s.feature_weight * feature
            if s.critic_weight:
                share = s.critic_weight * min(1.0, step / s.critic_after)
                critic = modules["critic"]
                gradient, shown["critic"] = critic_step(critic, leaf, loss, leaf, x, share)
            else:
                (gradient,) = torch.autograd.grad(loss, leaf)
        rebuilt.backward(gradient)
        if s.fakes:
            shown["L_fake"] = fake.item()
            k, shown["M"] = balance(state["k"], real.item(), fake.item(), s.gamma, s.k_rate)
            state["k"] = shown["k"] = k
        return {"L_real": real.detach(), **shown}

    config = dict(data=prepared.info.get("source"), faces=len(fit), net=net.config)
    config |= dict(generator=generator.config, feature_weight=0.0, facenet=None)
    if facenet is not None:
        config |= dict(feature_weight=s.feature_weight, facenet=fingerprint(facenet))
    loop.train(
        "began",
        s,
        out,
        modules=modules,
        optimizers=optimizers,
        batch=batch,
        gradients=gradients,
        averaged=averaged,
        clip=1.0,
        validate=lambda _: held_out(averaged, prepared.batches(tune[:1024], 128), weight, facenet),
        best="quality",
        state=state,
        config=config,
    )
    return averaged, generator
