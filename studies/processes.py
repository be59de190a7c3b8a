"""How training goes faster with processes: measured here on one and two, estimated for GPUs.

    python -m studies.processes PREPARED --json results/fabric.json --markdown docs/processes.md

FaceNet is trained for some steps by `torchrun ... istrc train facenet`, with the same whole batch
however many processes share it. What GPUs would take is an estimate from what was counted: the
arithmetic of a step, and the bytes of the gradients, all of which are exchanged after it.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from studies.training import GPU_LAUNCH, GPU_PEAK, GPU_REACHED

from istrc.errors import IstrcError
from istrc.evaluation.machine import machine
from istrc.evaluation.results import markdown_table, plain, write_results, write_text
from istrc.training.cost import read

COUNTS = (1, 2)
GPUS = (1, 2, 8, 64)
INSIDE, BETWEEN = 450e9, 50e9  # bytes a second that a GPU sends: NVLink 4; 400 Gb/s of a network
NODE = 8  # GPUs of a machine


def measured(data: str, count: int, steps: int, options: list[str], run: Path) -> dict[str, Any]:
    """A training by so many processes: seconds of its steps, and what was counted in one."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = ["-m", "istrc", "train", "facenet", data, str(run), "--steps", str(steps), *options]
    done = subprocess.run(
        [*torchrun, f"--nproc-per-node={count}", *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise IstrcError(f"{count} processes: {' '.join(done.stderr.split())[-600:]}")
    spent = read(run)
    return {**spent, "seconds_a_step": spent["seconds"] / spent["steps"]}


def gradient_bytes(run: Path) -> int:
    """What a process sends of a step's gradients: four bytes a weight."""
    with safe_open(run / "checkpoint.safetensors", framework="np") as file:
        sizes = [file.get_slice(k).get_shape() for k in file.keys() if k.startswith("module/net/")]
    return 4 * sum(math.prod(shape) for shape in sizes)


def estimated(operations: float, calls: int, sent: int, count: int) -> float:
    """Seconds of a step of so many GPUs: its arithmetic, then a ring's exchange of gradients."""
    work = max(operations / count / (GPU_REACHED * GPU_PEAK), calls * GPU_LAUNCH)
    exchange = 2 * (count - 1) / count * sent / (INSIDE if count <= NODE else BETWEEN)
    return work + exchange


def study(data: str, steps: int, options: list[str]) -> dict[str, Any]:
    """`measured` for each of COUNTS with their speed-up, and `gpus`, seconds a step of each."""
    found: dict[str, Any] = {"machine": machine(torch.device("cpu")), "processes": {}}
    with tempfile.TemporaryDirectory() as folder:
        for count in COUNTS:
            run = Path(folder) / str(count)
            found["processes"][str(count)] = measured(data, count, steps, options, run)
        sent = gradient_bytes(Path(folder) / str(COUNTS[0]))
    alone = found["processes"][str(COUNTS[0])]
    for one in found["processes"].values():
        one["faster"] = alone["seconds_a_step"] / one["seconds_a_step"]
    counted = alone["operations"], alone["calls"], sent
    found["gpus"] = {str(count): estimated(*counted, count) for count in GPUS}
    return {**found, "gradient_bytes": sent}


def markdown(found: dict[str, Any]) -> str:
    """Both tables."""
    here = [
        [count, one["steps"], one["seconds_a_step"], one["faster"]]
        for count, one in found["processes"].items()
    ]
    gpus = found["gpus"]
    there = [[count, 1e3 * seconds, gpus["1"] / seconds] for count, seconds in gpus.items()]
    on = found["machine"]
    return (
        f"Measured on {on['cores']} cores of {on['cpu']}, whose load before was "
        f"{found['load']:.1f}:\n\n"
        + markdown_table(["processes", "steps", "seconds a step", "times faster"], here)
        + f"\nEstimated, not measured, from {found['gradient_bytes'] / 1e6:.1f} MB of gradients "
        "and the counted arithmetic, as `studies.training` has it, the exchange after it and not "
        f"beside it ({INSIDE / 1e9:.0f} GB/s within {NODE} GPUs, {BETWEEN / 1e9:.0f} beyond):\n\n"
        + markdown_table(["GPUs", "milliseconds a step", "times faster"], there)
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m studies.processes", description=__doc__)
    parser.add_argument("data", help="a prepared folder")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--options", default="", help="further ones of istrc train facenet")
    parser.add_argument("--json", help="write the results here")
    parser.add_argument("--markdown", help="write the tables here")
    given = parser.parse_args(arguments)
    found = study(given.data, given.steps, given.options.split())
    table = markdown(plain(found))
    print(table)
    if given.json:
        command = ["python", "-m", "studies.processes", *(arguments or sys.argv[1:])]
        write_results(given.json, {"fabric": found}, command=command)
    if given.markdown:
        write_text(given.markdown, table)


if __name__ == "__main__":
    main()
