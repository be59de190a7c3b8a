"""Our FaceNet as a recogniser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from istrc.errors import InputError
from istrc.models.facenet import FaceNet
from istrc.models.fused import ENCODED, Cached, in_blocks, without_batch_norm
from istrc.models.part_files import read_config
from istrc.models.serialization import fingerprint, load_part
from istrc.recognisers.placement import place, template
from istrc.shipped import DEFAULT, WEIGHTS


class Own:
    """FaceNet of this package (istrc.models.facenet); its input is THE CROP.

    Args:
        sha256: of the file that its weights came from; None takes that of the weights.
    """

    ours = True  # the circle's own network, and no outside recogniser

    def __init__(self, net: FaceNet, sha256: str | None = None):
        self.net, self._sha256 = net.eval(), sha256
        self.size, self.dim = net.size, net.dim
        self.notes: list[str] = []
        # The network as inference runs it
        self._fused: Cached[FaceNet, FaceNet] = Cached(without_batch_norm)

    @property
    def record(self) -> dict[str, Any]:
        """What tells it from others."""
        weights = self._sha256 or fingerprint(self.net)
        return {"kind": "own", "sha256": weights, "size": self.size, "dim": self.dim}

    @torch.no_grad()
    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """THE CROPS (B, 3, S, S) in [-1, 1] -> z (B, D) of unit norm."""
        x = x.to(next(self.net.parameters()).device)
        x = place(x, template("crop", self.size), self.size)
        x = x.contiguous(memory_format=torch.channels_last)
        return in_blocks(self._fused.of(self.net), x, self.size, ENCODED)


def load(kind: str, file: str, *, device: str, **_: Any) -> Own:
    return load_own(WEIGHTS / DEFAULT, device)


def load_own(folder: str | Path, device: str = "cpu") -> Own:
    """From the folder of a FaceNet, or of a circle that has one. Raises InputError."""
    folder = Path(folder)
    if (folder / "facenet").is_dir():
        folder = folder / "facenet"
    net = load_part(folder, device)
    if not isinstance(net, FaceNet):
        raise InputError(f"{folder}: holds a {type(net).__name__}, not a FaceNet; give its folder")
    return Own(net, read_config(folder)["sha256"])
