"""`make demo`: edit a photograph that an installed package ships, and show walks of it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from istrc.app.strips import walk_row
from istrc.circle import Circle
from istrc.errors import IstrcError
from istrc.figures import Row, strip
from istrc.photo.read import write_picture

EDITS = {
    "smile-off": {"smile": -1},
    "older": {"young": -1},
    "makeup": {"makeup": +1},
    "eyeglasses": {"eyeglasses": +1},
    "mouth-shut-and-younger": {"mouth_open": -1, "young": +1},
}
WALKS = {"smile": -1, "mouth_open": -1, "young": -1, "makeup": +1, "male": +1, "eyeglasses": +1}


def run(out: Path, model: str = "celeba64", device: str = "cpu") -> list[Path]:
    """Write the photograph, its edits and one strip of walks into `out`; the files written.

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
    known = set(circle.attribute_names)
    written = [photograph]
    for name, strengths in EDITS.items():
        if set(strengths) <= known:
            edited = face.edit(**strengths)
            written.append(out / f"{name}.png")
            edited.save(written[-1])
    edited_at = time.monotonic()

    rows: list[Row] = [
        walk_row(face, name, strength, frames=7)[0]
        for name, strength in WALKS.items()
        if name in known
    ]
    written.append(out / "walks.png")
    write_picture(None, np.asarray(strip(rows)), written[-1])
    done = time.monotonic()

    print(f"read, aligned and embedded in {ready - started:.1f} s, loading the model included")
    print(f"{len(written) - 2} photographs edited in {edited_at - ready:.1f} s")
    print(f"{len(rows)} walks drawn in {done - edited_at:.1f} s")
    for path in written:
        print(f"  {path}")
    return written


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder to write")
    parser.add_argument("--model", default="celeba64", help="shipped name or folder")
    parser.add_argument("--device", default="cpu", help="cpu, auto, cuda or mps")
    arguments = parser.parse_args()
    try:
        run(arguments.out, arguments.model, arguments.device)
    except IstrcError as error:
        sys.exit(f"istrc demo: {error}")


if __name__ == "__main__":
    main()
