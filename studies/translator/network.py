"""The translator, which says what an attribute changes in a texture, and its critic.

Faces are in the mean shape: an eye is always at the same pixels, and nothing has to move.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from istrc.models.part_files import arguments

PLACES = 4  # channels that say where in the face a pixel is


def leaky(x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)


def unshuffled(x: torch.Tensor) -> torch.Tensor:
    """Faces (B, 3, S, S) at half their size, with their places: (B, 12 + PLACES, S/2, S/2)."""
    x = F.pixel_unshuffle(x, 2)
    side = x.shape[-1]
    line = torch.linspace(-1, 1, side, dtype=x.dtype, device=x.device)
    across, down = line.expand(side, side), line[:, None].expand(side, side)
    # As many channels as processors multiply at once
    places = torch.stack([across, down, across * across, torch.zeros_like(across)])
    x = torch.cat([x, places.expand(x.shape[0], PLACES, side, side)], 1)
    return x.contiguous(memory_format=torch.channels_last)


class Block(nn.Module):
    """Two 3x3 convolutions beside what passes, the first modulated by what is asked."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, 1, 1)
        self.second = nn.Conv2d(width, width, 3, 1, 1)
        for values in self.second.parameters():
            nn.init.zeros_(values)

    def forward(self, x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        return x + self.second(leaky(modulated(self.first(x), by)))


def modulated(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Maps (B, C, ...) scaled and shifted by (B, 2 C, 1, 1) (FiLM, Perez et al. 2018)."""
    scale, shift = by.chunk(2, 1)
    return x * (1 + scale) + shift


class Translator(nn.Module):
    """Faces in the mean shape (B, 3, S, S) in [-1, 1] and the attributes that they are to have
    (B, K), 1, or to lack, -1, or that are not asked for, 0 -> what is to be added, (B, 3, S, S).

    Args:
        names: the K attributes.
        size: S.
        box: left, top and side in pixels of what of a face is looked at and changed.
        widths: channels at a half and a quarter of that side, and of the blocks.
        blocks: at a quarter of it.
    """

    def __init__(
        self,
        names: Sequence[str],
        size: int = 128,
        box: Sequence[int] = (16, 32, 96),
        widths: Sequence[int] = (32, 64, 128),
        blocks: int = 5,
    ):
        super().__init__()
        self.config = arguments(locals())
        self.names, self.size, self.box = tuple(names), size, tuple(box)
        fine, middle, coarse = widths
        asked = 2 * len(names)
        self.stem = nn.Conv2d(12 + PLACES, fine, 3, 1, 1)
        self.down = nn.Conv2d(fine, middle, 3, 2, 1)
        self.widen = nn.Conv2d(middle, coarse, 3, 1, 1)
        self.asked = nn.Linear(asked, blocks * 2 * coarse)
        self.blocks = nn.ModuleList(Block(coarse) for _ in range(blocks))
        self.join = nn.Conv2d(coarse + fine, middle, 3, 1, 1)
        self.narrow = nn.Conv2d(middle, fine, 3, 1, 1)
        self.asked_finely = nn.Linear(asked, 2 * fine)
        # At full resolution: pixels shuffled from depth to space come out hatched
        last = nn.Conv2d(fine, 3, 3, 1, 1)
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.head = nn.ModuleList([*(nn.Conv2d(fine, fine, 3, 1, 1) for _ in range(2)), last])

    def forward(self, faces: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        left, top, side = self.box
        around = (left, self.size - left - side, top, self.size - top - side)
        return F.pad(self.inside(faces[:, :, top : top + side, left : left + side], asked), around)

    def inside(self, x: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        """The same of what is in the box, (B, 3, side, side)."""
        asked = torch.cat([asked.clamp(min=0), (-asked).clamp(min=0)], 1)
        by = self.asked(asked)[:, :, None, None].chunk(len(self.blocks), 1)
        fine = leaky(self.stem(unshuffled(x)))  # (B, C, side/2, side/2)
        y = leaky(self.widen(leaky(self.down(fine))))
        for block, of in zip(self.blocks, by, strict=True):
            y = block(y, of)
        y = leaky(self.join(torch.cat([_twice(leaky(y)), fine], 1)))
        y = leaky(modulated(self.narrow(y), self.asked_finely(asked)[:, :, None, None]))
        y = _twice(y)
        for convolution in self.head[:-1]:
            y = leaky(convolution(y))
        return self.head[-1](y).float()


def _twice(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class ClassCritic(nn.Module):
    """Faces in the mean shape (B, 3, S, S) -> logits of both classes of each of K attributes
    (B, 2 K), higher for real faces of the class, and of patches (B, N), higher for real ones.
    """

    def __init__(self, count: int, size: int, width: int = 64):
        super().__init__()
        widths = [12 + PLACES, width, 2 * width, 3 * width, 4 * width, 4 * width, 4 * width]
        layers: list[nn.Module] = []
        for (inputs, outputs), stride in zip(pairwise(widths), (1, 2, 1, 2, 2, 1), strict=True):
            convolution = nn.Conv2d(inputs, outputs, 3, stride, 1)
            nn.init.kaiming_normal_(convolution.weight, 0.2)
            layers.append(nn.Sequential(convolution, nn.LeakyReLU(0.2, inplace=True)))
        self.finer, self.coarser = nn.Sequential(*layers[:4]), nn.Sequential(*layers[4:])
        self.patches = nn.Conv2d(4 * width, 1, 1)
        self.classes = nn.Linear(4 * width * (-(-size // 16)) ** 2, 2 * count)
        nn.init.normal_(self.classes.weight, std=0.01)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        finer = self.finer(unshuffled(x))
        classes = self.classes(self.coarser(finer).flatten(1))
        return classes.float(), self.patches(finer).flatten(1).float()
