"""The ROC picture: true-accept rate against the logarithm of the false-accept rate, by Pillow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAPER, INK, FAINT = (255, 255, 255), (24, 24, 27), (212, 212, 216)
COLOURS = ((37, 99, 235), (220, 38, 38), (22, 163, 74), (147, 51, 234))
WIDTH, HEIGHT = 640, 480  # pixels
LEFT, TOP, RIGHT, BOTTOM = 64, 40, 16, 48  # margins
LOWEST = 1e-4  # the leftmost false-accept rate


def roc_figure(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],  # name: (far, tar)
    title: str = "",
) -> Image.Image:
    """The curves under each other's names; later ones are drawn thinner, over the earlier.

    Raises ValueError for no curve.
    """
    if not curves:
        raise ValueError("a ROC needs at least one curve")
    figure = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw, font = ImageDraw.Draw(figure), ImageFont.load_default(13)
    inner = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
    decades = -round(math.log10(LOWEST))

    def place(far: float, tar: float) -> tuple[float, float]:
        share = 1 + math.log10(max(far, LOWEST)) / decades
        return LEFT + share * inner[0], TOP + (1 - tar) * inner[1]

    for decade in range(decades + 1):
        x, _ = place(10.0**-decade, 0)
        draw.line((x, TOP, x, TOP + inner[1]), FAINT)
        draw.text((x, TOP + inner[1] + 6), f"{10.0**-decade:g}", INK, font, anchor="ma")
    for tenth in range(0, 11, 2):
        _, y = place(1, tenth / 10)
        draw.line((LEFT, y, LEFT + inner[0], y), FAINT)
        draw.text((LEFT - 8, y), f"{tenth / 10:g}", INK, font, anchor="rm")
    draw.text((LEFT + inner[0] / 2, HEIGHT - 8), "false-accept rate", INK, font, anchor="ms")
    draw.text((8, TOP - 10), f"true-accept rate    {title}", INK, font, anchor="ls")
    for number, (name, (far, tar)) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        # A rate below the axis has no place on it: the curve begins at the last such point
        start = max(0, int(np.searchsorted(np.asarray(far, float), LOWEST, side="right")) - 1)
        points = [place(*point) for point in zip(far[start:], tar[start:], strict=True)]
        draw.line(points, colour, width=max(1, 2 * len(curves) - 2 * number))
        # The labels stand in the lower right corner, where a ROC never is
        y = TOP + inner[1] - 18 * (len(curves) - number)
        draw.line((LEFT + inner[0] - 260, y + 8, LEFT + inner[0] - 236, y + 8), colour, width=3)
        draw.text((LEFT + inner[0] - 228, y), name[:34], INK, font)
    return figure
