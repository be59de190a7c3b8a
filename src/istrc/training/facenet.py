"""FaceNet's training: who it is, by contrast and by triplets, and what it looks like, by heads.

A margin softmax over the identities comes first to mind, and fails: with seven thousand people of
six pictures each, a person's class vector meets its own pictures once in a hundred batches and
hardly moves to them. Contrast within a batch has no vectors to learn: every picture is pulled to
the other pictures of its person and pushed from everybody else's.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from istrc.data.pairs import count_pairs, draw_pairs
from istrc.data.prepared import Prepared
from istrc.device import reduced
from istrc.errors import InputError
from istrc.models.facenet import FaceNet
from istrc.models.fused import channels_last
from istrc.resample import resized
from istrc.roc import roc_auc
from istrc.training import loop, processes
from istrc.training.augment import augment
from istrc.training.entropy import areas_under_curves, known_entropy
from istrc.training.settings import FaceNetSettings

SELECTIONS = ("all", "semihard", "hard")
PAIRS = 50_000  # of the same person, and as many of two, that a validation compares at most


def facenet_loss(
    z: torch.Tensor,  # (B, D), unit norm
    identity: torch.Tensor,  # (B,) class of each face
    logits: torch.Tensor,  # (B, A) from the attribute heads
    labels: torch.Tensor,  # (B, A): 1 yes, 0 no, -1 not known
    s: FaceNetSettings,  # the weights
    *,
    contrast: nn.Module,  # of pictures of one person with everybody else's in the batch
    triplets: nn.Module | None,  # selects triplets in the batch, see `triplet_miner`
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The sum of the identity losses and the heads' cross-entropy, and its parts."""
    parts = {"contrast": z.new_zeros(()), "triplet": z.new_zeros(())}
    if s.contrast_weight:
        parts["contrast"] = contrast(z, identity)
    if triplets and s.triplet_weight:
        # FaceNet, eq. 3: [||a - p||^2 - ||a - n||^2 + alpha]_+ over the selected (a, p, n)
        a, p, n = triplets(z, identity)
        near, far = ((z[a] - z[other]).square().sum(1) for other in (p, n))
        parts["triplet"] = F.relu(near - far + s.triplet_margin).sum() / max(1, len(a))
    parts["attributes"] = known_entropy(logits, labels)
    loss = (
        s.contrast_weight * parts["contrast"]
        + s.triplet_weight * parts["triplet"]
        + s.attribute_weight * parts["attributes"]
    )
    return loss, parts


def triplet_miner(selection: str, margin: float) -> nn.Module:
    """Selects (a, p, n) in a batch by squared distance; pytorch-metric-learning's miner.

    all: every triplet of a loss, far - near <= margin; semihard (FaceNet section 3.2): of those,
    near < far; hard: of those, far <= near.
    """
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.miners import TripletMarginMiner

    if selection not in SELECTIONS:
        raise InputError(f"triplets: {selection!r} is none of {', '.join(SELECTIONS)}")
    return TripletMarginMiner(margin, type_of_triplets=selection, distance=LpDistance(power=2))


class IdentityBatches:
    """Batches of P identities x K pictures, a pure function of (seed, step)."""

    def __init__(self, identity: np.ndarray, rows: np.ndarray, *, people: int, pictures: int):
        rows = rows[identity[rows] >= 0]  # pictures of nobody known teach no identity
        order = rows[np.argsort(identity[rows], kind="stable")]
        names, starts, counts = np.unique(identity[order], return_index=True, return_counts=True)
        self.order, self.starts, self.counts = order, starts, counts
        self.classes = len(names)
        if self.classes < 2:
            raise InputError(
                "FaceNet learns from faces of at least two people whose identity is known"
            )
        self.people, self.pictures = min(people, self.classes), pictures
        # Each picture is to be seen equally often; an identity with one picture has no positive.
        weight = np.where(counts > 1, counts, 0.25)
        self.weight = weight / weight.sum()

    def __call__(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows (P * K,) and their class numbers (P * K,)."""
        people = rng.choice(self.classes, self.people, replace=False, p=self.weight)
        rows = []
        for person in people:
            start, count = self.starts[person], self.counts[person]
            picks = rng.permutation(count)[: self.pictures]
            if count < self.pictures:
                picks = np.concatenate([picks, rng.integers(0, count, self.pictures - count)])
            rows.append(self.order[start + picks])
        return np.concatenate(rows), np.repeat(people, self.pictures)


def train_facenet(data: str | Path, out: str | Path, **given: Any) -> FaceNet:
    """Train FaceNet on identities and attributes; returns the averaged network.

    Supervised contrast (Khosla et al. 2020) shapes the sphere; it is the triplet loss of all
    triplets at once, each weighted by how hard it is. In the last part of the run triplets
    are selected (`triplet_miner`) within each batch of P x K faces besides.
    """
    from pytorch_metric_learning import losses

    s = FaceNetSettings(**given)
    prepared = Prepared(data, s.size)
    fit, tune = prepared.rows("fit"), prepared.rows("tune")
    batches = IdentityBatches(prepared.identity, fit, people=s.people, pictures=s.pictures)

    torch.manual_seed(s.seed)
    net = FaceNet(prepared.size, s.dim, s.widths, s.depths, tuple(prepared.attribute_names))
    net = channels_last(net, s.device)
    contrast = losses.SupConLoss(temperature=s.temperature)
    triplets = triplet_miner(s.triplets, s.triplet_margin)
    averaged = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=s.rate, weight_decay=s.decay, betas=(0.9, 0.98)
    )

    def batch(step: int) -> tuple[torch.Tensor, ...]:
        rows, classes = map(processes.shard, batches(loop.generator(s.seed, step)))
        labels = torch.from_numpy(prepared.attributes[rows]).float()
        return prepared.batch(rows), torch.from_numpy(classes), labels

    def gradients(step: int, data: tuple[torch.Tensor, ...]) -> Mapping[str, torch.Tensor]:
        x, identity, labels = (part.to(s.device) for part in data)
        with torch.no_grad():
            x = augment(x).contiguous(memory_format=torch.channels_last)
        with reduced(s.device):
            z = net(x)
        # Faces are told from all others of the batch, whoever embedded them
        z, identity, labels = processes.all_gather(z.float(), identity, labels)
        # With no contrast triplets alone tell who it is, from the first step on
        late = not s.contrast_weight or step >= s.triplets_from * s.steps
        selected, logits = triplets if late else None, net.head_logits(z)
        loss, parts = facenet_loss(
            z, identity, logits, labels, s, contrast=contrast, triplets=selected
        )
        loss.backward()
        return {"loss": loss.detach(), **{k: v.detach() for k, v in parts.items()}}

    loop.train(
        "facenet",
        s,
        out,
        modules={"net": net, "average": averaged},
        optimizers={"adamw": optimizer},
        batch=batch,
        gradients=gradients,
        averaged=averaged,
        clip=5.0,
        validate=lambda step: measure(averaged, prepared, tune, s.device),
        config=dict(data=prepared.info.get("source"), faces=len(fit), net=net.config),
    )
    return averaged


@torch.no_grad()
def embed_rows(
    net: FaceNet, prepared: Prepared, rows: np.ndarray, device: str = "cpu"
) -> torch.Tensor:
    """Embeddings (N, D) float32 of these rows, in batches."""
    net.eval()
    parts = []
    for x in prepared.batches(rows):
        x = resized(x.to(device), net.size).clip(-1, 1)
        with reduced(device):
            parts.append(net(x).float().cpu())
    return torch.cat(parts)


def measure(net: FaceNet, prepared: Prepared, rows: np.ndarray, device: str) -> dict[str, float]:
    """Mean AUC of the heads and the AUC of verification on people never trained on."""
    z = embed_rows(net, prepared, rows, device)
    scores = net.head_logits(z.to(device))
    labels = torch.from_numpy(prepared.attributes[rows])
    aucs = areas_under_curves(scores, labels, prepared.attribute_names)
    shown = {f"auc_{n}": aucs[n] for n in ("smile", "mouth_open", "male") if n in aucs}
    if aucs:
        shown["auc_mean"] = float(np.mean(list(aucs.values())))
    known = prepared.identity[rows] >= 0
    people, z = prepared.identity[rows][known], z[torch.from_numpy(known)]
    count = min(PAIRS, *count_pairs(people))
    if count:
        # As many pairs of one kind as of the other, and the same ones at every validation
        places, same = draw_pairs(people, count, count, np.random.default_rng(0))
        cosine = (z[places[:, 0]] * z[places[:, 1]]).sum(1)
        shown["auc_verify"] = roc_auc(cosine.numpy(), same)
    return shown
