"""What training has cost: seconds, steps and arithmetic, kept beside each run's checkpoint.

RUN/cost.json
    steps              of the checkpoint beside it
    seconds            that those steps took, over all starts of the run, with what is measured on
                       the way; what an interruption lost is not in it
    operations         multiplications and additions of matrix products and convolutions in one step
    calls              of operators in one step, views apart: each is a kernel on a GPU
    beside_seconds     what the run took besides its steps, as in reading and embedding faces
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from istrc.whole import read_json, write_json

NAME, OLD_NAME = "cost.json", "spent.json"


class Cost:
    """The record of one run, read when the run starts and written with its checkpoints.

    Args:
        step: of the checkpoint that the run goes on from; 0 begins a new record.
    """

    def __init__(self, run: str | Path, step: int):
        self.run = Path(run)
        self.values: dict[str, Any] = read(run) if step else {}
        self._before = self.values.get("seconds", 0.0)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what is done within, unless a step was counted before."""
        if "operations" in self.values:
            yield
            return
        with _Counter() as found:
            yield
        self.values |= {"operations": found.operations, "calls": found.calls}

    def save(self, step: int, seconds: float) -> None:
        """Write the record; `seconds` are those since this start."""
        self.values |= {"steps": step, "seconds": round(self._before + seconds, 2)}
        write_json(self.run / NAME, self.values)


class _Counter(TorchDispatchMode):
    """torch's FlopCounterMode without its count for each module, which forbids autograd.grad."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func._overloadpacket in flop_registry:
            self.operations += flop_registry[func._overloadpacket](*args, **kwargs, out_val=out)
        # An operation in place is no view, though it returns its argument
        returned = func._schema.returns
        self.calls += not any(one.alias_info and not one.alias_info.is_write for one in returned)
        return out


def read(run: str | Path) -> dict[str, Any]:
    """A run's record; empty where there is none."""
    paths = (Path(run) / name for name in (NAME, OLD_NAME))
    return next((read_json(path) for path in paths if path.exists()), {})


@contextmanager
def timed(run: str | Path) -> Iterator[None]:
    """Record what a part takes besides its steps; a run that makes none keeps its record."""
    before, started = read(run), time.monotonic()
    yield
    after, took = read(run), time.monotonic() - started
    if not after or after.get("steps") != before.get("steps"):
        took -= after.get("seconds", 0.0) - before.get("seconds", 0.0)
        write_json(Path(run) / NAME, {**after, "beside_seconds": round(took, 2)})
