"""How well a network that was trained for nothing else tells edited faces from untouched ones.

A small convolutional network, trained apart from everything that edits, sees edited pictures and
untouched pictures of other people at their own resolution. It scores people that it has not seen:
of two folds by person, the network of either scores the other. At an AUC of 0.5 it cannot tell.

Both kinds are 8-bit pictures, and mirrored and shifted alike, so that neither rounding nor the
alignment gives them away. Methods are compared by the same network, trained on the edits of all of
them at once: one that was trained on a single method knows that method's faults best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from istrc.data.prepared import to_tensor
from istrc.errors import InputError
from istrc.evaluation.embedding import silent

FOLDS = 2
SEED = 104_729  # no seed that a part of the circle or another judge is trained with


class Detector(nn.Module):
    """Pictures (B, 3, S, S) in [-1, 1] -> one logit (B,), high for an edited one.

    Full resolution goes in by space to depth (S >= 16, even); then at every level a strided
    convolution and a pre-activation residual one. 33 million multiplications a face of 128 px.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 48, 96)):
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, widths[0], 3, 1, 1))
        self.down = nn.ModuleList(
            _activated(a, b, stride=2) for a, b in zip(widths, widths[1:], strict=False)
        )
        # None at the last level, where there are few places and many channels
        self.stay = nn.ModuleList(_activated(width, width) for width in widths[1:-1])
        self.norm = nn.BatchNorm2d(widths[-1])
        self.head = nn.Linear(2 * widths[-1], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)  # (B, 16, S/2, S/2)
        for level, down in enumerate(self.down):
            x = down(x)  # (B, C, S/4, S/4), and half of that at every further level
            if level < len(self.stay):
                x = x + self.stay[level](x)
        x = F.relu(self.norm(x))
        # A ghost may be everywhere a little, or in one place
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)  # (B, 2C)
        return self.head(pooled)[:, 0]  # (B,)


def _activated(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), convolution)


@dataclass(frozen=True)
class Edits:
    """The edited pictures of one method."""

    pictures: np.ndarray  # (N, S, S, 3) uint8
    people: np.ndarray  # (N,) who is on them
    names: np.ndarray  # (N,) str, the edit that each is of


@dataclass(frozen=True)
class Realism:
    """How the pictures of one method stand out among untouched faces.

    Attributes:
        above: (N,) the share of the fold's untouched faces that look less edited than a picture;
            its mean over any pictures is their AUC against the untouched ones.
        scores: (N,) the networks' logits.
        names: (N,) the edit that each picture is of.
    """

    above: np.ndarray
    scores: np.ndarray
    names: np.ndarray

    @property
    def auc(self) -> float:
        """The chance that a picture looks more edited than an untouched one, ties counted half."""
        return float(self.above.mean())

    @property
    def edits(self) -> dict[str, float]:
        """The AUC of every edit against all untouched faces."""
        return {str(n): float(self.above[self.names == n].mean()) for n in np.unique(self.names)}

    def surest(self, count: int = 12) -> np.ndarray:
        """Places of the pictures that are the surest to be edited, the surest first."""
        return np.lexsort((-self.scores, -self.above))[:count]


def tell_apart(
    edited: Mapping[str, Edits],  # by method; all are seen by the same two networks
    untouched: np.ndarray,  # (M, S, S, 3) uint8
    their_people: np.ndarray,  # (M,) none of whom is on an edited picture
    *,
    steps: int = 1000,  # batches, of either network
    seed: int = SEED,
    progress: Callable[[int, int], None] = silent,  # (steps done, of how many)
    **training: Any,  # see `_train`
) -> dict[str, Realism]:
    """Train a network on either half of the people, and score the pictures of the other half.

    Raises InputError where somebody is on edited and untouched pictures, sizes differ, or there are
    fewer than two people of either kind.
    """
    touched = np.unique(np.concatenate([one.people for one in edited.values()]))
    others = np.unique(their_people)
    if np.isin(touched, others).any():
        raise InputError("realism: the same person is on edited and on untouched pictures")
    if min(len(touched), len(others)) < FOLDS:
        raise InputError("realism: needs at least two people edited and two untouched")
    shapes = {one.pictures.shape[1:] for one in edited.values()} | {untouched.shape[1:]}
    if len(shapes) > 1:
        raise InputError(f"realism: pictures of several sizes, {sorted(shapes)}")

    rng = np.random.default_rng(seed)
    second = [rng.permutation(kind)[: len(kind) // 2] for kind in (touched, others)]
    fold_of = {name: np.isin(one.people, second[0]) for name, one in edited.items()}
    their_fold = np.isin(their_people, second[1])

    scores = {name: np.full(len(one.people), np.nan) for name, one in edited.items()}
    above = {name: np.full(len(one.people), np.nan) for name, one in edited.items()}
    for fold in (False, True):
        kinds = [(untouched, np.flatnonzero(their_fold != fold))]
        kinds += [(one.pictures, np.flatnonzero(fold_of[n] != fold)) for n, one in edited.items()]
        net = _train(
            [kind for kind in kinds if len(kind[1])],
            steps=steps,
            seed=seed + fold,
            progress=lambda done, fold=fold: progress(fold * steps + done, FOLDS * steps),
            **training,
        )
        real = np.sort(score(net, untouched, np.flatnonzero(their_fold == fold)))
        for name, one in edited.items():
            here = np.flatnonzero(fold_of[name] == fold)
            scores[name][here] = score(net, one.pictures, here)
            above[name][here] = share_below(real, scores[name][here])
    return {name: Realism(above[name], scores[name], one.names) for name, one in edited.items()}


def share_below(real: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The share of sorted `real` (R,) below each score (N,), ties counted half: (N,)."""
    left, right = (np.searchsorted(real, scores, side=side) for side in ("left", "right"))
    return (left + right) / 2 / len(real)


def _train(
    kinds: list[tuple[np.ndarray, np.ndarray]],  # (pictures, places to draw); first the untouched
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object],
    batch_size: int = 64,  # half of them untouched, the other shared by the methods
    rate: float = 2e-3,  # peak learning rate of AdamW
    decay: float = 0.05,  # weight decay
    widths: tuple[int, ...] = (16, 32, 48, 96),
    device: str | torch.device = "cpu",
) -> Detector:
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Detector(widths).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=max(steps, 2), pct_start=0.1
    )
    half = batch_size // 2
    counts = [half] + [len(part) for part in np.array_split(np.arange(half), len(kinds) - 1)]
    target = torch.zeros(sum(counts), device=device)
    target[half:] = 1
    net.train()
    for step in range(steps):
        drawn = [
            pictures[np.sort(rng.choice(places, count))]
            for (pictures, places), count in zip(kinds, counts, strict=True)
        ]
        x = to_tensor(jitter(np.concatenate(drawn), rng)).to(device)
        loss = F.binary_cross_entropy_with_logits(net(x), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        progress(step + 1)
    return net.eval()


def jitter(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures (B, S, S, 3), half of them mirrored, each shifted by up to S/16 px, both ways.

    What comes in at the border is the picture's own, reflected.
    """
    size = pictures.shape[1]
    most = max(1, size // 16)
    padded = np.pad(pictures, ((0, 0), (most, most), (most, most), (0, 0)), mode="reflect")
    moved = np.empty_like(pictures)
    for i, (y, x) in enumerate(rng.integers(0, 2 * most + 1, (len(pictures), 2))):
        one = padded[i, y : y + size, x : x + size]
        moved[i] = one[:, ::-1] if rng.random() < 0.5 else one
    return moved


@torch.inference_mode()
def score(net: Detector, pictures: np.ndarray, places: np.ndarray, batch: int = 256) -> np.ndarray:
    """The mean logit of a picture and its mirror image, of the pictures at these places: (n,)."""
    device = next(net.parameters()).device
    found = [np.zeros(0)]
    for start in range(0, len(places), batch):
        x = to_tensor(pictures[places[start : start + batch]]).to(device)
        found.append(((net(x) + net(x.flip(3))) / 2).cpu().numpy())
    return np.concatenate(found)
