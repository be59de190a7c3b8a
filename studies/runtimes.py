"""What each runtime takes for what a circle does: torch in both precisions, and ONNX Runtime.

    python -m studies.runtimes --json results/runtimes.json    # then make tables

Times are the processor's, of one thread: what else the machine does hardly counts.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from studies.command import Study

from istrc import sphere
from istrc.arrays import numpy
from istrc.circle import Circle
from istrc.evaluation.bench import faces_for, portrait, time_edit
from istrc.evaluation.machine import machine
from istrc.evaluation.results import markdown_table
from istrc.runtime import VARIABLE, limit_threads

BATCHES = (1, 64)
RUNTIMES = ("torch, float32", "torch, bfloat16", "ONNX Runtime, float32")
EXACT = RUNTIMES[0]  # what the others are compared with
EDIT = {"smile": 1.0}
IMPORTS = {"torch": "torch", "ONNX Runtime": "onnxruntime"}  # package of each
# A line of a file that needs gradients through a network
GRADIENTS = ("autograd.grad", ".backward(", "enable_grad")


def opened(model: str) -> dict[str, Circle]:
    """The circle in each runtime."""
    for runtime in ("torch", "onnx"):
        limit_threads(runtime, 1)
    circles = {
        name: Circle.from_pretrained(model, runtime="onnx" if "ONNX" in name else "torch")
        for name in RUNTIMES
    }
    circles["torch, bfloat16"].precision = torch.bfloat16
    return circles


def stages(circle: Circle, faces: np.ndarray) -> dict[str, Callable[[], Any]]:
    """What a circle does, by name, to faces (B, 3, S, S)."""
    x = circle.to_device(faces)
    z, found = circle.embed(x), circle.find(x)
    c = circle.encode(x, found)
    z2 = sphere.step(z, z * 0 + 1, 0.3)
    return {
        "embed": lambda: circle.embed(x),
        "landmarks": lambda: circle.find(x),
        "encode": lambda: circle.encode(x, found),
        "map": lambda: circle.map(z),
        "change": lambda: circle.map_change(c, z, z2),
        "decode": lambda: circle.decode_code(c),
        "walk": lambda: circle.walk(z, EDIT).end,
        "edit": lambda: circle.edit(x, EDIT),
    }


def seconds(
    works: Mapping[str, Callable[[], Any]], rounds: tuple[int, int] = (3, 25), budget: float = 10.0
) -> dict[str, float]:
    """The medians of the processor's seconds of works that are done in turn, so that a machine
    which becomes slower does so for all: after one round to warm up as many as the budget allows.
    """
    times = {name: list[float]() for name in works}
    for turn in range(1 + rounds[1]):
        for name, work in works.items():
            started = time.process_time()
            work()
            times[name].append(time.process_time() - started)
        if turn >= rounds[0] and sum(map(sum, times.values())) > budget:
            break
    return {name: median(took[1:]) for name, took in times.items()}


def seconds_of_children(work: Callable[[], Any], runs: int = 3) -> float:
    """The median of the processor's seconds of the processes that some work starts."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    times = []
    for _ in range(runs):
        before = spent()
        work()
        times.append(spent() - before)
    return median(times)


def time_stages(circles: dict[str, Circle]) -> dict[str, dict[str, Any]]:
    """{"embed, 1": {runtime: milliseconds}}, and for one face how far each is from float32."""
    faces = faces_for(circles[EXACT], None, BATCHES[-1]).numpy()
    found: dict[str, dict[str, Any]] = {}
    for batch in BATCHES:
        works = {name: stages(circle, faces[:batch]) for name, circle in circles.items()}
        for stage, exact in works[EXACT].items():
            took = seconds({name: work[stage] for name, work in works.items()})
            row = {name: 1e3 * one for name, one in took.items()}
            apart = {
                f"{name}, off": float(np.abs(numpy(work[stage]()) - numpy(exact())).max())
                for name, work in works.items()
                if name != EXACT and batch == BATCHES[0]
            }
            found[f"{stage}, {batch}"] = row | apart
    return found


def import_seconds(package: str) -> float:
    """Of a process that imports a package, less those of one that imports NumPy."""

    def took(statement: str) -> float:
        command = [sys.executable, "-c", statement]
        return seconds_of_children(lambda: subprocess.run(command, check=True))

    return took(f"import numpy, {package}") - took("import numpy")


def megabytes(package: str) -> float:
    """Of the files of an installed package."""
    files = [Path(str(file.locate())) for file in distribution(package).files or []]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def needs_gradients() -> list[str]:
    """Files of the package that compute gradients through networks."""
    root = Path(__file__).resolve().parents[1] / "src" / "istrc"
    texts = {path.relative_to(root): path.read_text() for path in root.rglob("*.py")}
    return sorted(str(path) for path, text in texts.items() if any(g in text for g in GRADIENTS))


def time_command(model: str, circle: Circle) -> dict[str, float]:
    """Of `istrc edit` from its start to its end, of a photograph of 0.25 megapixels."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ):
        photograph = portrait(circle, Path(folder), 0.25)
        for name, runtime in (("torch", "torch"), ("ONNX Runtime", "onnx")):
            os.environ[VARIABLE] = runtime
            found[name] = seconds_of_children(lambda: time_edit(model, *photograph, "smile"))
    return found


def study(model: str) -> dict[str, Any]:
    """All measurements."""
    circles = opened(model)
    return {
        "machine": machine(torch.device("cpu")),
        "milliseconds": time_stages(circles),
        "packages": {
            name: {"import_s": import_seconds(package), "mb": megabytes(package)}
            for name, package in IMPORTS.items()
        },
        "command_s": time_command(model, circles[EXACT]),
        "gradients": needs_gradients(),
    }


def summary(found: Mapping[str, Any]) -> str:
    """The numbers that a reader looks for first: an edit of many faces, and a whole command."""
    what, row = [one for one in by_batch(found) if one[0].startswith("edit, ")][-1]
    names = {name: name.replace(", ", " in ") for name in RUNTIMES}
    times = [f"{names[name]} is {row[EXACT] / row[name]:.2f} times" for name in RUNTIMES[1:]]
    took = [f"with {name} {seconds:.2f} s" for name, seconds in found["command_s"].items()]
    imported = found["packages"]["torch"]["import_s"]
    return (
        f"In an edit of {what.partition(', ')[2]} faces at once {' and '.join(times)} as fast as "
        f"{names[EXACT]}. `istrc edit` takes, of the processor's time, {', '.join(took)}; "
        f"importing torch is {imported:.2f} s of that. Networks have gradients in "
        f"{len(found['gradients'])} files.\n\n"
    )


def by_batch(found: Mapping[str, Any]) -> list[tuple[str, dict[str, float]]]:
    """The rows of `time_stages`, those of fewer faces first."""
    rows = found["milliseconds"].items()
    return sorted(rows, key=lambda one: int(one[0].partition(", ")[2]))


def runtimes_markdown(found: Mapping[str, Any]) -> str:
    """The summary and the tables."""
    on = found["machine"]
    faster = [
        [what, *(row[name] for name in RUNTIMES), *(row[EXACT] / row[n] for n in RUNTIMES[1:])]
        for what, row in by_batch(found)
    ]
    apart = [
        [what.partition(",")[0], *(f"{row[f'{name}, off']:.2g}" for name in RUNTIMES[1:])]
        for what, row in by_batch(found)
        if f"{RUNTIMES[1]}, off" in row
    ]
    packages = [[name, one["import_s"], one["mb"]] for name, one in found["packages"].items()]
    commands = [list(one) for one in found["command_s"].items()]
    quotients = [f"{name}: times faster" for name in RUNTIMES[1:]]
    return (
        summary(found)
        + f"{on['cpu']}, torch {on['torch']}; processor's time of {on['threads']} thread.\n\n"
        + markdown_table(["milliseconds, of so many faces", *RUNTIMES, *quotients], faster)
        + "\nHow far a runtime is from torch in float32, at most (pictures in [-1, 1], embeddings, "
        "codes), one face:\n\n"
        + markdown_table(["what", *RUNTIMES[1:]], apart)
        + "\n"
        + markdown_table(["package", "import, s", "MB"], packages)
        + "\n"
        + markdown_table(["`istrc edit` of a photograph", "s, start to end"], commands)
        + "\nFiles that needed gradients through networks when it was measured: "
        + ", ".join(f"`{path}`" for path in found["gradients"])
        + ".\n"
    )


def main(arguments: list[str] | None = None) -> None:
    command = Study("runtimes", __doc__)
    given = command.parse(arguments)
    command.finish("runtimes", study(given.model), runtimes_markdown)


if __name__ == "__main__":
    main()
