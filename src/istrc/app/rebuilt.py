"""Draw two public-domain faces as the circle rebuilds them, beside another auto-encoder.

    python -m istrc.app.rebuilt --baseline RUN --out docs/rebuilt.png

RUN is what `istrc train began DATA RUN --fakes 0 --critic-weight 0` wrote: the same network,
trained by L1 alone. `istrc evaluate reconstruction --baseline RUN` measures both on whole splits.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from istrc import figures
from istrc.circle import Circle
from istrc.data.prepared import to_pixels
from istrc.errors import IstrcError
from istrc.models.began import AutoEncoder
from istrc.models.store import load_part
from istrc.paper_figures.people import shipped_people


@torch.inference_mode()
def rows(circle: Circle, baseline: AutoEncoder | None) -> list[figures.Row]:
    """A row a person: the face, decode(E(x)), the baseline's and decode(F(z)), with their PSNR."""
    drawn = []
    for person in shipped_people(circle).given:
        ways = {"face": person.x, "decode(E(x))": circle.decode_code(circle.encode(person.x))}
        if baseline is not None:
            ways["L1 alone"] = baseline(person.x)
        ways["decode(F(z))"] = circle.decode(person.z)
        captions = []
        for name, x in ways.items():
            error = (x.clamp(-1, 1) - person.x).square().mean()
            captions.append(f"{name} {10 * torch.log10(4 / error):.1f} dB" if error else name)
        faces = [to_pixels(x)[0] for x in ways.values()]
        drawn.append(figures.Row(person.name.replace(" ", "\n"), faces, captions))
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m istrc.app.rebuilt", description=__doc__)
    parser.add_argument("--baseline", type=Path, help="folder of another auto-encoder")
    parser.add_argument("--model", default="celeba64", help="shipped name or folder")
    parser.add_argument("--out", type=Path, default=Path("out/rebuilt.png"))
    arguments = parser.parse_args()
    try:
        circle = Circle.from_pretrained(arguments.model)
        baseline = load_part(arguments.baseline) if arguments.baseline else None
        if baseline is not None and not isinstance(baseline, AutoEncoder):
            raise IstrcError(f"{arguments.baseline}: holds no auto-encoder")
        picture = figures.strip(rows(circle, baseline), cell=192)
    except IstrcError as error:
        sys.exit(f"istrc rebuilt: {error}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    picture.save(arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    main()
