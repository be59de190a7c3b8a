"""The machine that something was measured on, and what an installation weighs."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import torch

import istrc


def machine(device: torch.device) -> dict[str, Any]:
    """What absolute times are told with: processor, cores, threads, memory, system, torch."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found: dict[str, Any] = {
        "cpu": processor(),
        "cores": cores,
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
        told = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        told = None
    return told[1].strip() if told else platform.processor() or platform.machine()


def memory() -> float | None:
    """GiB of the machine; None where the system does not tell."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def resident(mark: str) -> int:
    """Bytes that this process holds (VmRSS), or held at most (VmHWM).

    Raises OSError where the system does not tell: only Linux does.
    """
    told = re.search(rf"{mark}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    if told is None:
        raise OSError(f"no {mark}")
    return int(told[1]) * 1024


def installed(name: str = "istrc") -> dict[str, float]:
    """MB that a distribution and all that it requires take: {distribution: MB}.

    Extras are not counted, nor what is not installed here.
    """
    found: dict[str, float] = {}
    waiting = [name]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            one = distribution(name)
        except PackageNotFoundError:
            continue
        files = [Path(one.locate_file(file)) for file in one.files or []]
        found[name] = sum(f.stat().st_size for f in files if f.is_file()) / 1e6
        if name == "istrc":  # its files are elsewhere where it is installed to be edited
            found[name] = size_of(Path(istrc.__file__).parent)
        for requirement in one.requires or []:
            wanted, _, condition = requirement.partition(";")
            if "extra" not in condition:
                waiting.append(re.match(r"[\w.-]+", wanted.strip())[0])
    return found


def size_of(folder: Path) -> float:
    """MB of the files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
