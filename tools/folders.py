"""How fast a folder is worked through, beside the networks alone, and the memory that it takes.

    python tools/folders.py --json results/folders.json

Whole commands are timed, each in a process of its own from its start to its end, on aligned
pictures of nobody: faces that the model drew, each with noise of its own, so that no two files are
the same. The networks' own rate is that of the same faces in memory, many together, of which only
the seconds inside the networks count. Both use as many threads as there are cores, and take turns.
Where other work is on the machine the shares of the processor's seconds tell more than the clock's.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from istrc.errors import IstrcError
from istrc.runtime import cores

if TYPE_CHECKING:
    import numpy as np

FACES = 32  # that are drawn
NOISE = 6  # levels that a pixel's value is off by at most
TIMES = {"embed": 10, "edit": 1, "reconstruct": 3}  # as many pictures: they are quicker
SMALL = 4  # the small folder has a so-manieth of the large one's pictures
# Runs a command; its seconds, the processor's, and the most memory in MB (Linux counts in KB)
BETWEEN = """
import resource, subprocess, sys, time
begun = time.monotonic()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)
sys.exit(done.returncode)
"""
COMMANDS = {
    "embed": ["embed", "--aligned"],
    "edit": ["edit", "--aligned", "-a", "smile=1"],
    "reconstruct": ["reconstruct", "--aligned"],
}


def draw_folder(circle: Any, folder: Path, count: int) -> np.ndarray:
    """So many JPEGs in CelebA's aligned frame, 178x218; the crops (FACES, S, S, 3) in them."""
    import numpy as np
    from PIL import Image

    from istrc.arrays import numpy
    from istrc.data.prepared import to_pixels
    from istrc.shape.crop import CROP, FRAME_SIZE

    rng = np.random.default_rng(0)
    z = rng.normal(size=(FACES, circle.dim)).astype(np.float32)
    crops = to_pixels(numpy(circle.decode(z / np.linalg.norm(z, axis=1, keepdims=True))))
    (width, height), (left, top, right, bottom) = FRAME_SIZE, CROP
    around = ((top, height - bottom), (left, width - right), (0, 0))
    folder.mkdir()
    for number in range(count):
        picture = np.pad(crops[number % FACES], around, mode="edge").astype(np.int16)
        picture += rng.integers(-NOISE, NOISE + 1, picture.shape, np.int16)
        file = folder / f"{number:05d}.jpg"
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(file, quality=95)
    return crops


def whole_command(name: str, folder: Path, out: Path) -> dict[str, float]:
    """One command over a folder: seconds of the clock and of the processor, and the most memory."""
    command, *options = COMMANDS[name]
    target = out / "z.npy" if name == "embed" else out / name
    line = [sys.executable, "-m", "istrc", command, str(folder), *options, "-o", str(target)]
    line += [] if name == "embed" else ["--again"]
    # By a small process between: Linux counts what a program's parent held as the program's own
    done = subprocess.run([sys.executable, "-c", BETWEEN, *line], capture_output=True, text=True)
    if done.returncode:
        raise IstrcError(f"istrc {name}: {done.stderr.strip()[-300:]}")
    return dict(zip(("seconds", "cpu_seconds", "mb"), map(float, done.stdout.split()), strict=True))


def networks_alone(circle: Any, name: str, crops: np.ndarray) -> tuple[float, float]:
    """What the networks of a command take a face, as many together as the command has: seconds of
    the clock, and of the processor.
    """
    from istrc.cli.photographs import AT_ONCE, TOGETHER
    from istrc.data.prepared import to_array
    from istrc.face import Face, edited, rebuilt
    from istrc.photo.picture import Picture

    def once(some: np.ndarray) -> None:
        x = to_array(some)
        z = circle.embed(x)
        if name == "embed":
            return
        frame: Any = None  # nothing is put into a photograph here
        faces = [
            Face(circle, Path(), Picture(some[row]), frame, x[row : row + 1], z[row : row + 1])
            for row in range(len(x))
        ]
        if name == "edit":
            edited(faces, {"smile": 1.0})
        else:
            rebuilt(faces)

    size = TOGETHER if name == "embed" else AT_ONCE
    with inside_networks() as spent:
        for start in range(0, len(crops), size):
            once(crops[start : start + size])
    return spent["seconds"] / len(crops), spent["cpu_seconds"] / len(crops)


@contextlib.contextmanager
def inside_networks() -> Iterator[dict[str, float]]:
    """From here on the seconds inside networks are counted."""
    from istrc.onnx_runtime.graphs import Graphs

    run, spent = Graphs.run, {"seconds": 0.0, "cpu_seconds": 0.0}

    def timed(self: Graphs, *given: Any, **inputs: Any) -> Any:
        begun, worked = time.perf_counter(), time.process_time()
        try:
            return run(self, *given, **inputs)
        finally:
            spent["seconds"] += time.perf_counter() - begun
            spent["cpu_seconds"] += time.process_time() - worked

    Graphs.run = timed  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        Graphs.run = run  # type: ignore[method-assign]


def measure(name: str, circle: Any, crops: np.ndarray, folders: list[Path], rounds: int) -> dict:
    """A command on the large folder and the networks alone in turns; once on the small folder."""
    small, large = folders
    runs, alone = [], []
    with tempfile.TemporaryDirectory() as out:
        networks_alone(circle, name, crops[:8])  # sessions are made, memory is there
        little = whole_command(name, small, Path(out))
        for _ in range(rounds):
            alone.append(networks_alone(circle, name, crops))
            runs.append(whole_command(name, large, Path(out)))
    count, fewer = (len(list(folder.iterdir())) for folder in (large, small))
    run = {key: median(one[key] for one in runs) for key in runs[0]}
    seconds, worked = (median(values) for values in zip(*alone, strict=True))
    return {
        "pictures": count,
        "rounds": rounds,
        "rate": count / run["seconds"],
        "networks_rate": 1 / seconds,
        "share": seconds * count / run["seconds"],
        "cpu_seconds": run["cpu_seconds"] / count,
        "networks_cpu_seconds": worked,
        "cpu_share": worked * count / run["cpu_seconds"],
        "mb": {str(fewer): little["mb"], str(count): run["mb"]},
    }


def folders_markdown(found: dict[str, Any]) -> str:
    """The table of docs/results.md."""
    from istrc.evaluation.results import markdown_table

    rows = []
    for name in COMMANDS:
        if one := found.get(name):
            sizes = sorted(one["mb"], key=int)
            peaks = " / ".join(f"{one['mb'][size]:.0f}" for size in sizes)
            numbers = [f"{one[key]:.1f}" for key in ("rate", "networks_rate")]
            folder = " / ".join(sizes)
            shares = [f"{one[key]:.2f}" for key in ("share", "cpu_share")]
            rows.append([name, *numbers, *shares, f"{peaks} ({folder})"])
    heads = ["pictures a second", "the networks alone", "share", "of the processor's seconds"]
    heads.append("most MB (of so many pictures)")
    return markdown_table(["`istrc ... FOLDER --aligned`", *heads], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=200, help="edited; more for the others")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians count")
    parser.add_argument("--only", choices=COMMANDS, action="append", help="these commands alone")
    parser.add_argument("--json", required=True)
    given = parser.parse_args()
    # As the commands have it; asked before NumPy is imported
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from istrc.circle import Circle
    from istrc.evaluation.results import write_results

    circle = Circle.from_pretrained(runtime="onnx")
    found: dict[str, Any] = {"cores": cores(), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as made:
        for name in given.only or COMMANDS:
            count = given.pictures * TIMES[name]
            both = [Path(made, f"{name}-{some}") for some in (count // SMALL, count)]
            for some, folder in zip((count // SMALL, count), both, strict=True):
                crops = draw_folder(circle, folder, some)
            found[name] = measure(name, circle, crops, both, given.rounds)
            print(f"{name}: {found[name]}", file=sys.stderr)
    command = ["python", "tools/folders.py", *sys.argv[1:]]
    write_results(given.json, {"folders": found}, command=command)
    print(folders_markdown(found), file=sys.stderr)


if __name__ == "__main__":
    main()
