"""The machine's limit: what it multiplies and copies at most, and what a stage asks of it.

Both are measured and counted in the same run, so that a share of the limit says how much is left
to be gained on this machine, whatever the machine is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from istrc.evaluation.speed.clock import Clock

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SIDE = 2048  # of the square matrices
COPIED = 2**28  # bytes; more than a processor's cache holds of its own


def peaks(clock: Clock, *, side: int = SIDE, copied: int = COPIED) -> dict[str, float]:
    """Operations a second of a matrix product in each precision, and bytes a second of a copy.

    An operation is a multiplication or an addition; a copied byte is read once and written once.
    """
    found = {}
    for name, precision in PRECISIONS.items():
        a, b = (torch.randn(side, side, device=clock.device).to(precision) for _ in range(2))
        out = torch.empty_like(a)
        found[name] = 2 * side**3 / clock.least(lambda a=a, b=b, out=out: torch.mm(a, b, out=out))
    source = torch.ones(copied // 4, device=clock.device)
    target = torch.empty_like(source)
    found["copy"] = 2 * copied / clock.least(lambda: target.copy_(source))
    return found


@dataclass(frozen=True)
class Work:
    """What one call of a function asks of the machine.

    Attributes:
        operations: multiplications and additions of matrix products and convolutions.
        bytes: read and written by all operations, as if no cache held anything between two.
    """

    operations: int
    bytes: int

    def share(self, seconds: float, found: dict[str, float], precision: str) -> dict[str, float]:
        """Parts of the peaks that were reached, and of what the nearer of the two allows."""
        arithmetic = self.operations / found[precision]
        moved = self.bytes / found["copy"]
        return {
            "arithmetic": arithmetic / seconds,
            "copying": moved / seconds,
            "limit": max(arithmetic, moved) / seconds,
        }


class _Bytes(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        # A view moves nothing; an operation in place is no view, though it returns its argument
        returned = func._schema.returns
        if not any(one.alias_info and not one.alias_info.is_write for one in returned):
            moved = tree_leaves((args, kwargs, out))
            self.total += sum(t.numel() * t.element_size() for t in moved if torch.is_tensor(t))
        return out


@torch.no_grad()
def counted(work: Callable[[], Any]) -> Work:
    """Count what one call of `work` does."""
    with FlopCounterMode(display=False) as operations:
        work()
    with _Bytes() as moved:
        work()
    return Work(operations.get_total_flops(), moved.total)
