"""How fast Ray's workers go through a folder beside this command's own, on one machine.

    python tools/bulk.py --json results/bulk.json

`istrc embed FOLDER --aligned --jobs 2`, plain and with `--engine ray`, whole commands in processes
of their own that take turns. The seconds of a small folder, in which each worker has one batch, are
what starting takes; what the large one takes beyond them is the work.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from tools.folders import draw_folder

from istrc.cli.photographs import TOGETHER
from istrc.errors import IstrcError
from istrc.runtime import cores

ENGINES = ("plain", "ray")
JOBS = 2


def seconds(engine: str, folder: Path, out: Path) -> float:
    """What the command takes, from its start to its end. Raises IstrcError where it fails."""
    line = [sys.executable, "-m", "istrc", "embed", str(folder), "--aligned", "-o", str(out)]
    begun = time.monotonic()
    done = subprocess.run(
        [*line, "--jobs", str(JOBS), "--engine", engine], capture_output=True, text=True
    )
    if done.returncode:
        raise IstrcError(f"istrc embed --engine {engine}: {done.stderr.strip()[-300:]}")
    return time.monotonic() - begun


def measure(pictures: int, rounds: int) -> dict[str, Any]:
    """Both engines on both folders in turns; the medians of their seconds, and Ray's over plain's:
    `whole`, of the commands, and `work`, of what the large folder takes beyond the small one. Each
    is the median of the rounds' own, whose commands had the same company.
    """
    import numpy as np

    from istrc.circle import Circle

    circle = Circle.from_pretrained(runtime="onnx")
    sizes = {"small": JOBS * TOGETHER, "large": pictures}
    took: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as made:
        for name, count in sizes.items():
            draw_folder(circle, Path(made, name), count)
        for _ in range(rounds):
            took.append({engine: {} for engine in ENGINES})
            for name in sizes:
                for engine in ENGINES:
                    out = Path(made, f"{engine}.npy")
                    took[-1][engine][name] = seconds(engine, Path(made, name), out)
                plain, ray = (np.load(Path(made, f"{engine}.npy")) for engine in ENGINES)
                if not np.array_equal(plain, ray):
                    raise IstrcError("both engines must give the same embeddings")
            print(took[-1], file=sys.stderr)

    def over(number: Any) -> float:
        return median(number(one["ray"]) / number(one["plain"]) for one in took)

    return {
        "pictures": sizes,
        "rounds": rounds,
        "jobs": JOBS,
        "cores": cores(),
        "load": os.getloadavg()[0],
        "seconds": {
            engine: {name: median(one[engine][name] for one in took) for name in sizes}
            for engine in ENGINES
        },
        "every": took,
        "whole": over(lambda one: one["large"]),
        "work": over(lambda one: one["large"] - one["small"]),
    }


def bulk_markdown(found: dict[str, Any]) -> str:
    """The table of docs/results.md."""
    from istrc.evaluation.results import markdown_table

    sizes = found["pictures"]
    head = [f"`istrc embed --jobs {found['jobs']}`, seconds"]
    head += [f"{sizes['small']} pictures", f"{sizes['large']}", "beyond the small folder"]
    rows = [
        [engine, one["small"], one["large"], one["large"] - one["small"]]
        for engine, one in found["seconds"].items()
    ]
    rows.append(["ray over plain", None, found["whole"], found["work"]])
    return markdown_table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=40 * TOGETHER, help="of the large folder")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians count")
    parser.add_argument("--json", required=True)
    given = parser.parse_args()
    from istrc.evaluation.results import write_results

    found = measure(given.pictures, given.rounds)
    command = ["python", "tools/bulk.py", *sys.argv[1:]]
    write_results(given.json, {"bulk": found}, command=command)
    print(bulk_markdown(found))


if __name__ == "__main__":
    main()
