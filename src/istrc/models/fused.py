"""Networks as inference runs them: where, in which numbers, in blocks that stay in the processor's
cache, and without BatchNorm, which in use is a fixed scale and shift and is folded into the layer
before it.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval

if TYPE_CHECKING:
    from istrc.models.began import AutoEncoder

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
        for (name, layer), (after, norm) in pairwise(list(block.named_children())):
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
        self._value: T

    def of(self, net: N) -> T:
        state = (net, net.training, *map(_version, (*net.parameters(), *net.buffers())))
        if state != self._state:
            # Not as inference tensors, which nothing outside of inference could use
            with torch.inference_mode(False), torch.no_grad():
                self._value, self._state = self._make(net), state
        return self._value


def _version(tensor: torch.Tensor) -> tuple[int, int]:
    """Tells a tensor from what it was before it was written to, or put elsewhere."""
    return tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version


class Running:
    """The networks of one circle in use. `istrc.onnx_runtime.parts` has the same without torch.

    Args:
        autoencoder: is where the circle is.
    """

    runtime = "torch"

    def __init__(self, autoencoder: AutoEncoder):
        self._autoencoder = autoencoder
        self.precision = torch.float32
        self._folded: dict[str, Cached] = {}  # the networks as inference runs them

    @property
    def device(self) -> torch.device:
        parts = chain(self._autoencoder.parameters(), self._autoencoder.buffers())
        return next(parts).device

    def to_device(self, x: Any) -> torch.Tensor:
        """A tensor, or NumPy's array, as a tensor on the device."""
        return (torch.from_numpy(x) if isinstance(x, np.ndarray) else x).to(self.device)

    def faces(self, x: Any) -> torch.Tensor:
        """Faces (B, 3, S, S) here, in the order of memory in which convolutions are fast."""
        return self.to_device(x).contiguous(memory_format=torch.channels_last)

    def fused(self, name: str, net: nn.Module) -> Callable[..., torch.Tensor]:
        """A network of the circle, under its name, as it is run."""
        return self._folded.setdefault(name, Cached(without_batch_norm)).of(net)

    def encode(self, autoencoder: AutoEncoder, x: torch.Tensor) -> torch.Tensor:
        """Faces (B, 3, S, S) -> codes h (B, H)."""
        with self.arithmetic():
            return in_blocks(autoencoder.encode, x, autoencoder.size, ENCODED)

    def draw(self, autoencoder: AutoEncoder, h: torch.Tensor) -> torch.Tensor:
        """Codes h (B, H) -> faces (B, 3, S, S), not clipped."""
        with self.arithmetic():
            return in_blocks(autoencoder.decode, self.to_device(h), autoencoder.size, DECODED)

    def arithmetic(self) -> contextlib.AbstractContextManager:
        """In which the networks that see pictures compute; see `Circle.precision`."""
        if self.precision == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.precision)
