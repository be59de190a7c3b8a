"""What each runtime takes for what a circle does: torch in both precisions, and ONNX Runtime.

    python -m studies.runtimes --json results/runtimes.json --markdown docs/studies/runtimes.md

Every stage is timed on the same drawn faces, one after the other in each runtime, so that what else
the machine does falls on all alike.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
from istrc.evaluation.machine import Clock, machine
from istrc.evaluation.results import markdown_table
from istrc.runtime import VARIABLE, limit_threads

BATCHES = (1, 64)
RUNTIMES = ("torch, float32", "torch, bfloat16", "ONNX Runtime, float32")
EXACT = RUNTIMES[0]  # what the others are compared with
EDIT = {"smile": 1.0}
IMPORTS = {"torch": "torch", "ONNX Runtime": "onnxruntime"}  # package of each
# A line of a file that needs gradients through a network
GRADIENTS = ("autograd.grad", ".backward(", "enable_grad")


def opened(model: str, threads: int) -> dict[str, Circle]:
    """The circle in each runtime."""
    for runtime in ("torch", "light"):
        limit_threads(runtime, threads)
    circles = {
        name: Circle.from_pretrained(model, runtime="light" if "ONNX" in name else "torch")
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


def time_stages(circles: dict[str, Circle], clock: Clock) -> dict[str, dict[str, Any]]:
    """{"embed, 1": {runtime: milliseconds}}, and of the largest batch how far it is from float32."""
    faces = faces_for(circles[EXACT], None, BATCHES[-1]).numpy()
    found: dict[str, dict[str, Any]] = {}
    for batch in BATCHES:
        works = {name: stages(circle, faces[:batch]) for name, circle in circles.items()}
        for stage, exact in works[EXACT].items():
            row = {name: 1e3 * clock.seconds(work[stage]) for name, work in works.items()}
            apart = {
                f"{name}, off": float(np.abs(numpy(work[stage]()) - numpy(exact())).max())
                for name, work in works.items()
                if name != EXACT and batch == BATCHES[0]
            }
            found[f"{stage}, {batch}"] = row | apart
    return found


def import_seconds(package: str, runs: int = 3) -> float:
    """Seconds of a new process that imports a package, less those of one that imports NumPy."""

    def took(statement: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        return time.perf_counter() - started

    times = [took(f"import numpy, {package}") - took("import numpy") for _ in range(runs)]
    return median(times)


def megabytes(package: str) -> float:
    """Of the files of an installed package."""
    files = [Path(str(file.locate())) for file in distribution(package).files or []]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def needs_gradients() -> list[str]:
    """Files of the package that compute gradients through networks."""
    root = Path(__file__).resolve().parents[1] / "src" / "istrc"
    texts = {path.relative_to(root): path.read_text() for path in root.rglob("*.py")}
    return sorted(str(path) for path, text in texts.items() if any(g in text for g in GRADIENTS))


def time_command(model: str, circle: Circle, runs: int = 3) -> dict[str, float]:
    """Seconds of `istrc edit` from its start to its end, of a photograph of 0.25 megapixels."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ):
        photograph = portrait(circle, Path(folder), 0.25)
        for name, runtime in (("torch", "torch"), ("ONNX Runtime", "light")):
            os.environ[VARIABLE] = runtime
            edits = [time_edit(model, *photograph, "smile") for _ in range(runs)]
            found[name] = median(edit["process_s"] for edit in edits)
    return found


def study(model: str, threads: int) -> dict[str, Any]:
    """All measurements."""
    clock, circles = Clock(torch.device("cpu"), runs=5, budget=2.0), opened(model, threads)
    found: dict[str, Any] = {"machine": machine(torch.device("cpu"))}
    found["milliseconds"] = time_stages(circles, clock)
    found["packages"] = {
        name: {"import_s": import_seconds(package), "mb": megabytes(package)}
        for name, package in IMPORTS.items()
    }
    found["command_s"] = time_command(model, circles[EXACT])
    return found | {"gradients": needs_gradients()}


def markdown(found: dict[str, Any]) -> str:
    """The tables."""
    on = found["machine"]
    faster = [
        [what, *(row[name] for name in RUNTIMES), *(row[EXACT] / row[n] for n in RUNTIMES[1:])]
        for what, row in found["milliseconds"].items()
    ]
    apart = [
        [what.partition(",")[0], *(f"{row[f'{name}, off']:.2g}" for name in RUNTIMES[1:])]
        for what, row in found["milliseconds"].items()
        if f"{RUNTIMES[1]}, off" in row
    ]
    packages = [[name, one["import_s"], one["mb"]] for name, one in found["packages"].items()]
    commands = [list(one) for one in found["command_s"].items()]
    quotients = [f"{name}: times faster" for name in RUNTIMES[1:]]
    return (
        f"{on['cpu']}, {on['threads']} thread, load before the run {on.get('load')}; torch "
        f"{on['torch']}.\n\n"
        + markdown_table(["milliseconds, of so many faces", *RUNTIMES, *quotients], faster)
        + "\nHow far a runtime is from torch in float32, at most (pictures in [-1, 1], embeddings, "
        "codes), one face:\n\n"
        + markdown_table(["what", *RUNTIMES[1:]], apart)
        + "\n"
        + markdown_table(["package", "import, s", "MB"], packages)
        + "\n"
        + markdown_table(["`istrc edit` of a photograph", "s, start to end"], commands)
        + "\nFiles that need gradients through networks: "
        + ", ".join(f"`{path}`" for path in found["gradients"])
        + ".\n"
    )


def main(arguments: list[str] | None = None) -> None:
    command = Study("runtimes", __doc__)
    command.parser.add_argument("--threads", type=int, default=1, help="of a network")
    given = command.parse(arguments)
    command.finish("runtimes", study(given.model, given.threads), markdown)


if __name__ == "__main__":
    main()
