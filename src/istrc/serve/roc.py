"""Where the angle between two faces lies on the ROC that was measured with the model."""

from __future__ import annotations

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
    if angle < angles[0]:
        told = f"Fewer than {rates[0]:g} of pairs of different people are as near as this."
    elif angle > angles[-1]:
        told = f"More than {rates[-1]:g} of pairs of different people are as near as this."
    else:
        told = f"About {far:.1g} of pairs of different people are as near as this."
    far = max(far, LOWEST * 1.01)  # on the axis
    curves = {
        "measured": ([*rates, 1.0], [*(one.tar for one in known), 1.0]),
        "these two faces": ([far, far], [0.0, 1.0]),
    }
    return roc_figure(curves), told
