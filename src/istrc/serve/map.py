"""The walks of one face as a map: where each attribute leads, seen from the face."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from istrc import sphere
from istrc.arrays import numpy
from istrc.edit.walk import Walk
from istrc.evaluation.roc_figure import COLOURS, FAINT, INK, PAPER
from istrc.photo.mark import overlap

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


def _free(draw, text, font, at, right, taken) -> tuple[float, float]:
    """Where a label goes: beside its end, moved up or down until it lies on no other."""
    for step in (0, 1, -1, 2, -2, 3, -3, 4, -4):
        place = (at[0], at[1] + 14 * step)
        box = draw.textbbox(place, text, font, anchor="lm" if right else "rm")
        if not any(overlap(box, other) for other in taken):
            break
    taken.append(box)
    return place
