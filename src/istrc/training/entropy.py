"""Labels that are not all known: what attribute networks are trained by, and measured by."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from istrc.roc import roc_auc


def known_entropy(
    logits: torch.Tensor, labels: torch.Tensor, smoothing: float = 0.0
) -> torch.Tensor:
    """Mean binary cross-entropy over the known labels.

    Args:
        logits: (..., B, A), of one network or of several.
        labels: (B, A), 1 yes, 0 no, -1 not known, which is left out.
        smoothing: s moves a yes to 1 - s/2 and a no to s/2.
    """
    known = (labels >= 0).expand_as(logits)
    target = labels.clamp(min=0).to(logits.dtype) * (1 - smoothing) + smoothing / 2
    entropy = F.binary_cross_entropy_with_logits(logits, target.expand_as(logits), reduction="none")
    return (entropy * known).sum() / known.sum().clamp(min=1)


def areas_under_curves(
    scores: torch.Tensor, labels: torch.Tensor, names: Sequence[str]
) -> dict[str, float]:
    """The area under each attribute's ROC curve over its known labels, by its name.

    Attributes of which one side alone is known are left out.

    Args:
        scores, labels: (N, A), labels 1 yes, 0 no, -1 not known.
    """
    columns = zip(scores.detach().cpu().numpy().T, labels.cpu().numpy().T, strict=True)
    areas = zip(names, (roc_auc(said, truth) for said, truth in columns), strict=True)
    return {name: area for name, area in areas if not math.isnan(area)}
