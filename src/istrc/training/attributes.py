"""The classifiers' training: all attributes at once, on embeddings (paper section 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from istrc import sphere
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.models.attributes import AttributeClassifiers
from istrc.models.facenet import FaceNet
from istrc.recognisers.recogniser import Recogniser
from istrc.training import loop
from istrc.training.embeddings import Embeddings, note, recorded, source
from istrc.training.facenet import embed_rows
from istrc.training.spaces import Spaces


def balanced_loss(
    logits: torch.Tensor,  # (B, A)
    labels: torch.Tensor,  # (B, A): 1 yes, 0 no, -1 not known
    positive: torch.Tensor,  # (A,) share of faces that have the attribute
) -> torch.Tensor:
    """Paper eq. 1 for every attribute, each side weighted as if half of the faces had it."""
    known = (labels >= 0).float()
    weight = torch.where(labels > 0, 0.5 / positive, 0.5 / (1 - positive)) * known
    entropy = F.binary_cross_entropy_with_logits(logits, labels.clamp(min=0), reduction="none")
    return (entropy * weight).sum(0).div(known.sum(0).clamp(min=1)).sum()


def prevalence(labels: torch.Tensor) -> torch.Tensor:
    """Labels (N, A) 1, 0, -1 -> the share of known faces that have each attribute (A,)."""
    return (labels > 0).float().sum(0) / (labels >= 0).float().sum(0).clamp(min=1)


def platt(logits: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """Platt's calibration: the slope and shift with the least cross-entropy.

    Args:
        logits, labels: (N,), labels 0 or 1.
    """
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e4).fit(logits[:, None].numpy(), labels.numpy())
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def train_attributes(
    data: str | Path,  # a prepared folder
    out: str | Path,  # run folder; holds the checkpoint
    *,
    facenet: FaceNet | None = None,
    recogniser: Recogniser | None = None,
    embeddings: str | Path | None = None,  # where a recogniser's are kept; OUT/embeddings if none
    made: Spaces | None = None,  # of the same data and recogniser; embeddings are made otherwise
    limit: int | None = None,  # faces to train on, at most
    steps: int = 1200,  # batches
    batch_size: int = 1024,
    width: int = 64,  # of the hidden layers
    layers: int = 4,  # fully connected layers of each classifier, 4 to 7
    rate: float = 2e-3,  # peak learning rate of AdamW
    decay: float = 0.05,  # weight decay
    noise: float = 0.2,  # radians; each embedding is moved this far at random in training
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,  # stop, resumably, after this long
    validate_every: int = 200,  # steps
) -> AttributeClassifiers:
    """Train one classifier an attribute, all in one run; returns them calibrated."""
    prepared = Prepared(data)
    facenet = source(facenet, recogniser, prepared, out, embeddings)
    fit, tune = prepared.rows("fit")[:limit], prepared.rows("tune")[:limit]
    labels = torch.from_numpy(prepared.attributes[fit]).float()
    for name, share in zip(prepared.attribute_names, prevalence(labels).tolist(), strict=True):
        if not 0 < share < 1:
            raise InputError(f"{data}: every known face has the same {name!r}; drop that column")
    fit_z, tune_z = (
        made.embeddings(part) if made else embedded(facenet, prepared, rows, device)
        for part, rows in (("fit", fit), ("tune", tune))
    )
    net = train_on_embeddings(
        fit_z,
        labels,
        tune_z,
        torch.from_numpy(prepared.attributes[tune]),
        tuple(prepared.attribute_names),
        out,
        steps=steps,
        batch_size=batch_size,
        width=width,
        layers=layers,
        rate=rate,
        decay=decay,
        noise=noise,
        seed=seed,
        device=device,
        minutes=minutes,
        validate_every=validate_every,
        config=dict(data=prepared.info.get("source"), **recorded(facenet)),
    )
    note(facenet, out)
    return net


def embedded(
    facenet: FaceNet | Embeddings, prepared: Prepared, rows: np.ndarray, device: str
) -> torch.Tensor:
    """Embeddings z (N, D) of these rows."""
    if isinstance(facenet, Embeddings):
        return facenet.of(rows, mirror=False)
    return embed_rows(facenet, prepared, rows, device)


def train_on_embeddings(
    z: torch.Tensor,  # (N, D) to fit
    labels: torch.Tensor,  # (N, A): 1 yes, 0 no, -1 not known; both known for every attribute
    held_z: torch.Tensor,  # (M, D) of other people, for the choice of step and the calibration
    held_labels: torch.Tensor,  # (M, A)
    names: tuple[str, ...],  # A of them
    out: str | Path,
    *,
    steps: int = 1200,
    batch_size: int = 1024,
    width: int = 64,
    layers: int = 4,
    rate: float = 2e-3,
    decay: float = 0.05,
    noise: float = 0.2,
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,
    validate_every: int = 200,
    config: Mapping[str, Any],  # recorded beside these settings
) -> AttributeClassifiers:
    """`train_attributes` from the embeddings on; see there for the settings."""
    from sklearn.metrics import roc_auc_score

    labels, positive = labels.float(), prevalence(labels)

    torch.manual_seed(seed)
    net = AttributeClassifiers(names, z.shape[1], width, layers)
    net.covariance.copy_(torch.cov(z.T))
    net = net.to(device)
    z, labels, positive = z.to(device), labels.to(device), positive.to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)

    def batch(step: int) -> torch.Tensor:
        return torch.from_numpy(loop.generator(seed, step).integers(0, len(z), batch_size))

    def update(step: int, rows: torch.Tensor) -> Mapping[str, torch.Tensor]:
        points = z[rows]
        points = sphere.step(points, torch.randn_like(points), noise)
        loss = balanced_loss(net.raw(points), labels[rows], positive)
        loop.descend(optimizer, loss, loop.cosine(step, steps, peak=rate))
        return {"loss": loss.detach() / len(net.names)}

    @torch.no_grad()
    def validate(step: int) -> dict[str, float]:
        scores = net.raw(held_z.to(device)).cpu()
        aucs = []
        for a in range(len(net.names)):
            known = held_labels[:, a] >= 0
            if len(held_labels[known, a].unique()) == 2:
                aucs.append(roc_auc_score(held_labels[known, a], scores[known, a]))
        return {"auc_mean": float(np.mean(aucs)) if aucs else 0.5}

    loop.run(
        modules={"net": net},
        optimizers={"adamw": optimizer},
        batch=batch,
        update=update,
        validate=validate,
        validate_every=validate_every,
        best="auc_mean",
        steps=steps,
        out=out,
        seed=seed,
        minutes=minutes,
        log_every=50,
        config=dict(
            part="attributes",
            faces=len(z),
            batch_size=batch_size,
            rate=rate,
            decay=decay,
            noise=noise,
            net=net.config,
            **config,
        ),
    )
    loop.load_best(out, {"net": net})
    calibrate(net, held_z.to(device), held_labels)
    return net.eval()


@torch.no_grad()
def calibrate(net: AttributeClassifiers, z: torch.Tensor, labels: torch.Tensor) -> None:
    """Set the calibration from faces that nothing was trained on.

    Args:
        z: (N, D).
        labels: (N, A) int8: 1 yes, 0 no, -1 not known. An attribute with fewer than ten faces on
            a side keeps slope 1 and shift 0.
    """
    raw = net.raw(z).cpu()
    for a in range(len(net.names)):
        known = labels[:, a] >= 0
        scores, truth = raw[known, a], labels[known, a]
        if min((truth == 1).sum(), (truth == 0).sum()) >= 10:
            slope, shift = platt(scores, truth)
            net.slope[a], net.shift[a] = slope, shift
