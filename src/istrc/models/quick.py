"""Networks as inference runs them: the same numbers for fewer multiply-adds and less memory.

BatchNorm, which in use is a fixed scale and shift, is folded into the layer before it.

A 3x3 convolution of a map that was scaled up by 2 sees every pixel of the small map up to four
times. Added up beforehand its weights are a transposed convolution of 4x4 and stride 2 on the small
map: 16 multiply-adds a pixel of it where there were 36, and no large copy of it is ever made.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval

from istrc.models.began import AutoEncoder

# Pixels of the faces that are drawn, or looked at, at once on a CPU: their maps stay near it, and
# are not allocated anew. What looks keeps fewer maps.
DRAWN, SEEN = 32 * 64**2, 64 * 64**2
FOLDED = {
    (nn.Conv2d, nn.BatchNorm2d): fuse_conv_bn_eval,
    (nn.Linear, nn.BatchNorm1d): fuse_linear_bn_eval,
}
N = TypeVar("N", bound=nn.Module)
T = TypeVar("T")


def in_blocks(
    work: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor, size: int, pixels: int
) -> torch.Tensor:
    """`work` on a batch, on a CPU in blocks of so many pixels; all at once elsewhere.

    Args:
        batch: (B, ...), faces or what they are drawn from.
        size: of a face, pixels a side.
    """
    some = max(1, pixels // size**2)
    if batch.device.type != "cpu" or len(batch) <= some:
        return work(batch)
    return torch.cat([work(part) for part in batch.split(some)])


def folded(net: N) -> N:
    """A copy of a network in use without its BatchNorms; other weights are the network's own."""
    own = {id(tensor): tensor for tensor in (*net.parameters(), *net.buffers())}
    net = copy.deepcopy(net, own)
    for block in [module for module in net.modules() if isinstance(module, nn.Sequential)]:
        children = list(block.named_children())
        for (name, layer), (after, norm) in zip(children, children[1:], strict=False):
            fold = FOLDED.get((type(layer), type(norm)))
            if fold and not norm.training:
                setattr(block, name, fold(layer, norm))
                setattr(block, after, nn.Identity())
    return net


def joined(weight: torch.Tensor) -> torch.Tensor:
    """Weights (O, I, 3, 3) on a map scaled up by 2 (nearest) -> (I, O, 4, 4) on the small map."""
    turned = weight.flip(2, 3).transpose(0, 1)  # (I, O, 3, 3)
    kernel = weight.new_zeros(*turned.shape[:2], 4, 4)
    for down in range(2):
        for right in range(2):
            kernel[:, :, down : down + 3, right : right + 3] += turned
    return kernel


def elu_(x: torch.Tensor, scratch: torch.Tensor) -> torch.Tensor:
    """ELU in place, max(x, exp(min(x, 0)) - 1): faster than torch's own on a CPU.

    Args:
        scratch: what may be overwritten, of x's type and at least as many numbers. Large maps
            that are allocated anew for every layer cost as much as the arithmetic.
    """
    low = scratch.as_strided(x.shape, x.stride())  # in x's order of memory
    torch.clamp(x, max=0, out=low)
    return torch.maximum(x, low.exp_().sub_(1), out=x)


class Drawing:
    """`AutoEncoder.decode` for inference, made of the weights as they are now.

    Args:
        precision: of the convolutions. torch.float32 differs from the network by rounding;
            torch.bfloat16 is several times faster where the processor multiplies it, and differs
            by about a level of 255.
    """

    def __init__(self, autoencoder: AutoEncoder, precision: torch.dtype = torch.float32):
        decoder = autoencoder.decoder
        self.components, self.size = autoencoder.components, autoencoder.size
        self.precision, self.convolves = precision, decoder is not None
        if decoder is None:
            return
        self.side, self.skip = decoder.side, decoder.skip
        self.project = self._weights(decoder.project)
        self.levels = []
        for number, level in enumerate(decoder.levels):
            first, bias = self._weights(level.first)
            if number:
                first = joined(level.first.weight.float()).to(precision)
            self.levels.append(((first, bias), self._weights(level.second), level.carry))
        self.light = isinstance(decoder.head, nn.Sequential)
        self.head = self._weights(decoder.head[0] if self.light else decoder.head)

    def _weights(self, layer: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
        weight = layer.weight.to(self.precision)
        if weight.dim() == 4:
            weight = weight.contiguous(memory_format=torch.channels_last)
        return weight, layer.bias.to(self.precision)

    def maps(self, h: torch.Tensor) -> torch.Tensor:
        """Codes h (B, H) -> what the head draws the face from, (B, C, S, S), S/2 if light."""
        h0 = F.linear(h.to(self.precision), *self.project)
        h0 = h0.view(len(h), -1, self.side, self.side)  # (B, C, S/16, S/16)
        x = h0 = h0.contiguous(memory_format=torch.channels_last)
        largest = max(len(second[1]) * 4**n for n, (_, second, _) in enumerate(self.levels))
        scratch = h0.new_empty(len(h) * largest * self.side**2)
        for number, (first, second, carry) in enumerate(self.levels):
            if number == 0:
                y = F.conv2d(x, *first, padding=1)
            else:
                if self.skip:  # joined at the small size, which is scaled up with the map
                    x = torch.cat([x, F.interpolate(h0, size=x.shape[-2:], mode="nearest")], 1)
                y = F.conv_transpose2d(x, *first, stride=2, padding=1)  # twice the side
            y = elu_(F.conv2d(elu_(y, scratch), *second, padding=1), scratch)
            if carry:
                x = x if number == 0 else F.interpolate(x, scale_factor=2, mode="nearest")
                y = y.add_(x).mul_(0.5**0.5)
            x = y
        return x

    def block(self, h: torch.Tensor) -> torch.Tensor:
        """Codes h (B, H) -> faces (B, 3, S, S), not clipped."""
        x = 0
        if self.convolves:
            x = F.conv2d(self.maps(h), *self.head, padding=1)
            x = (F.pixel_shuffle(x, 2) if self.light else x).float()
        if self.components is not None:
            x = x + self.components.compose(h[:, : len(self.components.spread)])
        return x

    def __call__(self, h: torch.Tensor) -> torch.Tensor:
        """Codes h (B, H) -> faces (B, 3, S, S), not clipped, block by block on a CPU."""
        return in_blocks(self.block, h, self.size, DRAWN)


class Kept:
    """What was made of a network, made anew when the network's weights are others."""

    def __init__(self, make: Callable[[N], T]):
        self._make, self._state, self._made = make, None, None

    def of(self, net: N) -> T:
        state = (net, net.training, *map(_version, (*net.parameters(), *net.buffers())))
        if state != self._state:
            # Not as inference tensors, which nothing outside of inference could use
            with torch.inference_mode(False), torch.no_grad():
                self._made, self._state = self._make(net), state
        return self._made


def _version(tensor: torch.Tensor) -> tuple[int, int]:
    """Tells a tensor from what it was before it was written to, or put elsewhere."""
    return tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version
