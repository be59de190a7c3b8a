"""Which runtime computes: torch, or ONNX Runtime and NumPy (istrc.onnx_runtime).

Nothing heavy here.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from istrc.errors import IstrcError

RUNTIMES = ("auto", "torch", "onnx")
OLD = {"light": "onnx"}  # names that are understood, too
VARIABLE = "ISTRC_RUNTIME"
REMEDY = "pip install 'istrc[train]'"


def choose_runtime(asked: str = "auto", prefer: str = "torch") -> str:
    """ "torch" or "onnx". "auto" is what $ISTRC_RUNTIME says, else the preferred one if installed.

    Raises IstrcError for another name, and where what is asked for is not installed.
    """
    name = os.environ.get(VARIABLE, "").strip() or "auto" if asked == "auto" else asked
    name = runtime_named(name, "" if asked == name else f"{VARIABLE}=")
    if name == "auto":
        package = {"torch": "torch", "onnx": "onnxruntime"}
        other = "onnx" if prefer == "torch" else "torch"
        name = prefer if has(package[prefer]) or not has(package[other]) else other
    if name == "torch":
        need_torch("--runtime torch")
    elif not has("onnxruntime"):
        raise IstrcError(
            f"the runtime without torch needs onnxruntime: pip install onnxruntime; or {REMEDY}"
        )
    return name


def runtime_named(name: str, where: str = "") -> str:
    """The name, or the one that an old name stands for. Raises IstrcError for another, told to be
    from `where`.
    """
    name = OLD.get(name, name)
    if name not in RUNTIMES:
        raise IstrcError(f"{where}{name}: no such runtime; use {', '.join(RUNTIMES)}")
    return name


def need_torch(what: str, remedy: str = REMEDY) -> None:
    """Raises IstrcError where torch is not installed."""
    if not has("torch"):
        raise IstrcError(f"{what} needs torch: {remedy}")


@contextmanager
def needed(otherwise: str, kind: type[IstrcError] = IstrcError) -> Iterator[None]:
    """In which packages are imported that need not be installed; raises `otherwise` without one."""
    try:
        yield
    except ImportError:
        raise kind(otherwise) from None


def without_torch(error: BaseException | None) -> bool:
    """Whether this is the failure of an import of torch, where it is not installed."""
    return isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "torch"


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_of(runtime: str) -> int:
    """How many threads a network may use in this process."""
    if runtime == "onnx":
        return os.cpu_count() or 1
    import torch

    return torch.get_num_threads()


def limit_threads(runtime: str, count: int) -> None:
    """How many threads networks may use in this process; said before a circle is opened."""
    if runtime == "onnx":
        from istrc.onnx_runtime import graphs

        graphs.limit_threads(count)
    else:
        import torch

        torch.set_num_threads(count)


def packaged(package: str, name: str) -> Path | None:
    """A file of a package that is not imported; None where it is not installed."""
    spec = importlib.util.find_spec(package)
    places = (spec and spec.submodule_search_locations) or []
    return next((path for at in places if (path := Path(at) / name).is_file()), None)


def has(package: str) -> bool:
    """Whether a package is installed; it is not imported."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
