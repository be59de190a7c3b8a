"""How training goes faster with processes: measured here on one and two, estimated for GPUs.

    python -m studies.processes PREPARED --json results/fabric.json

FaceNet is trained for some steps by `torchrun ... istrc train facenet`, with the same whole batch
however many processes of one thread each share it; they take turns. What GPUs would take is an
estimate from what was counted: the arithmetic of a step, and the bytes of the gradients, all of
which are exchanged after it.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors import safe_open
from studies.training import GPU_LAUNCH, GPU_PEAK, GPU_REACHED

from istrc.errors import InputError, IstrcError
from istrc.evaluation.machine import machine
from istrc.evaluation.results import markdown_table, plain, write_results, write_text
from istrc.training.cost import read

COUNTS = (1, 2)
GPUS = (1, 2, 8, 64)
INSIDE, BETWEEN = 450e9, 50e9  # bytes a second that a GPU sends: NVLink 4; 400 Gb/s of a network
NODE = 8  # GPUs of a machine


def measured(data: str, count: int, steps: int, options: list[str], run: Path) -> dict[str, Any]:
    """A training by so many processes: `seconds_a_step`, and what was counted in one."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = ["-m", "istrc", "train", "facenet", data, str(run), "--steps", str(steps), *options]
    done = subprocess.run(
        [*torchrun, f"--nproc-per-node={count}", *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise IstrcError(f"{count} processes: {' '.join(done.stderr.split())[-600:]}")
    return {**read(run), "seconds_a_step": pace(run)}


def pace(run: Path) -> float:
    """Seconds a step between the first line of a run's log and the last: neither what was counted
    in the first step nor what was measured after the last is in it.

    Raises InputError where there is one line.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    lines = EventAccumulator(str(run / "log")).Reload().Scalars("train/loss")
    first, last = lines[0], lines[-1]
    if last.step == first.step:
        raise InputError("too few steps: the log has a line each 20, and two are needed")
    return (last.wall_time - first.wall_time) / (last.step - first.step)


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


def study(data: str, steps: int, options: list[str], rounds: int) -> dict[str, Any]:
    """`measured` for each of COUNTS in turns: the medians of their seconds, every one as `each`,
    and how many times `faster`, the median of the rounds' own; `gpus`, seconds a step of each.
    """
    found: dict[str, Any] = {"machine": machine(torch.device("cpu")), "processes": {}}
    took: dict[int, list[float]] = {count: [] for count in COUNTS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for count in COUNTS:
                run = Path(folder) / f"{count}-{turn}"
                one = measured(data, count, steps, options, run)
                took[count].append(one["seconds_a_step"])
                found["processes"][str(count)] = one
                print(f"{count} processes: {one['seconds_a_step']:.3f} s a step", file=sys.stderr)
        sent = gradient_bytes(run)
    for count, each in took.items():
        faster = median(a / b for a, b in zip(took[COUNTS[0]], each, strict=True))
        own = dict(seconds_a_step=median(each), each=each, faster=faster)
        found["processes"][str(count)] |= own
    alone = found["processes"][str(COUNTS[0])]
    counted = alone["operations"], alone["calls"], sent
    found["gpus"] = {str(count): estimated(*counted, count) for count in GPUS}
    found |= dict(rounds=rounds, gradient_bytes=sent, load_after=os.getloadavg()[0])
    return found


def processes_markdown(found: dict[str, Any]) -> str:
    """Both tables of docs/scaling.md."""
    here = [
        [count, one["seconds_a_step"], min(one["each"]), max(one["each"]), one["faster"]]
        for count, one in found["processes"].items()
    ]
    gpus = found["gpus"]
    there = [[count, 1e3 * seconds, gpus["1"] / seconds] for count, seconds in gpus.items()]
    on = found["machine"]
    return (
        f"Measured {found['rounds']} times in turns, each process on one thread, on {on['cores']} "
        f"cores of {on['cpu']}, that had other work (load {on['load']:.1f} before, "
        f"{found['load_after']:.1f} after); the medians:\n\n"
        + markdown_table(["processes", "seconds a step", "least", "most", "times faster"], here)
        + f"\nEstimated, not measured, from {found['gradient_bytes'] / 1e6:.1f} MB of gradients "
        "and the counted arithmetic, as `studies.training` has it, the exchange after it and not "
        f"beside it ({INSIDE / 1e9:.0f} GB/s within {NODE} GPUs, {BETWEEN / 1e9:.0f} beyond):\n\n"
        + markdown_table(["GPUs", "milliseconds a step", "times faster"], there)
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m studies.processes", description=__doc__)
    parser.add_argument("data", help="a prepared folder")
    parser.add_argument("--steps", type=int, default=60, help="40 or more")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians count")
    parser.add_argument("--options", default="", help="further ones of istrc train facenet")
    parser.add_argument("--json", help="write the results here")
    parser.add_argument("--markdown", help="write the tables here")
    given = parser.parse_args(arguments)
    found = study(given.data, given.steps, given.options.split(), given.rounds)
    table = processes_markdown(plain(found))
    print(table)
    if given.json:
        command = ["python", "-m", "studies.processes", *(arguments or sys.argv[1:])]
        write_results(given.json, {"fabric": found}, command=command)
    if given.markdown:
        write_text(given.markdown, table)


if __name__ == "__main__":
    main()
