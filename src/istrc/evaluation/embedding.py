"""Faces of a prepared folder on the sphere, in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.errors import InputError

Progress = Callable[[int, int], None]  # (done, total)


def silent(done: int, total: int) -> None:
    """The progress that nobody watches."""


def embed_rows(
    circle: Any, prepared: Prepared, rows: np.ndarray, progress: Progress = silent
) -> torch.Tensor:
    """Embeddings z (N, D) float32 of these rows, on the CPU."""
    parts, done = [torch.zeros(0, circle.dim)], 0
    for x in prepared.batches(rows, 256):
        parts.append(circle.embed(x).float().cpu())
        done += len(x)
        progress(done, len(rows))
    return torch.cat(parts)


def drawn_rows(prepared: Prepared, split: str, count: int | None, seed: int) -> np.ndarray:
    """`count` rows of a split drawn with the seed (None: all), ascending.

    Raises InputError where the split has no face.
    """
    rows = prepared.rows(split)
    if not len(rows):
        raise InputError(f"{prepared.folder}: no face in the {split} split")
    return np.sort(np.random.default_rng(seed).permutation(rows)[:count])
