"""Faces to measure speed on: a prepared folder's, or drawn from the model itself.

How fast a network is does not depend on what it sees, so that a user without data can measure, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.evaluation.peers.examples import Examples


def drawn(circle: Any, count: int, seed: int = 0) -> torch.Tensor:
    """Faces of random codes that vary as F's codes do: (count, 3, S, S)."""
    random = torch.Generator().manual_seed(seed)
    code = torch.randn(count, circle.mapping.code, generator=random).to(circle.device)
    with torch.inference_mode():
        x = circle.decode_code(circle.mapping.mean + 0.7 * circle.mapping.spread * code)
    return x.clone()  # no inference tensor: some peers take gradients


def embedded(circle: Any, count: int, seed: int = 0) -> torch.Tensor:
    """Random embeddings that vary as those of the training faces do: (count, D)."""
    random = torch.Generator().manual_seed(seed)
    values, vectors = torch.linalg.eigh(circle.attributes.covariance.cpu().double())
    spread = vectors * values.clamp(min=0).sqrt()
    drawn = torch.randn(count, circle.dim, generator=random).double() @ spread.T
    return sphere.normalize(drawn).float().to(circle.device)


class Drawn(Examples):
    """Examples for peers where there is no data: N drawn faces, and their prepared folder at once.

    Who has an attribute is what the circle's classifiers say: half of the faces have each.
    """

    def __init__(self, circle: Any, count: int, seed: int = 0):
        self.rows = np.arange(count)
        self.pixels = to_pixels(drawn(circle, count, seed))  # (N, S, S, 3) uint8
        self.circle: Any = circle
        self.prepared: Any = self
        self.attribute_names = list(circle.attributes.names)

    batches = Prepared.batches

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        """The faces of these rows: (B, 3, S, S) float32 in [-1, 1]."""
        return to_tensor(self.pixels[rows])

    def sides(self, attribute: str) -> tuple[np.ndarray, np.ndarray]:
        column = self.circle.attributes.names.index(attribute)
        logits = self.circle.attributes.raw(self.z.to(self.circle.device))[:, column].cpu()
        having = (logits > logits.median()).numpy()
        return np.flatnonzero(having), np.flatnonzero(~having)


def faces_for(circle: Any, prepared: Prepared | None, count: int) -> torch.Tensor:
    """Faces (count, 3, S, S): a prepared folder's valid ones, over again if few; or drawn."""
    if prepared is None:
        return drawn(circle, count)
    rows = np.resize(prepared.rows("valid"), count)
    return prepared.batch(rows).to(circle.device)
