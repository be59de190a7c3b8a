"""How long something takes: the median of several runs, warmed up."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Clock:
    """Times work on one device.

    Args:
        device: whose queue is waited for.
        runs: of the work, after one to warm up.
        budget: seconds after which no further run is begun, the first not counted.
    """

    device: torch.device
    runs: int = 7
    budget: float = 4.0

    def seconds(self, work: Callable[[], Any]) -> float:
        """The median of the runs. Work that takes longer than the budget is run only once."""
        return statistics.median(self._times(work))

    def least(self, work: Callable[[], Any]) -> float:
        """The shortest of the runs, as a peak is measured."""
        return min(self._times(work))

    def _times(self, work: Callable[[], Any]) -> list[float]:
        first = self.once(work)
        if first > self.budget:
            return [first]
        times: list[float] = []
        while len(times) < self.runs and (not times or sum(times) < self.budget):
            times.append(self.once(work))
        return times

    def once(self, work: Callable[[], Any]) -> float:
        """Seconds of one run."""
        self._wait()
        started = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - started

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
