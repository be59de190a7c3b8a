"""A prepared folder's faces in both spaces, the recogniser's and the codes': what F maps between.

A code c is BEGAN's code of the texture and, of faces that have landmarks, the shape beside it.
Several parts of the circle learn from the same pairs of z and c, and making them takes minutes.
So they are made once, when they are first asked for, and kept: in memory, and in a folder where one
is given, so that a job that was killed and goes on has them.

spaces.json          of which networks and data they are
fit.npy, tune.npy    (2N, D + C) float32: z and c side by side
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.device import reduced
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.fused import ENCODED, in_blocks, without_batch_norm
from istrc.models.serialization import fingerprint
from istrc.progress import in_parts
from istrc.resample import resized
from istrc.shape.frame import mirrored
from istrc.shape.measures import of_a_face
from istrc.training.embeddings import Embeddings, data_key, recorded, source
from istrc.training.settings import OnCodes
from istrc.whole import read_json, whole, write_json

NOTE = "spaces.json"
BLOCK = 128  # faces that are embedded and encoded at once


class Spaces:
    """z and h of the faces to fit and to tune on, and of their mirror images. Shapes that are no
    face's have none that is known: there every face counts twice.

    Args:
        textures: the same faces in the mean shape, with their shapes (istrc.training.shape_free);
            None where all shapes are taken as the same.
        limit: faces of either part, at most.
        folder: where they are kept; what is there of other networks or data is made anew.
    """

    def __init__(
        self,
        facenet: FaceNet | Embeddings,
        autoencoder: AutoEncoder,
        prepared: Prepared,
        device: str = "cpu",
        limit: int | None = None,
        folder: str | Path | None = None,
        textures: str | Path | None = None,
    ):
        straight = None if textures is None else Prepared(textures)
        self._nets = facenet, autoencoder, prepared, straight
        self._device, self._folder = device, None if folder is None else Path(folder)
        self.rows = {part: prepared.rows(part)[:limit] for part in ("fit", "tune")}
        self._cache: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def of(self, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        """z (2N, D) and c (2N, C), float32, of "fit" or "tune"; `place` says where a face is."""
        if part not in self._cache:
            self._cache[part] = self._read(part) or self._make(part)
        return self._cache[part]

    def sides(self, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        """z (2, N, D) and c (2, N, C) of each face and of its mirror image."""
        z, c = self.of(part)
        places = torch.stack([self._places(part, mirror) for mirror in (False, True)])
        return z[places], c[places]

    def embeddings(self, part: str) -> torch.Tensor:
        """z (N, D) of the faces alone, in their order."""
        return self.of(part)[0][self._places(part, mirror=False)]

    def _places(self, part: str, mirror: bool) -> torch.Tensor:
        total = len(self.rows[part])
        return place(np.arange(total), mirror, total)

    def _key(self) -> dict[str, Any]:
        facenet, autoencoder, prepared, textures = self._nets
        encoding = [autoencoder.encoder, autoencoder.components]  # whatever the decoder is
        return {
            **recorded(facenet),
            "encoder": [None if part is None else fingerprint(part) for part in encoding],
            "data": data_key(prepared),
            "textures": None if textures is None else data_key(textures),
            "faces": {part: len(rows) for part, rows in self.rows.items()},
        }

    def _read(self, part: str) -> tuple[torch.Tensor, torch.Tensor] | None:
        """What the folder keeps of a part; None where it has nothing, or something else."""
        if self._folder is None or not (self._folder / f"{part}.npy").exists():
            return None
        if read_json(self._folder / NOTE) != self._key():
            return None
        both = torch.from_numpy(np.load(self._folder / f"{part}.npy", allow_pickle=False))
        dim = self._nets[0].dim
        return both[:, :dim].contiguous(), both[:, dim:].contiguous()

    def _make(self, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        """A part, which the folder then keeps."""
        both = embed_and_encode(*self._nets[:3], self.rows[part], self._device, self._nets[3])
        if self._folder is None:
            return both
        note = self._folder / NOTE
        if not note.exists() or read_json(note) != self._key():
            for other in self.rows:  # of what was here before
                (self._folder / f"{other}.npy").unlink(missing_ok=True)
            write_json(note, self._key())
        kept = whole(self._folder / f"{part}.npy", alone=True)
        with kept as temporary, open(temporary, "wb") as file:  # whose name has no .npy
            np.save(file, torch.cat(both, 1).numpy(), allow_pickle=False)
        return both


def open_spaces(
    data: str | Path, out: str | Path, s: OnCodes, limit: int | None = None
) -> tuple[Prepared, Spaces, dict[str, Any]]:
    """What a training on both spaces begins with: the data, the spaces, which are those made
    already where there are any, and what its record says of the networks.
    """
    prepared = Prepared(data)
    facenet = source(s, prepared, out)
    spaces: Spaces = s.spaces or Spaces(
        facenet, s.autoencoder, prepared, s.device, limit, textures=s.textures
    )
    return prepared, spaces, {**recorded(facenet), "autoencoder": fingerprint(s.autoencoder)}


def standardise(net: Any, codes: torch.Tensor) -> None:
    """Set the `mean` and `spread` of a network of codes (N, C)."""
    net.mean.copy_(codes.mean(0))
    net.spread.copy_(codes.std(0).clamp(min=1e-4))


@torch.no_grad()
def embed_and_encode(
    facenet: FaceNet | Embeddings,
    autoencoder: AutoEncoder,
    prepared: Prepared,
    rows: np.ndarray,
    device: str,
    textures: Prepared | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each face and its mirror image in both spaces: z (2N, D) and c (2N, C), float32.

    Blocks of faces alternate with their mirror images; see `place`.
    """
    autoencoder = autoencoder.eval()
    shapes = None if textures is None else torch.from_numpy(textures.landmarks)
    mirrors = shapes is None or of_a_face(shapes)

    def both(source: Prepared, part: slice, size: int) -> torch.Tensor:
        x = resized(source.batch(rows[part]).to(device), size).clip(-1, 1)
        x = torch.cat([x, x.flip(3) if mirrors else x])
        return x.contiguous(memory_format=torch.channels_last)

    if isinstance(facenet, Embeddings):
        kept = facenet.of(rows)[:, [0, int(mirrors)]]  # (N, 2, D)
    else:
        fused, size = without_batch_norm(facenet.eval()), facenet.size
    z, c = [], []
    for part in in_parts("embedding and encoding faces", len(rows), BLOCK):
        with reduced(device):
            if isinstance(facenet, Embeddings):
                z.append(kept[part].transpose(0, 1).flatten(0, 1))
            else:
                z.append(in_blocks(fused, both(prepared, part, size), size, ENCODED).float().cpu())
            seen = both(prepared if textures is None else textures, part, autoencoder.size)
            h = autoencoder.encode(seen).float().cpu()
        if shapes is not None:
            own = shapes[rows[part]]
            own = torch.cat([own, mirrored(own) if mirrors else own])
            h = torch.cat([h, own.flatten(1)], 1)
        c.append(h)
    return torch.cat(z), torch.cat(c)


def place(faces: np.ndarray, mirror: bool, total: int) -> torch.Tensor:
    """Where `embed_and_encode` of so many rows has these of them, or their mirror images."""
    block = faces // BLOCK
    size = np.minimum(BLOCK, total - block * BLOCK)
    return torch.from_numpy(faces + block * BLOCK + mirror * size)
