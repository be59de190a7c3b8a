"""Classifiers that are trained not to lean on the sex: other ways to keep it out of an edit.

An attribute that goes together with the sex in the data teaches its classifier what a sex looks
like, and the walk along that classifier's gradient changes it (paper section 5.5). Holding the sex
(istrc.edit.holding) mends the walk; these mend the classifier. None of them is shipped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from istrc import sphere
from istrc.errors import InputError
from istrc.models.attributes import AttributeClassifiers
from istrc.training import loop
from istrc.training.attributes import balanced_loss, prevalence

# plain: as `istrc train attributes` does. balanced: every attribute is independent of the sex in
# its batches. conditional: p(a | z, sex) = sigmoid(C_a(z) + b_a sex), so that C_a need not know it.
WAYS = ("plain", "balanced", "conditional")
LEAST = 10  # faces of a sex, with and without: fewer are mistakes in the labels


def balanced_cells(
    labels: np.ndarray, sex: np.ndarray, least: int = LEAST
) -> list[list[np.ndarray]]:
    """For each attribute the groups of faces that are to be drawn equally often.

    With and without it, in each sex that has `least` of both; where neither sex has (the sex
    itself, for one), with and without it alone.

    Args:
        labels: (N, A): 1 yes, 0 no, -1 not known.
        sex: (N,) likewise, 1 male.

    Returns A lists of places, 2 or 4 groups each. Raises InputError where one would be empty.
    """
    cells = []
    for a in range(labels.shape[1]):
        groups = []
        for value in (0, 1):
            pair = [np.flatnonzero((sex == value) & (labels[:, a] == has)) for has in (0, 1)]
            groups += pair if min(map(len, pair)) >= least else []
        groups = groups or [np.flatnonzero(labels[:, a] == has) for has in (0, 1)]
        if not all(map(len, groups)):
            raise InputError("every known face has the same label; nothing can be learned from it")
        cells.append(groups)
    return cells


def draw_balanced(
    cells: list[list[np.ndarray]], count: int, rng: np.random.Generator
) -> np.ndarray:
    """Rows (A, B), B = count: each group of `balanced_cells` as likely, and each face in it."""
    rows = np.empty((len(cells), count), int)
    for a, groups in enumerate(cells):
        which = rng.integers(0, len(groups), count)
        ends = np.array([len(group) for group in groups])[which]
        place = (rng.random(count) * ends).astype(int)
        for number, group in enumerate(groups):
            rows[a, which == number] = group[place[which == number]]
    return rows


def logits_of_own(net: AttributeClassifiers, z: torch.Tensor) -> torch.Tensor:
    """`net.raw`, each classifier on faces of its own: z (A, B, D) -> (B, A)."""
    x = z * net.dim**0.5
    for weight, bias in zip(net.weights[:-1], net.biases[:-1], strict=True):
        x = F.silu(x @ weight + bias)  # (A, B, width)
    return (x @ net.weights[-1] + net.biases[-1])[:, :, 0].T


def conditional_loss(
    logits: torch.Tensor,  # (B, A) of C_a(z)
    labels: torch.Tensor,  # (B, A): 1 yes, 0 no, -1 not known
    positive: torch.Tensor,  # (A,) share of faces that have the attribute
    sex: torch.Tensor,  # (B,): +1 male, -1 female, 0 not known
    lean: torch.Tensor,  # (A,), b
) -> torch.Tensor:
    """`balanced_loss` of p(a | z, sex) = sigmoid(C_a(z) + b_a sex)."""
    return balanced_loss(logits + sex[:, None] * lean, labels, positive)


def leaning(labels: torch.Tensor, sex: torch.Tensor) -> torch.Tensor:
    """What the sex alone says of each attribute, b (A,): half the difference of two log odds.

    With one face added to each side of each sex, so that none is infinite. Where training begins:
    C_a is then asked for what is left.

    Args:
        labels: (N, A): 1 yes, 0 no, -1 not known.
        sex: (N,): +1 male, -1 female, 0 not known.
    """
    odds = []
    for value in (+1, -1):
        of_one = labels[sex == value]
        odds.append((((of_one == 1).sum(0) + 1) / ((of_one == 0).sum(0) + 1)).log())
    return (odds[0] - odds[1]) / 2


def train_classifiers(
    way: str,  # one of WAYS
    z: torch.Tensor,  # (N, D)
    labels: torch.Tensor,  # (N, A): 1 yes, 0 no, -1 not known
    like: AttributeClassifiers,  # its names, its shape and its metric are taken over
    *,
    sex: str = "male",  # the attribute that the others are not to lean on
    steps: int = 600,  # batches
    batch_size: int = 1024,  # faces of a batch, for each attribute
    rate: float = 2e-3,  # peak learning rate of AdamW
    decay: float = 0.05,  # weight decay, of the networks alone
    noise: float = 0.2,  # radians; each embedding is moved this far at random
    seed: int = 0,
    progress: Callable[[int], None] = lambda step: None,
) -> AttributeClassifiers:
    """Train as `train_attributes` does, without a checkpoint; not calibrated.

    Raises ValueError for an unknown way.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {WAYS}, not {way!r}")
    column = like.index(sex)
    torch.manual_seed(seed)
    net = AttributeClassifiers(**like.config)
    net.covariance.copy_(like.covariance)
    net, labels = net.to(z.device), labels.float().to(z.device)
    # +1, -1 and 0; the sex itself is not told in advance
    signed = (labels[:, column] > 0).float() - (labels[:, column] == 0).float()  # (N,)
    others = (torch.arange(len(net.names)) != column).float().to(z.device)
    lean = (leaning(labels, signed) * others).requires_grad_(way == "conditional")
    groups: list[dict] = [{"params": list(net.parameters()), "weight_decay": decay}]
    if way == "conditional":
        groups.append({"params": [lean], "weight_decay": 0.0})
    optimizer = torch.optim.AdamW(groups, lr=rate)

    positive, even = prevalence(labels), torch.full_like(others, 0.5)
    cells = []
    if way == "balanced":
        cells = balanced_cells(labels.cpu().numpy(), labels[:, column].cpu().numpy())
    attributes = torch.arange(len(net.names), device=z.device)

    def one_batch(rng: np.random.Generator) -> torch.Tensor:
        if way == "balanced":
            rows = torch.from_numpy(draw_balanced(cells, batch_size, rng)).to(z.device)
            # One draw of noise for all attributes: it costs more than the networks do
            points = sphere.step(z[rows], torch.randn(batch_size, z.shape[1]).to(z), noise)
            told = labels[rows, attributes[:, None]].T  # (B, A)
            return balanced_loss(logits_of_own(net, points), told, even)
        rows = torch.from_numpy(rng.integers(0, len(z), batch_size)).to(z.device)
        points = sphere.step(z[rows], torch.randn(batch_size, z.shape[1]).to(z), noise)
        if way == "plain":
            return balanced_loss(net.raw(points), labels[rows], positive)
        return conditional_loss(
            net.raw(points), labels[rows], positive, signed[rows], lean * others
        )

    for step in range(steps):
        loss = one_batch(loop.generator(seed, step))
        loop.descend(optimizer, loss, loop.cosine(step, steps, peak=rate))
        progress(step + 1)
    return net.eval()
