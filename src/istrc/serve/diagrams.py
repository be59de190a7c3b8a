"""Diagrams of the page: the walks of one face as a map, and two faces' place on the ROC."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from istrc import sphere
from istrc.arrays import numpy
from istrc.circle import Circle
from istrc.edit.walk import Walk
from istrc.evaluation.roc_figure import COLOURS, FAINT, INK, LOWEST, PAPER, roc_figure
from istrc.photo.mark import overlap
from istrc.verbs.calibration import read_thresholds

SIZE, MARGIN = (640, 480), 70  # pixels


def draw_map(walks: Mapping[str, Walk]) -> Image.Image:
    """The walks of one face, laid flat: each a line from the face in the middle to its end.

    The sphere is unrolled at the face (its logarithm: lengths and directions from there stay), and
    the plane is the one in which the ends lie farthest apart. Rings are 0.1 radians apart.
    """
    ways = {}
    for name, walk in walks.items():
        points = numpy(walk.points[:, 0]).astype(np.float64)  # (T+1, D)
        ways[name] = sphere.log(points[:1], points)  # (T+1, D), tangent at the face
    last = np.stack([way[-1] for way in ways.values()])  # (A, D)
    plane = np.linalg.svd(last, full_matrices=False)[2][:2]  # (2, D)
    flat = {name: way @ plane.T for name, way in ways.items()}  # (T+1, 2)
    reach = max(0.1, max(float(np.linalg.norm(way, axis=1).max()) for way in flat.values()))
    scale = (min(SIZE) / 2 - MARGIN / 2) / reach  # pixels a radian
    figure = Image.new("RGB", SIZE, PAPER)
    draw, font = ImageDraw.Draw(figure), ImageFont.load_default(13)
    middle = np.array(SIZE) / 2
    for ring in np.arange(0.1, reach + 1e-9, 0.1):
        radius = ring * scale
        draw.ellipse([*(middle - radius), *(middle + radius)], outline=FAINT)
    ends = {}
    for number, (name, way) in enumerate(flat.items()):
        line = [tuple(middle + scale * point) for point in way]
        colour = COLOURS[number % len(COLOURS)]
        if len(line) > 1:
            draw.line(line, colour, 2)
        x, y = ends[name] = line[-1]
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), colour)
    # Over all lines, each on a little paper of its own, and beside all ends
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in ends.values()]
    for name, (x, y) in ends.items():
        right = x >= middle[0]
        place = _free(draw, name, font, (x + (6 if right else -6), y), right, taken)
        anchor = "lm" if right else "rm"
        draw.text(place, name, INK, font, anchor, stroke_width=2, stroke_fill=PAPER)
    draw.ellipse([*(middle - 4), *(middle + 4)], INK)
    return figure


def _free(
    draw: Any, text: str, font: Any, at: Any, right: bool, taken: list[Any]
) -> tuple[float, float]:
    """Where a label goes: beside its end, moved up or down until it lies on no other."""
    for step in (0, 1, -1, 2, -2, 3, -3, 4, -4):
        place = (at[0], at[1] + 14 * step)
        box = draw.textbbox(place, text, font, anchor="lm" if right else "rm")
        if not any(overlap(box, other) for other in taken):
            break
    taken.append(box)
    return place


def position(model: str, circle: Circle, angle: float) -> tuple[Image.Image, str]:
    """The ROC with a line at the false-accept rate of this angle, and the same in words.

    Between the angles that were measured the rate is interpolated, in its logarithm.
    """
    thresholds = read_thresholds(model, circle)
    known = [thresholds[rate] for rate in sorted(thresholds)]
    angles = [one.angle for one in known]
    rates = [one.far for one in known]
    far = 10 ** float(np.interp(angle, angles, np.log10(rates)))
    sentence, where = f"About {one_in(far)}", "these two faces"
    if angle < angles[0]:
        sentence, where = f"Fewer than {one_in(rates[0])}", "these two faces, or left of it"
    elif angle > angles[-1]:
        sentence, where = f"More than {one_in(rates[-1])}", "these two faces, or right of it"
    far = max(far, LOWEST * 1.01)  # on the axis
    curves = {
        "measured": ([*rates, 1.0], [*(one.tar for one in known), 1.0]),
        where: ([far, far], [0.0, 1.0]),
    }
    return roc_figure(curves), f"{sentence} pairs of different people are as near as this."


def one_in(rate: float) -> str:
    """A small rate as one would say it: `1 in 1,000`; to two digits, as more would say nothing."""
    many = 1 / rate
    return f"1 in {round(many, 1 - math.floor(math.log10(many))):,.0f}"
