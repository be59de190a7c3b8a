"""Inception-ResNet-v1 (Szegedy et al. 2016, figures 3, 10 to 14), the network of FaceNet releases.

Parameters are named as in the public PyTorch release of the FaceNet weights (`20180402-114759-
vggface2.pt`, `20180408-102900-casia-webface.pt`), so that those files load as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class Conv(nn.Module):
    """Convolution, batch normalisation, relu. `padding` keeps the size where it is given."""

    def __init__(self, inputs: int, outputs: int, kernel: Any, stride: int = 1, padding: Any = 0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn(self.conv(x)))


class Branches(nn.Module):
    """Modules that all see x, as branch0, branch1 and so on; their channels are joined in order."""

    def __init__(self, *branches: nn.Module):
        super().__init__()
        self.count = len(branches)
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", branch)

    def joined(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([getattr(self, f"branch{number}")(x) for number in range(self.count)], 1)


class Residual(Branches):
    """relu(x + scale * W [branches of x]), W a 1x1 convolution (section 3.2, 3.3 of the paper).

    Args:
        channels: of x.
        joined: channels of the branches together.
        scale: of the residual.
        relu: False leaves the last relu out.
    """

    def __init__(
        self, channels: int, joined: int, scale: float, *branches: nn.Module, relu: bool = True
    ):
        super().__init__(*branches)
        self.conv2d = nn.Conv2d(joined, channels, 1)
        self.scale, self.relu = scale, relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.scale * self.conv2d(self.joined(x))
        return F.relu(x) if self.relu else x


class Reduction(Branches):
    """Halves the sides: branches with a stride of 2, and last a maximum (figures 7, 12)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.joined(x), F.max_pool2d(x, 3, 2)], 1)


def block35() -> Residual:
    """Inception-ResNet-A at 17x17: 1x1; 1x1, 3x3; 1x1, 3x3, 3x3 (figure 10)."""
    return Residual(
        256,
        96,
        0.17,
        Conv(256, 32, 1),
        nn.Sequential(Conv(256, 32, 1), Conv(32, 32, 3, padding=1)),
        nn.Sequential(Conv(256, 32, 1), Conv(32, 32, 3, padding=1), Conv(32, 32, 3, padding=1)),
    )


def crossed(channels: int, width: int, length: int, scale: float, relu: bool = True) -> Residual:
    """Inception-ResNet-B at 8x8 and C at 3x3: 1x1; 1x1, 1xn, nx1, n the length (figures 11, 13)."""
    reach = length // 2
    long = nn.Sequential(
        Conv(channels, width, 1),
        Conv(width, width, (1, length), padding=(0, reach)),
        Conv(width, width, (length, 1), padding=(reach, 0)),
    )
    return Residual(channels, 2 * width, scale, Conv(channels, width, 1), long, relu=relu)


class InceptionResNetV1(nn.Module):
    """Faces (B, 3, 160, 160), standardised as (v - 127.5) / 128, v = 0..255 -> z (B, 512).

    Args:
        classes: people of the classifier that the release files end in; 0 leaves it out, for the
            embedding does not need it.
    """

    size, dim = 160, 512

    def __init__(self, classes: int = 0):
        super().__init__()
        self.conv2d_1a = Conv(3, 32, 3, 2)
        self.conv2d_2a = Conv(32, 32, 3)
        self.conv2d_2b = Conv(32, 64, 3, padding=1)
        self.conv2d_3b = Conv(64, 80, 1)
        self.conv2d_4a = Conv(80, 192, 3)
        self.conv2d_4b = Conv(192, 256, 3, 2)
        self.repeat_1 = nn.Sequential(*(block35() for _ in range(5)))
        self.mixed_6a = Reduction(
            Conv(256, 384, 3, 2),
            nn.Sequential(Conv(256, 192, 1), Conv(192, 192, 3, padding=1), Conv(192, 256, 3, 2)),
        )
        self.repeat_2 = nn.Sequential(*(crossed(896, 128, 7, 0.10) for _ in range(10)))
        self.mixed_7a = Reduction(
            nn.Sequential(Conv(896, 256, 1), Conv(256, 384, 3, 2)),
            nn.Sequential(Conv(896, 256, 1), Conv(256, 256, 3, 2)),
            nn.Sequential(Conv(896, 256, 1), Conv(256, 256, 3, padding=1), Conv(256, 256, 3, 2)),
        )
        self.repeat_3 = nn.Sequential(*(crossed(1792, 192, 3, 0.20) for _ in range(5)))
        self.block8 = crossed(1792, 192, 3, 1.0, relu=False)
        self.last_linear = nn.Linear(1792, self.dim, bias=False)
        self.last_bn = nn.BatchNorm1d(self.dim, eps=1e-3)
        if classes:
            self.logits = nn.Linear(self.dim, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))  # (B, 64, 77, 77)
        x = F.max_pool2d(x, 3, 2)  # (B, 64, 38, 38)
        x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(x)))  # (B, 256, 17, 17)
        x = self.mixed_6a(self.repeat_1(x))  # (B, 896, 8, 8)
        x = self.mixed_7a(self.repeat_2(x))  # (B, 1792, 3, 3)
        x = self.block8(self.repeat_3(x)).mean((2, 3))  # (B, 1792)
        return F.normalize(self.last_bn(self.last_linear(x)).float(), dim=1)
