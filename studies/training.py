r"""What training a circle took, part by part, and what the same work would take on a GPU.

    python -m studies.training runs/mine --json results/training.json \
        --markdown docs/results/training.md

The runs of `istrc train all` keep their seconds, and the arithmetic of one step, counted
(istrc.training.cost). Beside them stands what the machine's matrix product does at its best; and
the same steps on a data-centre GPU are projected from what was counted, by stated assumptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from studies.command import Study

from istrc.errors import InputError
from istrc.evaluation.machine import Clock, machine
from istrc.evaluation.results import markdown_table
from istrc.training.cost import read
from istrc.training.settings import OLD_PARTS

# In the order in which they are trained; `spaces` embeds and encodes every face for those after it
RUNS = {
    "landmarks/rough": "landmarks, roughly",
    "landmarks/fine": "landmarks, exactly",
    "textures": "shape-free faces",
    "facenet": "FaceNet",
    "began": "BEGAN",
    "spaces": "both spaces",
    "mapping": "mapping",
    "attributes": "classifiers",
    "changes": "changes",
    "probes": "probes",
    "stopping": "where edits stop",
}
# NVIDIA H100 SXM, bfloat16 without sparsity, as its data sheet has it. Networks this small reach a
# small part of it, and each operator costs the host what launching it costs, whatever its size.
GPU_PEAK = 989e12  # operations a second
GPU_REACHED = 0.1  # part of the peak
GPU_LAUNCH = 10e-6  # seconds an operator, forward, backward and optimiser alike


def evaluate_training(
    folder: str | Path,  # a circle that `istrc train all` wrote, with its runs
    clock: Clock,
    *,
    side: int = 2048,  # of the matrices whose product is the machine's peak
) -> dict[str, Any]:
    """Read what each run took and measure the machine's peak beside it, where it was trained.

    Returns `runs`, for each its `steps`, `seconds` (all of it), `beside_seconds` (the part of them
    that was no step), and of what has steps `operations` and `calls` of a step, `share_of_peak`
    (bfloat16; with what is measured on the way, so that it is a lower bound), and `gpu_seconds`;
    their sums as `seconds` and `gpu_seconds`, and `machine`, `peak_per_s`.

    Raises InputError where nothing was kept.
    """
    folder = Path(folder)
    found = {name: read(folder / "runs" / name) for name in (*RUNS, *OLD_PARTS)}
    found = {OLD_PARTS.get(name, name): cost for name, cost in found.items() if cost}
    if not found:
        raise InputError(
            f"{folder}: keeps no record of its training (runs/*/cost.json); give the folder that "
            "istrc train all made"
        )
    # Operations a second of a matrix product in bfloat16, at its best
    a, b = (torch.randn(side, side, device=clock.device).bfloat16() for _ in range(2))
    out = torch.empty_like(a)
    reached = 2 * side**3 / min(clock.times(lambda: torch.mm(a, b, out=out)))
    runs = {name: _summary(cost, reached) for name, cost in found.items()}
    return {
        "runs": runs,
        "seconds": sum(run["seconds"] for run in runs.values()),
        "gpu_seconds": sum(run["gpu_seconds"] for run in runs.values()),
        "gpu": {"peak": GPU_PEAK, "reached": GPU_REACHED, "launch_s": GPU_LAUNCH},
        "peak_per_s": reached,
        "machine": machine(clock.device),
    }


def _summary(cost: Mapping[str, Any], peak: float) -> dict[str, Any]:
    beside = cost.get("beside_seconds", 0.0)
    result = {"seconds": cost.get("seconds", 0.0) + beside, "beside_seconds": beside}
    result["gpu_seconds"] = beside  # as it is: it is mostly the processor's
    if "steps" in cost:
        result["steps"] = cost["steps"]
    if "operations" in cost:
        operations, calls = cost["operations"], cost["calls"]
        each = max(operations / (GPU_PEAK * GPU_REACHED), calls * GPU_LAUNCH)
        result |= {"operations": operations, "calls": calls}
        result["share_of_peak"] = operations * cost["steps"] / cost["seconds"] / peak
        result["gpu_seconds"] += each * cost["steps"]
    return result


def training_markdown(found: Mapping[str, Any]) -> str:
    """A row for each part, and the sums."""
    header = [
        "part", "steps", "minutes", "besides its steps", "billion operations a step",
        "operators a step", "of the product's peak", "minutes on a GPU, projected",
    ]  # fmt: skip
    runs = {RUNS[name]: run for name, run in found["runs"].items()}
    runs["all"] = {key: found[key] for key in ("seconds", "gpu_seconds")}
    kinds = {
        "steps": lambda steps: f"{steps:,}",
        "seconds": lambda seconds: f"{seconds / 60:.1f}",
        "beside_seconds": lambda seconds: f"{seconds / 60:.1f}",
        "operations": lambda operations: f"{operations / 1e9:.1f}",
        "calls": lambda calls: f"{calls:,}",
        "share_of_peak": lambda share: f"{100 * share:.0f} %",
        "gpu_seconds": lambda seconds: f"{seconds / 60:.1f}",
    }
    rows = [
        [name, *(tell(run[key]) if key in run else None for key, tell in kinds.items())]
        for name, run in runs.items()
    ]
    on, gpu, peak = found["machine"], found["gpu"], found["peak_per_s"]
    return (
        markdown_table(header, rows)
        + f"\nBy `istrc train all`, on {on['cores']} cores of {on['cpu']}, in bfloat16; what is "
        "measured on held-out faces on the way is in it. Operations are the "
        "multiplications and additions of matrix products and convolutions, forward and backward, "
        f"counted in one step; the product's peak was measured there: {peak / 1e9:.0f} GFLOP/s. "
        f"The GPU's time is a projection, not a measurement: {100 * gpu['reached']:.0f} % of "
        f"{gpu['peak'] / 1e12:.0f} TFLOP/s (an H100's bfloat16, as its data sheet has it) or "
        f"{1e6 * gpu['launch_s']:.0f} microseconds an operator, whichever is more, and what is no "
        "step as it is here.\n"
    )


def main(arguments: list[str] | None = None) -> None:
    study = Study("training", __doc__, model=False)
    study.parser.add_argument("circle", help="the folder that istrc train all made")
    given = study.parse(arguments)
    found = evaluate_training(given.circle, Clock(torch.device(given.device)))
    study.finish("training", found, training_markdown)


if __name__ == "__main__":
    main()
