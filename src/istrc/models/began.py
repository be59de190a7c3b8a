"""BEGAN: an auto-encoder as discriminator, and a generator shaped like its decoder.

Berthelot, Schumm, Metz: BEGAN: Boundary Equilibrium Generative Adversarial Networks (2017);
paper section 3.2. Only the auto-encoder is used once it is trained: its code h is the paper's Z_2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from istrc.models.components import Components, Region
from istrc.models.part_files import arguments


class Pair(nn.Module):
    """Two 3x3 convolutions with ELU; `carry` adds BEGAN's residual connection around them."""

    def __init__(self, inputs: int, outputs: int, carry: bool):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.carry = carry and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.elu(self.second(F.elu(self.first(x))))
        return (x + y) * 0.5**0.5 if self.carry else y


class Encoder(nn.Module):
    """Faces (B, 3, S, S) in [-1, 1] -> codes h (B, H)."""

    def __init__(self, size: int, widths: tuple[int, ...], code: int, light: bool, carry: bool):
        super().__init__()
        first = nn.Conv2d(12 if light else 3, widths[0], 3, 1, 1)
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), first) if light else first
        levels: list[nn.Module] = []
        for width, following in zip(widths, [*widths[1:], None], strict=True):
            levels.append(Pair(width, width, carry))
            if following:
                levels += [nn.Conv2d(width, following, 3, 2, 1), nn.ELU()]
        self.levels = nn.Sequential(*levels)
        side = size // 2 ** (len(widths) - 1 + light)
        self.project = nn.Linear(widths[-1] * side * side, code)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.project(self.levels(F.elu(self.stem(x))).flatten(1)).float()


class Decoder(nn.Module):
    """Codes h (B, H) -> faces (B, 3, S, S), nominally in [-1, 1] and not clipped."""

    def __init__(
        self, size: int, widths: tuple[int, ...], code: int, light: bool, carry: bool, skip: bool
    ):
        super().__init__()
        self.side = size // 2 ** (len(widths) - 1 + light)
        self.skip = skip
        first = widths[-1]
        self.project = nn.Linear(code, first * self.side**2)
        levels, width = [Pair(first, first, carry)], first
        for following in reversed(widths[:-1]):
            # BEGAN's skip connection: the first map h_0 joins every level, scaled up
            levels.append(Pair(width + (first if skip else 0), following, carry))
            width = following
        self.levels = nn.ModuleList(levels)
        last = nn.Conv2d(width, 12 if light else 3, 3, 1, 1)
        self.head = nn.Sequential(last, nn.PixelShuffle(2)) if light else last

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        h0 = self.project(h).view(h.shape[0], -1, self.side, self.side)  # (B, C, S/16, S/16)
        h0 = h0.contiguous(memory_format=torch.channels_last)
        x = self.levels[0](h0)
        for level in self.levels[1:]:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            if self.skip:
                x = torch.cat([x, F.interpolate(h0, size=x.shape[-2:], mode="nearest")], 1)
            x = level(x)
        return self.head(x).float()


class Refiner(nn.Module):
    """What components leave out of faces that they drew (B, 3, S, S): a small U-Net.

    In the shape-free frame an eye is always at the same pixels, and `place` says which those are.
    Untrained it adds nothing; outside the face, where neither energy nor critic looks closely,
    what it adds is not drawn (`Components.inside`).
    """

    def __init__(self, size: int, widths: tuple[int, ...], carry: bool):
        super().__init__()
        first = widths[0]
        self.place = nn.Parameter(torch.zeros(1, first, size // 2, size // 2))
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, first, 3, 1, 1))
        steps = list(pairwise(widths))
        self.levels = nn.ModuleList(Pair(width, width, carry) for width in widths)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in steps)
        self.up = nn.ModuleList(Pair(a + b, a, carry) for a, b in steps)
        # Drawn at full resolution: pixels shuffled from depth to space come out hatched
        last = nn.Conv2d(first // 2, 3, 3, 1, 1)
        for values in last.parameters():
            nn.init.zeros_(values)
        self.head = nn.Sequential(nn.Conv2d(first, first // 2, 3, 1, 1), nn.ELU(), last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.levels[0](F.elu(self.stem(x) + self.place))  # (B, C, S/2, S/2)
        passed = []
        for down, level in zip(self.down, self.levels[1:], strict=True):
            passed.append(x)
            x = level(F.elu(down(x)))
        for up in reversed(self.up):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = up(torch.cat([x, passed.pop()], 1))
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.head(x).float()


class _Drawing(nn.Module):
    """What both networks are made of: what draws, and before it what leads there.

    Args:
        size: side S of a face in pixels.
        code: H, the length of the code h; U, of the generator's u.
        widths: channels from the finest level to the coarsest. The paper's shape with n filters is
            (n, 2n, 3n, 4n) with `light=False`.
        light: the finest level works at S/2 on a space-to-depth stem, which is five times cheaper.
        carry: residual connections around each pair of convolutions.
        skip: the decoder's first map joins every level.
        linear: principal components (`Components`) of the whole face, of `linear_side` pixels;
            those of `regions` follow. The convolutions then refine what they draw (`Refiner`).
            0 is the paper's auto-encoder.
    """

    _build: Callable[..., None]  # of widths, light, carry, skip: the networks

    def __init__(
        self,
        size: int,
        code: int,
        widths: tuple[int, ...],
        light: bool = True,
        carry: bool = True,
        skip: bool = False,
        linear: int = 0,
        linear_side: int = 32,
        regions: Sequence[Region] = (),
    ):
        super().__init__()
        self.config = arguments(locals())
        self.size, self.code = size, code
        self.components = Components(linear, linear_side, size, regions) if linear else None
        self.encoder: Any = None
        self.decoder: Any = None  # one that draws, or a refiner, or none
        self._build(widths, light, carry, skip)

    def decode(self, h: torch.Tensor) -> torch.Tensor:
        """Codes h (B, H) -> faces (B, 3, S, S), nominally in [-1, 1] and not clipped."""
        if self.components is None:
            return self.decoder(h)
        x = self.components.compose(h)
        return x if self.decoder is None else x + self.components.inside() * self.decoder(x)


class AutoEncoder(_Drawing):
    """BEGAN's discriminator D: decode(encode(x)), of energy L(x) = |x - D(x)|.

    Components are the code where there are some; without `widths` nothing refines them.
    """

    def _build(self, widths: tuple[int, ...], light: bool, carry: bool, skip: bool) -> None:
        if self.components is not None:
            if self.code != (count := len(self.components.spread)):
                raise ValueError(f"{count} components are no code of {self.code}")
            self.decoder = Refiner(self.size, widths, carry) if widths else None
        else:
            self.encoder = Encoder(self.size, widths, self.code, light, carry)
            self.decoder = Decoder(self.size, widths, self.code, light, carry, skip)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Faces (B, 3, S, S) in [-1, 1] -> codes h (B, H)."""
        return self.encoder(x) if self.components is None else self.components(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))


class Generator(_Drawing):
    """BEGAN's generator G: u (B, U) uniform in [-1, 1] -> faces (B, 3, S, S).

    Its shape is the decoder's. With `linear` components it therefore begins as random faces of
    their variance, and not as grey.
    """

    def _build(self, widths: tuple[int, ...], light: bool, carry: bool, skip: bool) -> None:
        if self.components is None:
            self.decoder = Decoder(self.size, widths, self.code, light, carry, skip)
        else:
            self.decoder = Refiner(self.size, widths, carry)
            self.coordinates = nn.Linear(self.code, len(self.components.spread))
            nn.init.normal_(self.coordinates.weight, std=(3 / self.code) ** 0.5)  # var(u) = 1/3

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        return self.decode(u if self.components is None else self.coordinates(u))

    def sample(self, count: int, device: str | torch.device = "cpu") -> torch.Tensor:
        """Draws u (count, U), uniform in [-1, 1], from torch's global generator."""
        return torch.empty(count, self.code, device=device).uniform_(-1, 1)
