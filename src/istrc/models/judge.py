"""The attribute judge: pixels to attributes, with no embedding, code or weight of the circle.

It measures edits and never takes part in making one; its architecture is its own too
(pre-activation residual blocks, mean and maximum pooled together).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from istrc.models.part_files import arguments


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)


class _Block(nn.Module):
    """Pre-activation residual block (He et al. 2016): x + conv(act(norm(conv(act(norm(x)))))).

    The first convolution may change width and stride; then it stands outside the identity.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.change = inputs != outputs or stride != 1
        if self.change:
            self.norm0, self.conv0 = nn.BatchNorm2d(inputs), _conv(inputs, outputs, stride)
        self.norm1, self.conv1 = nn.BatchNorm2d(outputs), _conv(outputs, outputs)
        self.norm2, self.conv2 = nn.BatchNorm2d(outputs), _conv(outputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.change:
            x = self.conv0(F.relu(self.norm0(x)))
        return x + self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))


class JudgeNet(nn.Module):
    """Faces (B, 3, S, S) in [-1, 1] -> one logit an attribute (B, A).

    Args:
        size: side S of a face in pixels; pictures of another size are not resized here.
        attributes: names of the A attributes, in the order of the logits.
        widths: channels at S/2, S/4, S/8...
        depths: residual blocks at each of them.
        features: length of the penultimate layer, the feature space of the Fréchet distance.
        dropout: share of those features hidden while training.
    """

    def __init__(
        self,
        size: int = 64,
        attributes: tuple[str, ...] = (),
        widths: tuple[int, ...] = (64, 128, 192, 256),
        depths: tuple[int, ...] = (1, 1, 2, 0),
        features: int = 256,
        dropout: float = 0.2,
    ):
        super().__init__()
        self.config = arguments(locals())
        self.size, self.attributes = size, list(attributes)
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), _conv(12, widths[0]))
        blocks: list[nn.Module] = []
        for level, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            before = widths[level - 1] if level else width
            if level and not depth:  # a level without blocks is its strided convolution alone
                blocks += [nn.BatchNorm2d(before), nn.ReLU(), _conv(before, width, 2)]
            for number in range(depth):
                first = level > 0 and number == 0
                blocks.append(_Block(before if first else width, width, 2 if first else 1))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(widths[-1])
        self.penultimate = nn.Linear(2 * widths[-1], features)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(features, len(attributes))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The penultimate layer, (B, features), after its activation."""
        x = F.relu(self.norm(self.blocks(self.stem(x))))  # (B, C, S/16, S/16)
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)  # (B, 2C)
        return F.silu(self.penultimate(pooled)).float()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.heads(self.dropout(self.features(x))).float()
