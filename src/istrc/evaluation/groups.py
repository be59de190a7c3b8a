"""Who is in front of the camera: sex, age, tone of the skin and pose, to tell results apart by.

Sex and age are the data's labels. Tone is measured: the individual typology angle (Chardon, Cretois
and Hourseau 1991, Skin colour typology and suntanning pathways) of the skin's median colour, which
is high for light skin and negative for the darkest. Photographs are lit as they are, so that it
tells what the picture shows and not what a colorimeter on the skin would.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from istrc.data.prepared import Prepared
from istrc.evaluation.pixels import FEWEST, check_available, lab, skin_mask
from istrc.shape.measures import pose

LABELS = ("male", "young", "pale_skin")
LIGHT, DARK = 41.0, 10.0  # degrees: above is light or very light, below is brown or dark
TURNED = 0.2  # distances of the eyes that the nose's tip lies aside: about 20 degrees
TONES = ("light skin", "medium skin", "dark skin")
POSES = ("frontal", "turned")


def typology_angle(colour: np.ndarray) -> np.ndarray:
    """ITA = atan2(L* - 50, b*) in degrees, (...), of CIELAB colours (..., 3)."""
    return np.degrees(np.arctan2(colour[..., 0] - 50, colour[..., 2]))


def skin_angle(pixels: np.ndarray, points: np.ndarray) -> float:
    """The typology angle of a face (S, S, 3) uint8 with its points (68, 2), degrees; or NaN."""
    skin = skin_mask(points, pixels.shape[0])
    if skin.sum() < FEWEST:
        return float("nan")
    return float(typology_angle(np.median(lab(pixels[skin]), axis=0)))


def by_label(prepared: Prepared, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Which of these rows the labels put in which group, (N,) bool each."""
    found: dict[str, np.ndarray] = {}
    for name in LABELS:
        if name in prepared.attribute_names:
            labels = prepared.column(name)[rows]
            found |= {name: labels == 1, f"not {name}": labels == 0}
    return found


class Groups:
    """Tells the groups of a prepared folder's faces; each face's tone is measured once.

    Raises InputError where the data has no landmarks, or scikit-image is missing; `by_label` needs
    neither.
    """

    def __init__(self, prepared: Prepared, split: str = "valid"):
        check_available()
        self.prepared, self.points = prepared, prepared.landmarks
        yaw = pose(self.points.astype(np.float64))[:, 0]
        # A predictor that leans to one side would call half of the frontal faces turned
        self.yaw = yaw - np.median(yaw[prepared.rows(split)])  # (N,)
        self._angles: dict[int, float] = {}

    def of(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Which of these rows are in which group, (N,) bool each: by label, by tone, by pose."""
        angles = np.array([self._angle(int(row)) for row in rows])
        tones = (angles > LIGHT, (angles <= LIGHT) & (angles >= DARK), angles < DARK)
        turned = np.abs(self.yaw[rows]) > TURNED
        found = by_label(self.prepared, rows) | dict(zip(TONES, tones, strict=True))
        return found | dict(zip(POSES, (~turned, turned), strict=True))

    def _angle(self, row: int) -> float:
        if row not in self._angles:
            self._angles[row] = skin_angle(self.prepared.images[row], self.points[row])
        return self._angles[row]

    @property
    def record(self) -> dict[str, Any]:
        """Where the measured groups are divided, for the results."""
        tones = dict(skin="individual typology angle, degrees", light_over=LIGHT, dark_under=DARK)
        return {**tones, "turned_over": TURNED}
