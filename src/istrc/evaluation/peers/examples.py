"""What peers have in common: the labelled faces they learn from, and how they put a change back."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation.embedding import drawn_rows, embed_rows
from istrc.photo.paste import face_mask


class Examples:
    """Faces of the `fit` part, on which the circle's own weights were trained; N of them.

    Args:
        faces: N, at most; drawn with the seed.
    """

    def __init__(self, circle: Any, prepared: Prepared, *, faces: int = 20_000, seed: int = 0):
        self.circle, self.prepared = circle, prepared
        self.rows = drawn_rows(prepared, "fit", faces, seed)

    @cached_property
    def z(self) -> torch.Tensor:
        """Embeddings (N, D), on the CPU."""
        return embed_rows(self.circle, self.prepared, self.rows)

    @cached_property
    def h(self) -> torch.Tensor:
        """Codes (N, C), on the CPU."""
        batches = self.prepared.batches(self.rows)
        return torch.cat([self.circle.encode(x).float().cpu() for x in batches])

    def sides(self, attribute: str) -> tuple[np.ndarray, np.ndarray]:
        """Places (of 0..N-1) of the faces with an attribute and of those without, ascending.

        Raises InputError where there are none of either.
        """
        labels = self.prepared.column(attribute)[self.rows]
        having, lacking = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
        if not len(having) or not len(lacking):
            raise InputError(
                f"{self.prepared.folder}: {len(having)} faces with {attribute} and {len(lacking)} "
                "without to learn from; a peer needs both"
            )
        return having, lacking


def composite(x: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    """x + change inside the face's mask, of faces and changes (B, 3, S, S), in [-1, 1]."""
    mask = torch.from_numpy(face_mask(x.shape[-1])).to(x)
    return (x + mask * change.to(x)).clamp(-1, 1)


@torch.inference_mode()
def composite_code(
    circle: Any, x: torch.Tensor, c: torch.Tensor, change: torch.Tensor
) -> torch.Tensor:
    """The faces x, of codes c, with c + change (B, C) instead: what both are drawn as differs."""
    return composite(x, circle.decode_code(c + change) - circle.decode_code(c))
