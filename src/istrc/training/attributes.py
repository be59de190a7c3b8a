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
from istrc.training import loop
from istrc.training.embeddings import Embeddings, note, recorded, source
from istrc.training.entropy import areas_under_curves
from istrc.training.facenet import embed_rows
from istrc.training.settings import AttributesSettings


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


def known_labels(prepared: Prepared, rows: np.ndarray) -> torch.Tensor:
    """Labels (N, A) float of rows to fit: 1 yes, 0 no, -1 not known.

    Raises InputError where there are no attributes, or one of them is the same of all rows.
    """
    labels = torch.from_numpy(prepared.attributes[rows]).float()
    if not prepared.attribute_names:
        raise InputError(
            f"{prepared.folder}: no attributes, which an edit needs; prepare it again with columns "
            "of yes and no, or with --category COLUMN (class does)"
        )
    for name, share in zip(prepared.attribute_names, prevalence(labels).tolist(), strict=True):
        if not 0 < share < 1:
            raise InputError(
                f"{prepared.folder}: {name!r} is the same of all {len(rows)} pictures to train on; "
                "prepare it again without that column, or with more pictures"
            )
    return labels


def train_attributes(data: str | Path, out: str | Path, **given: Any) -> AttributeClassifiers:
    """Train one classifier an attribute, all in one run; returns them calibrated."""
    s = AttributesSettings(**given)
    prepared = Prepared(data)
    facenet = source(s, prepared, out)
    fit, tune = (prepared.rows(part)[: s.limit] for part in ("fit", "tune"))
    labels = known_labels(prepared, fit)

    def embed(part: str, rows: np.ndarray) -> torch.Tensor:  # (N, D)
        if s.spaces:
            return s.spaces.embeddings(part)
        if isinstance(facenet, Embeddings):
            return facenet.of(rows, mirror=False)
        return embed_rows(facenet, prepared, rows, s.device)

    net = train_on_embeddings(
        embed("fit", fit),
        labels,
        embed("tune", tune),
        torch.from_numpy(prepared.attributes[tune]),
        tuple(prepared.attribute_names),
        out,
        config=dict(data=prepared.info.get("source"), **recorded(facenet)),
        **given,
    )
    note(s.recogniser, out)
    return net


def train_on_embeddings(
    z: torch.Tensor,  # (N, D) to fit
    labels: torch.Tensor,  # (N, A): 1 yes, 0 no, -1 not known; both known for every attribute
    val_z: torch.Tensor,  # (M, D) of other people, for the choice of step and the calibration
    val_labels: torch.Tensor,  # (M, A)
    names: tuple[str, ...],  # A of them
    out: str | Path,
    *,
    config: Mapping[str, Any],  # recorded beside the settings
    **given: Any,  # settings: AttributesSettings
) -> AttributeClassifiers:
    """`train_attributes` from the embeddings on."""
    s = AttributesSettings(**given)
    labels, positive = labels.float(), prevalence(labels)

    torch.manual_seed(s.seed)
    net = AttributeClassifiers(names, z.shape[1], s.width, s.layers)
    net.covariance.copy_(torch.cov(z.T))
    net = net.to(s.device)
    z, labels, positive = z.to(s.device), labels.to(s.device), positive.to(s.device)

    def gradients(step: int, rows: torch.Tensor) -> Mapping[str, torch.Tensor]:
        points = z[rows]
        points = sphere.step(points, torch.randn_like(points), s.noise)
        loss = balanced_loss(net.raw(points), labels[rows], positive)
        loss.backward()
        return {"loss": loss.detach() / len(net.names)}

    def validate(step: int) -> dict[str, float]:
        areas = areas_under_curves(net.raw(val_z.to(s.device)), val_labels, names)
        return {"auc_mean": float(np.mean([*areas.values()])) if areas else 0.5}

    loop.train(
        "attributes",
        s,
        out,
        modules={"net": net},
        optimizers={"adamw": torch.optim.AdamW(net.parameters(), lr=s.rate, weight_decay=s.decay)},
        batch=lambda step: loop.uniform(s.seed, step, len(z), s.batch_size),
        gradients=gradients,
        validate=validate,
        best="auc_mean",
        log_every=50,
        config={"faces": len(z), "net": net.config, **config},
    )
    calibrate(net, val_z.to(s.device), val_labels)
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
