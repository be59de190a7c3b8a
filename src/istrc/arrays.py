"""One formula for two libraries: torch's tensors and NumPy's arrays.

What a circle does between its networks (sphere, walk, stopping, tone) is written once, in the words
that both libraries have: `axis`, `keepdims`, `clip`, `where`. Where there is a tensor, torch has
been imported; nothing here imports it, so that the runtime without torch (istrc.onnx_runtime)
computes the same formulas.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from istrc.errors import InputError

# A torch.Tensor or an np.ndarray. A union of the two would have the type checker ask of every line
# that it suit both at once, as no function of either library does; so arrays are left unchecked
# where the two runtimes meet, and are Tensor or np.ndarray elsewhere.
Array = Any

UNSOUND = 1e6  # what no network of a circle makes of a face, in whatever unit: faces are in [-1, 1]


def library(x: Array) -> ModuleType:
    """The module whose functions take x: torch or numpy."""
    return np if isinstance(x, (np.ndarray, np.generic)) else sys.modules["torch"]


def numbers(values: Any, like: Array) -> Array:
    """Numbers as an array of the dtype, and on the device, of another."""
    if library(like) is np:
        return np.asarray(values, like.dtype)
    return library(like).as_tensor(values, dtype=like.dtype, device=like.device)


def indices(values: Any, like: Array) -> Array:
    """Whole numbers as an array (N,) of int64 on the device of another."""
    if library(like) is np:
        return np.asarray(values, np.int64)
    torch = library(like)
    return torch.as_tensor(values, dtype=torch.int64, device=like.device)


def along(x: Array, index: Array, axis: int) -> Array:
    """The entries of x at these indices along an axis; the other axes go together."""
    if library(x) is np:
        return np.take_along_axis(x, index, axis)
    return x.gather(axis, index)


def sound(x: Array, part: str) -> Array:
    """What a part of a circle made. Raises InputError for NaN and for what has no bound: weights
    that are damaged may be numbers each and make such.
    """
    if not bool((abs(x) < UNSOUND).all()):  # false for NaN as well
        raise InputError(
            f"this circle's {part} makes NaN or numbers without bound; its weights are damaged: "
            "install the package again or train this part"
        )
    return x


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    # By way of tanh, which does not overflow
    return 0.5 * (1 + library(x).tanh(0.5 * x))


def numpy(x: Array) -> np.ndarray:
    """x as NumPy's array in main memory."""
    return x if library(x) is np else x.detach().cpu().numpy()


@contextlib.contextmanager
def _mode(name: str) -> Iterator[None]:
    """One of torch's modes, where torch is there at all; what this decorates runs in it."""
    torch = sys.modules.get("torch")
    with contextlib.nullcontext() if torch is None else getattr(torch, name)():
        yield


inference, without_gradients = _mode("inference_mode"), _mode("no_grad")
