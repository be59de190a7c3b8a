"""A prepared folder's faces in both spaces, the recogniser's and BEGAN's: what F maps between.

Several parts of the circle learn from the same pairs of z and h, and making them takes minutes.
So they are made once, when they are first asked for, and kept in memory.
"""

from __future__ import annotations

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.training.embeddings import Embeddings

BLOCK = 128  # faces that are embedded and encoded at once


class Spaces:
    """z and h of the faces to fit and to tune on, and of their mirror images.

    Args:
        limit: faces of either part, at most.
    """

    def __init__(
        self,
        facenet: FaceNet | Embeddings,
        autoencoder: AutoEncoder,
        prepared: Prepared,
        device: str = "cpu",
        limit: int | None = None,
    ):
        self._nets = facenet, autoencoder, prepared
        self._device = device
        self.rows = {part: prepared.rows(part)[:limit] for part in ("fit", "tune")}
        self._made: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def of(self, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        """z (2N, D) and h (2N, H), float32, of "fit" or "tune"; `place` says where a face is."""
        if part not in self._made:
            self._made[part] = both_spaces(*self._nets, self.rows[part], self._device)
        return self._made[part]

    def embeddings(self, part: str) -> torch.Tensor:
        """z (N, D) of the faces alone, in their order."""
        return self.of(part)[0][self._places(part, mirror=False)]

    def codes(self, part: str) -> torch.Tensor:
        """h of each face and of its mirror image, (2, N, H) float16."""
        h = self.of(part)[1]
        return torch.stack([h[self._places(part, mirror)].half() for mirror in (False, True)])

    def _places(self, part: str, mirror: bool) -> torch.Tensor:
        total = len(self.rows[part])
        return place(np.arange(total), mirror, total)


@torch.no_grad()
def both_spaces(
    facenet: FaceNet | Embeddings,
    autoencoder: AutoEncoder,
    prepared: Prepared,
    rows: np.ndarray,
    device: str,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each face and its mirror image in both spaces: z (2N, D) and h (2N, H), float32.

    Blocks of faces alternate with their mirror images; see `place`.
    """
    autoencoder = autoencoder.eval()
    made = facenet.of(rows) if isinstance(facenet, Embeddings) else None
    facenet = facenet.eval() if made is None else facenet
    z, h = [], []
    for start in range(0, len(rows), BLOCK):
        x = prepared.batch(rows[start : start + BLOCK]).to(device)
        x = torch.cat([x, x.flip(3)]).contiguous(memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            if made is None:
                z.append(facenet(x).float().cpu())
            else:
                z.append(made[start : start + BLOCK].transpose(0, 1).flatten(0, 1))
            h.append(autoencoder.encode(x).float().cpu())
    return torch.cat(z), torch.cat(h)


def place(faces: np.ndarray, mirror: bool, total: int) -> torch.Tensor:
    """Where `both_spaces` of so many rows has these faces, counted among them, or their mirrors."""
    block = faces // BLOCK
    size = np.minimum(BLOCK, total - block * BLOCK)
    return torch.from_numpy(faces + block * BLOCK + mirror * size)
