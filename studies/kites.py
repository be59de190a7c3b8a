"""Draws a labelled data set whose landmarks are true: kites in the sky, nine points each.

    python -m studies.kites kites/ --count 3000

KITES/labels.csv has, one row a picture: `class` (a form and a pattern of its cloth), the attributes
`long` (its tail), `broad`, `red` and `dusk`, each independent of the others and of the class, and
the points x0, y0 ... x8, y8 in pixels: the four ends of the spars (left, top, right, bottom), where
the spars cross, and the tail at four places, the last of them its end. One kite in ten has none.
"""

from __future__ import annotations

import argparse
import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from istrc.progress import Bar

SIDE, FINE = 96, 4  # pixels of a picture, and of how many by how many each is the mean
# Half the width, the height above where the spars cross and that below it, in units of a kite
FORMS = {"diamond": (0.7, 0.5, 0.95), "delta": (0.9, 0.8, 0.3), "square": (0.75, 0.72, 0.72)}
PATTERNS = ("plain", "halves", "quarters", "striped", "bordered", "tipped")
ATTRIBUTES = ("long", "broad", "red", "dusk")
TAIL = {0: (5, 9), 1: (23, 30)}  # its length, pixels, from and to
BREADTH = {0: (0.62, 0.78), 1: (1.15, 1.35)}  # times the form's own
UNIT = (25, 28)  # pixels
SKY = {0: ((95, 150, 215), (195, 220, 240)), 1: ((40, 40, 80), (215, 130, 90))}  # above, below
POINTS = 9
UNMARKED = 0.1  # share of the kites


def corners(form: str, has: dict[str, int], rng: np.random.Generator) -> np.ndarray:
    """The points of a kite, (9, 2) pixels of the picture."""
    wide, above, below = np.array(FORMS[form]) * rng.uniform(*UNIT)
    wide *= rng.uniform(*BREADTH[has["broad"]])
    body = np.array([[-wide, 0], [0, -above], [wide, 0], [0, below], [0, 0]])
    length, sway, bend = rng.uniform(*TAIL[has["long"]]), rng.normal(0, 0.12), rng.normal(0, 0.1)
    down = np.linspace(0, 1, 5)[1:]
    aside = sway * down + bend * np.sin(np.pi * down)
    tail = np.stack([aside, down], 1) * length + [0, below]
    turn = np.radians(rng.uniform(-9, 9))
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = np.array([SIDE / 2, 32]) + rng.uniform(-4, 4, 2)
    return middle + np.concatenate([body, tail]) @ matrix


def draw(points: np.ndarray, pattern: str, has: dict[str, int], rng: np.random.Generator):
    """The picture of a kite of these points, SIDE x SIDE pixels."""
    picture = _sky(SKY[has["dusk"]], rng)
    fine = picture.resize((SIDE * FINE,) * 2, Image.Resampling.BICUBIC)
    pen, light = ImageDraw.Draw(fine), 0.72 if has["dusk"] else 1.0
    left, top, right, bottom, crossing = points[:5]

    def fill(places, colour, shade=1.0) -> None:
        seen = tuple(int(shade * light * one) for one in colour)
        pen.polygon([tuple(one * FINE) for one in places], fill=seen)

    def line(places, width, colour) -> None:
        pen.line([tuple(one * FINE) for one in places], colour, int(width * FINE), "curve")

    cloth = [rng.integers(150, 235), *rng.integers(10, 60, 2)]
    if not has["red"]:
        cloth = [rng.integers(15, 60), rng.integers(70, 190), rng.integers(120, 235)]
    second = rng.integers((225, 215, 190), (250, 245, 235))
    # The half away from the sun lies in its own shade
    for number, (side, shade) in enumerate(((left, 1.0), (right, 0.82))):
        whole = [side, top, bottom]
        fill(whole, second if pattern == "halves" and number else cloth, shade)
        if pattern == "quarters":
            fill([side, crossing, (top, bottom)[number]], second, shade)
        elif pattern == "striped":
            for low in (0.2, 0.6):  # shares of the way from the top, and then to the bottom
                ends = np.array([low, low + 0.2])
                for start, end in ((top, crossing), (bottom, crossing)):
                    inner, outer = (start + ends[:, None] * (to - start) for to in (end, side))
                    fill([inner[0], inner[1], outer[1], outer[0]], second, shade)
        elif pattern == "bordered":
            middle = (left + top + right + bottom) / 4
            inside = [middle + 0.62 * (one - middle) for one in (side, top, bottom)]
            fill(inside, second, shade)
        elif pattern == "tipped":
            tip = [top + 0.45 * (one - top) for one in (top, side, crossing)]
            fill(tip, second, shade)
    spar = tuple(int(light * one) for one in (70, 50, 40))
    line([left, crossing, right], 0.8, spar)
    line([top, bottom], 0.8, spar)
    line([bottom, *points[5:]], 1.6, spar)
    for before, here in pairwise(points[4:]):
        along = (here - before) / max(np.linalg.norm(here - before), 1e-9)
        across = np.array([-along[1], along[0]]) * 2.6
        for side in (across, -across):
            fill([here, here + side - along, here + side + along], cloth)
    small = fine.resize((SIDE,) * 2, Image.Resampling.BOX)
    grain = rng.normal(0, 2.0, (SIDE, SIDE, 1))
    return Image.fromarray((np.asarray(small) + grain).clip(0, 255).astype(np.uint8))


def _sky(colours, rng: np.random.Generator) -> Image.Image:
    """A sky that grows lighter downwards, with some clouds."""
    above, below = (np.array(one) + rng.uniform(-18, 18, 3) for one in colours)
    share = (np.arange(SIDE) / (SIDE - 1))[:, None, None]
    sky = ((1 - share) * above + share * below).repeat(SIDE, 1).clip(0, 255)
    picture, clouds = Image.fromarray(sky.astype(np.uint8)), Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(clouds)
    for _ in range(rng.integers(0, 4)):
        x, y = rng.uniform(0, SIDE, 2)
        wide, high = rng.uniform(8, 26), rng.uniform(3, 8)
        pen.ellipse((x - wide, y - high, x + wide, y + high), fill=int(rng.uniform(50, 150)))
    light = Image.new("RGB", (SIDE, SIDE), tuple(int(one) for one in (below + 255) / 2))
    return Image.composite(light, picture, clouds.filter(ImageFilter.GaussianBlur(4)))


def make_kites(out: Path, count: int, seed: int) -> Path:
    """Draw so many kites into a folder, and their labels.csv; returns that."""
    out.mkdir(parents=True, exist_ok=True)
    names = [f"{axis}{number}" for number in range(POINTS) for axis in "xy"]
    lines = [["file", "class", *ATTRIBUTES, *names]]
    with Bar("kites", count) as bar:
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            form = list(FORMS)[rng.integers(len(FORMS))]
            pattern = PATTERNS[rng.integers(len(PATTERNS))]
            has = {name: int(rng.integers(2)) for name in ATTRIBUTES}
            points = corners(form, has, rng)
            draw(points, pattern, has, rng).save(out / f"{number:05}.png")
            known = rng.random() >= UNMARKED
            marks = [f"{one:.2f}" if known else "" for one in points.ravel()]
            labels = map(str, has.values())
            lines.append([f"{number:05}.png", f"{form}_{pattern}", *labels, *marks])
            bar.advance()
    with (out / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows(lines)
    return out / "labels.csv"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m studies.kites", description=__doc__)
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument("--count", type=int, default=3000, help="of kites")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    print(make_kites(given.out, given.count, given.seed))


if __name__ == "__main__":
    main()
