"""How training goes faster with processes: measured here on one and two, estimated for GPUs.

    python -m studies.processes PREPARED --json results/fabric.json

FaceNet is trained for some steps by `istrc train facenet` in processes that `torchrun` starts, with
the same whole batch however many of one thread each share it; they take turns. The clock tells what
a step took beside all other work on the machine; the processor's seconds of each process tell what
it would take on a core of its own, without the waiting for the others. What the machine allows is
told by processes that share nothing and train at once, each with the whole batch. What GPUs would
take is an estimate from what was counted: the arithmetic of a step, and the bytes of the gradients,
all of which are exchanged after it.
"""

from __future__ import annotations

import argparse
import math
import os
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors import safe_open
from studies.training import GPU_LAUNCH, GPU_PEAK, GPU_REACHED

from istrc.cli.train import ALLOCATOR, app
from istrc.errors import IstrcError
from istrc.evaluation.machine import machine
from istrc.evaluation.results import markdown_table, plain, write_results, write_text
from istrc.training import processes
from istrc.training.cost import read
from istrc.whole import read_json, write_json

COUNTS = (1, 2)
MEASURES = ("clock", "processor")
WARM = 2  # steps, of a training beyond which another is measured
GPUS = (1, 2, 8, 64)
INSIDE, BETWEEN = 450e9, 50e9  # bytes a second that a GPU sends: NVLink 4; 400 Gb/s of a network
NODE = 8  # GPUs of a machine


def measured(data: str, count: int, steps: int, options: list[str], run: Path) -> dict[str, Any]:
    """A training by so many processes: the `clock` and the `processor`, seconds a step, of that
    which took most, and what was counted in a step.
    """
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    share = ["-m", "studies.processes", data, f"--share={run}", f"--steps={steps}"]
    done = subprocess.run(
        [*torchrun, f"--nproc-per-node={count}", *share, f"--options={' '.join(options)}"],
        env={
            **os.environ,
            **ALLOCATOR,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise IstrcError(f"{count} processes: {' '.join(done.stderr.split())[-600:]}")
    shares = [read_json(file) for file in run.glob("share*.json")]
    return {**read(run / "long"), **{key: max(one[key] for one in shares) for key in MEASURES}}


def at_once(data: str, count: int, steps: int, options: list[str], run: Path) -> float:
    """Seconds a step of so many trainings at once that share nothing, each of one process."""
    runs = [run / str(number) for number in range(count)]
    with ThreadPoolExecutor(count) as pool:
        found = pool.map(lambda one: measured(data, 1, steps, options, one), runs)
        return max(one["clock"] for one in found)


def train_share(data: str, steps: int, options: list[str], run: Path) -> None:
    """One of the processes: trains, and writes its `MEASURES` of a step into the folder.

    They are what a longer training takes beyond a short one, as both are measured and count one
    step alike; one before them loads what is loaded once.
    """
    took: list[tuple[float, float]] = []
    for name, length in (("first", WARM), ("short", WARM), ("long", WARM + steps)):
        begun = time.monotonic(), time.process_time()
        asked = ["facenet", data, str(run / name), "--steps", str(length), *options]
        app(asked, standalone_mode=False)
        took.append((time.monotonic() - begun[0], time.process_time() - begun[1]))
    beyond = [(long - short) / steps for short, long in zip(*took[1:], strict=True)]
    file = run / f"share{processes.rank()}.json"
    write_json(file, dict(zip(MEASURES, beyond, strict=True)))


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
    """`measured` for each of COUNTS in turns: of each measure the median, every one as `each`, and
    how many times faster than one process, the median of the rounds' own; `gpus`, seconds a step
    where they share the batch, and where each has one of its own; `allowed`, how many times more
    the machine does where the most processes share nothing.
    """
    found: dict[str, Any] = {"machine": machine(torch.device("cpu")), "processes": {}}
    took: dict[int, list[dict[str, Any]]] = {count: [] for count in COUNTS}
    allowed: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for count in COUNTS:
                run = Path(folder) / f"{count}-{turn}"
                one = measured(data, count, steps, options, run)
                took[count].append(one)
                print(f"{count} processes: {one}", file=sys.stderr)
            apart = at_once(data, COUNTS[-1], steps, options, Path(folder) / f"apart-{turn}")
            allowed.append(COUNTS[-1] * took[COUNTS[0]][-1]["clock"] / apart)
        sent = gradient_bytes(run / "long")
    for count, runs in took.items():
        of = found["processes"][str(count)] = {}
        for name in MEASURES:
            each = [one[name] for one in runs]
            faster = [first[name] / own for first, own in zip(took[COUNTS[0]], each, strict=True)]
            of[name] = dict(median=median(each), each=each, faster=median(faster))
    work, calls = (took[COUNTS[0]][0][name] for name in ("operations", "calls"))
    found["gpus"] = {
        str(count): {
            "shared": estimated(work, calls, sent, count),
            "own": estimated(work * count, calls, sent, count),
        }
        for count in GPUS
    }
    found |= dict(operations=work, calls=calls, gradient_bytes=sent)
    found["allowed"] = {"median": median(allowed), "each": allowed}
    return {**found, "rounds": rounds, "steps": steps, "load_after": os.getloadavg()[0]}


def processes_markdown(found: dict[str, Any]) -> str:
    """Both tables of docs/studies/processes.md."""
    here = []
    for count, one in found["processes"].items():
        row = [count]
        for name in MEASURES:
            first = found["processes"][str(COUNTS[0])][name]["each"]
            faster = [a / b for a, b in zip(first, one[name]["each"], strict=True)]
            row += [one[name]["median"], one[name]["faster"]]
            row.append(f"{min(faster):.2f} to {max(faster):.2f}")
        here.append(row)
    gpus = found["gpus"]
    there = []
    for count, one in sorted(gpus.items(), key=lambda item: int(item[0])):
        row = [1e3 * one["shared"], gpus["1"]["shared"] / one["shared"]]
        row += [1e3 * one["own"], int(count) * gpus["1"]["own"] / one["own"]]
        there.append([count, *row])
    on, allowed = found["machine"], found["allowed"]
    columns = ["processes", "seconds a step", "times faster", "in the rounds"]
    columns += ["of the processor's, each", "times less", "in the rounds"]
    return (
        f"Measured {found['rounds']} times in turns, each process on one thread, on {on['cores']} "
        f"cores of {on['cpu']}, which had other work (load {on['load']:.1f} before, "
        f"{found['load_after']:.1f} after); the medians:\n\n"
        + markdown_table(columns, here)
        + f"\n{COUNTS[-1]} trainings at once that share nothing do {allowed['median']:.2f} times "
        f"what one does ({min(allowed['each']):.2f} to {max(allowed['each']):.2f}): more than that "
        "the machine does not allow.\n"
        + f"\nEstimated, not measured, from {found['gradient_bytes'] / 1e6:.1f} MB of gradients "
        f"and {found['operations'] / 1e9:.0f} billion operations of a step, as `studies.training` "
        "has it, the exchange after it and not beside it "
        f"({INSIDE / 1e9:.0f} GB/s within {NODE} GPUs, {BETWEEN / 1e9:.0f} beyond):\n\n"
        + markdown_table(
            ["GPUs", "milliseconds a step", "times faster", "a batch each", "times more pictures"],
            there,
        )
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m studies.processes", description=__doc__)
    parser.add_argument("data", help="a prepared folder")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians count")
    parser.add_argument("--options", default="", help="further ones of istrc train facenet")
    parser.add_argument("--json", help="write the results here")
    parser.add_argument("--markdown", help="write the tables here")
    parser.add_argument("--share", help=argparse.SUPPRESS)  # one of the processes: its folder
    given = parser.parse_args(arguments)
    if given.share:
        train_share(given.data, given.steps, given.options.split(), Path(given.share))
        return
    found = study(given.data, given.steps, given.options.split(), given.rounds)
    table = processes_markdown(plain(found))
    print(table)
    if given.json:
        command = shlex.join(["python", "-m", "studies.processes", *(arguments or sys.argv[1:])])
        write_results(given.json, {"fabric": found}, command=command)
    if given.markdown:
        write_text(given.markdown, table)


if __name__ == "__main__":
    main()
