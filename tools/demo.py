"""`make demo`: edit a photograph that an installed package ships, and show walks of it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from istrc.circle import Circle
from istrc.errors import IstrcError
from istrc.figures import Row, strip
from istrc.photo.write import write_picture
from istrc.runtime import cores
from istrc.shipped import DEFAULT
from istrc.verbs.strips import walk_row

EDITS: dict[str, dict[str, Any]] = {
    "smile-off": {"smile": -1},
    "mouth-shut": {"mouth_open": -1},
    "big-eyes": {"big_eyes": +1},
    "older": {"young": -1},
    "made-up": {"makeup": +1},
    "mouth-shut-and-makeup": {"mouth_open": -1, "makeup": +1},
}
WALKS = {"smile": -1, "mouth_open": -1, "big_eyes": +1, "young": -1, "makeup": +1, "male": +1}


def run(out: Path, model: str = DEFAULT, device: str = "cpu") -> dict[str, Any]:
    """Write the photograph, its edits and one strip of walks into `out`; what it took.

    Raises IstrcError when the weights are missing, or scikit-image, whose photograph it is.
    """
    started = time.monotonic()
    try:
        from skimage.data import astronaut
    except ImportError:
        raise IstrcError(
            "the demo's photograph is in scikit-image: pip install 'istrc[demo]'"
        ) from None
    # Eileen Collins, photographed by NASA: public domain
    photograph = out / "astronaut.png"
    out.mkdir(parents=True, exist_ok=True)
    write_picture(None, astronaut(), photograph)

    circle = Circle.from_pretrained(model, device=device)
    face = circle.read(photograph)
    ready = time.monotonic()
    written = [photograph]
    for name, strengths in EDITS.items():
        written.append(out / f"{name}.png")
        face.edit(**strengths).save(written[-1])
    edited_at = time.monotonic()

    rows: list[Row] = [
        walk_row(face, name, strength, frames=7)[0] for name, strength in WALKS.items()
    ]
    written.append(out / "walks.jpg")
    write_picture(None, np.asarray(strip(rows)), written[-1])
    done = time.monotonic()

    cold = cold_start(photograph, out / "from-the-command-line.png", model)
    written.append(out / "from-the-command-line.png")

    print(f"read, aligned and embedded in {ready - started:.1f} s, loading the model included")
    print(f"{len(EDITS)} photographs edited in {edited_at - ready:.1f} s")
    print(f"{len(rows)} walks drawn in {done - edited_at:.1f} s")
    print(f"istrc edit, from its start to its end, took {cold:.1f} s")
    for path in written:
        print(f"  {path}")
    return {
        "cold_start_seconds": cold,
        "read_seconds": ready - started,
        "edits": len(EDITS),
        "edit_seconds": edited_at - ready,
        "walks": len(rows),
        "walk_seconds": done - edited_at,
        "cores": cores(),
        "files": [path.name for path in written],
    }


def cold_start(photograph: Path, output: Path, model: str) -> float:
    """Wall-clock seconds of one `istrc edit` in a process of its own."""
    command = [sys.executable, "-m", "istrc", "edit", str(photograph), "-a", "smile=-1"]
    started = time.monotonic()
    done = subprocess.run([*command, "-o", str(output), "--model", model], check=False)
    if done.returncode:
        raise IstrcError("istrc edit failed; its own line above says why")
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder to write")
    parser.add_argument("--model", default=DEFAULT, help="shipped name or folder")
    parser.add_argument("--device", default="cpu", help="cpu, auto, cuda or mps")
    parser.add_argument("--json", type=Path, help="write the times here, for make tables")
    arguments = parser.parse_args()
    try:
        took = run(arguments.out, arguments.model, arguments.device)
    except IstrcError as error:
        sys.exit(f"istrc demo: {error}")
    if arguments.json:
        from istrc.evaluation.results import write_results

        command = f"python tools/demo.py --json {arguments.json}"
        write_results(arguments.json, {"demo": took}, command=command)


if __name__ == "__main__":
    main()
