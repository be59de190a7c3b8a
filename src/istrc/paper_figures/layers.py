"""The layers of a network as it is loaded: what a face (or a code) becomes on its way through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby

import torch
from torch import nn

# What has no size of its own to tell is added to the layer before it.
_AFTER = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.Tanh, nn.ReLU, nn.ELU, nn.SiLU, nn.PReLU, nn.Sigmoid,
)  # fmt: skip
_AFTER_NAMES = {"BatchNorm1d": "BatchNorm", "BatchNorm2d": "BatchNorm"}


@dataclass(frozen=True)
class Layer:
    """One layer, or `times` equal ones in a row.

    Attributes:
        what: its kind, such as "conv 3x3".
        shape: of what comes out, without the batch: (C, H, W) or (D,).
        after: normalisation and activation behind it.
    """

    what: str
    shape: tuple[int, ...]
    after: tuple[str, ...] = ()
    times: int = 1

    @property
    def label(self) -> str:
        if len(self.shape) == 3:
            size = f"{self.shape[0]} @ {self.shape[1]}x{self.shape[2]}"
        else:
            size = "x".join(map(str, self.shape))
        after = "".join(f", {name}" for name in self.after)
        times = f"  x{self.times}" if self.times > 1 else ""
        return f"{self.what}, {size}{after}{times}"


@torch.inference_mode()
def trace(
    module: nn.Module, run: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor
) -> list[Layer]:
    """The layers of `module` that `run(x)` goes through, in the order of use.

    Empty for what is not made of torch's layers.
    """
    found: list[Layer] = []

    def hook(layer: nn.Module, _inputs: object, output: object) -> None:
        if not isinstance(output, torch.Tensor):
            return
        if not isinstance(layer, _AFTER):
            found.append(Layer(_what(layer), tuple(output.shape[1:])))
        elif found:
            name = type(layer).__name__
            short = _AFTER_NAMES.get(name, name if name.isupper() else name.lower())
            found[-1] = replace(found[-1], after=(*found[-1].after, short))

    silent = (nn.Identity, nn.Flatten, nn.Dropout, nn.ParameterList)
    leaves = [m for m in module.modules() if not list(m.children()) and not isinstance(m, silent)]
    handles = [leaf.register_forward_hook(hook) for leaf in leaves]
    try:
        run(x)
    finally:
        for handle in handles:
            handle.remove()
    return [replace(layer, times=len(list(equal))) for layer, equal in groupby(found)]


def _what(layer: nn.Module) -> str:
    if isinstance(layer, nn.Conv2d):
        stride = f" /{layer.stride[0]}" if layer.stride[0] > 1 else ""
        return f"conv {layer.kernel_size[0]}x{layer.kernel_size[1]}{stride}"
    if isinstance(layer, nn.Linear):
        return "fully connected"
    words = {"PixelUnshuffle": "space to depth", "PixelShuffle": "depth to space"}
    name = type(layer).__name__
    return words.get(name, name.lower())
