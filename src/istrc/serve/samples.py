"""Faces that nobody owns, to try the page with: drawn from random points of the sphere."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from istrc import sphere
from istrc.arrays import numpy
from istrc.circle import Circle
from istrc.data.prepared import to_pixels
from istrc.verbs.vary import vary

COUNT = 8
SIDE = 384  # pixels: faces are found better in larger pictures than the model's
_DRAWN = 96  # of which the best are kept


def draw_samples(circle: Circle, count: int = COUNT, seed: int = 4) -> list[np.ndarray]:
    """Pictures (SIDE, SIDE, 3) uint8 of people who do not exist, the same for a seed.

    Of many that are drawn, women and men, those stay in which the recogniser sees nearly what
    was asked for.
    """
    start = np.eye(1, circle.dim, dtype=np.float32)  # forgotten a quarter turn away
    drawn = vary(circle, start, angle=math.pi / 2, count=_DRAWN, seed=seed, mode="circle")
    apart = numpy(sphere.angle(circle.embed(drawn.faces), drawn.z))
    male = numpy(circle.scores_of(drawn.z, ["male"]))[:, 0] > 0.5
    order = np.argsort(apart)
    sides = [order[male[order] == side][: -(-count // 2)] for side in (False, True)]
    best = np.concatenate(sides)[:count]
    return [
        np.asarray(Image.fromarray(face).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
        for face in to_pixels(drawn.faces)[best]
    ]
