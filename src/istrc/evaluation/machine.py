"""How long something takes, on which machine, and what an installation weighs."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import torch

import istrc
from istrc.health import required
from istrc.runtime import cores


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
        """The median of `times`."""
        return statistics.median(self.times(work))

    def times(self, work: Callable[[], Any]) -> list[float]:
        """Seconds of the runs. Work that takes longer than the budget is run only once."""
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


def machine(device: torch.device) -> dict[str, Any]:
    """What absolute times are told with: processor, cores, threads, memory, system, torch."""
    found: dict[str, Any] = {
        "cpu": processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "memory_gb": memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": device.type,
    }
    if hasattr(os, "getloadavg"):
        found["load"] = round(os.getloadavg()[0], 2)  # processes that wanted to run beside
    if device.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        match = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        match = None
    return match[1].strip() if match else platform.processor() or platform.machine()


def memory() -> float | None:
    """GiB of the machine; None where the system does not tell."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def peak_mb(process: int) -> float | None:
    """MB that a process has held at most so far; None where the system does not tell, or it ended.

    What resource.getrusage says of a child counts what its parent held, too.
    """
    try:
        match = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return None
    return int(match[1]) * 1024 / 1e6 if match else None


def installed(name: str = "istrc") -> dict[str, float]:
    """MB that a distribution and all that it requires take: {distribution: MB}.

    Extras are not counted, nor what is not installed here.
    """
    found: dict[str, float] = {}
    for one in map(distribution, sorted(required(name))):
        files = [Path(str(one.locate_file(file))) for file in one.files or []]
        found[one.name] = sum(f.stat().st_size for f in files if f.is_file()) / 1e6
    if name == "istrc":  # its files are elsewhere where it is installed to be edited
        found[name] = size_of(Path(istrc.__file__).parent)
    return found


def size_of(folder: Path) -> float:
    """MB of the files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
