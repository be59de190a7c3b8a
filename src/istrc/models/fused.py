"""Networks as inference runs them: in blocks that stay in the processor's cache, and without
BatchNorm, which in use is a fixed scale and shift and is folded into the layer before it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval

# Pixels of the faces that are decoded, or encoded, at once on a CPU: their maps stay in its cache.
# An encoder keeps fewer maps.
DECODED, ENCODED = 32 * 64**2, 64 * 64**2
FOLDED: dict[tuple[type, type], Callable] = {
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


def without_batch_norm(net: N) -> N:
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


def channels_last(net: N, device: str | torch.device = "cpu") -> N:
    """A network on a device, its convolutions' weights in the order in which they are fast."""
    # torch declares this argument for tensors alone; a module takes it, too
    return net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


class Cached(Generic[N, T]):
    """What was made of a network, made anew when the network's weights are others."""

    def __init__(self, make: Callable[[N], T]):
        self._make = make
        self._state: tuple[Any, ...] = ()
        self._made: T

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
