"""Where the angle between two faces lies on the ROC that was measured with the model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from istrc.evaluation.roc_figure import LOWEST, roc_figure
from istrc.verbs.calibration import read_thresholds

if TYPE_CHECKING:
    from istrc.circle import Circle


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
