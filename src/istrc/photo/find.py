"""The faces of a photograph: where they are and how surely, or one line that there is none.

dlib's detector proposes (istrc.photo.detect); the landmark network, which looks at every proposed
face anyway to align it, has the second opinion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from istrc.errors import InputError
from istrc.photo.align import (
    STEPS,
    Alignment,
    Frame,
    align,
    aligned_frame,
    centre_frame,
    find_frame,
)
from istrc.photo.detect import CLEAR, LEAST, Box, least, looks, without_doubles

BELIEVED = 0.5  # the score from which a proposed face is one
# What the score weighs: the detector's own, the logarithms of how far apart the points of the first
# two looks and of the last two are, and the mean logit of being covered
WEIGHTS, BIAS = (4.3, -1.4, -2.2, -2.2), -2.25
LOST = 12.0  # how far apart points are held to be where the network went astray
LARGE = 2000  # pixels of a longest side from which advice about small faces may help


@dataclass(frozen=True, eq=False)
class Found:
    """A face that was found."""

    frame: Frame  # where it is
    score: float  # how surely it is a face, 0 to 1
    box: Box  # where the detector saw it


def find_frames(
    pixels: np.ndarray,
    path: str | Path,
    aligner: Any,
    *,
    aligned: bool = False,
    min_face: float | None = None,
    whole: bool = False,
) -> list[Frame]:
    """The frame of every face in pixels (H, W, 3) uint8, the largest first; never an empty list.

    Args:
        path: names the photograph in what is raised.
        aligned: the picture is in CelebA's aligned frame already; nothing is detected.
        min_face: the side of the smallest face to look for, pixels of its frame; None looks for
            what `istrc.photo.detect.least` says.
        whole: the picture is of anything: its centre square is taken, and no face is looked for.

    Raises InputError when there is no face, or an aligned picture has another shape.
    """
    height, width = pixels.shape[:2]
    if whole:
        return [centre_frame(width, height)]
    if aligned:
        try:
            return [aligned_frame(width, height)]
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    return [found.frame for found in find_faces(pixels, path, aligner, min_face=min_face)]


def find_faces(
    pixels: np.ndarray, path: str | Path, aligner: Any, *, min_face: float | None = None
) -> list[Found]:
    """As `find_frames`, with each face's score."""
    judge = judge_of(aligner)
    found: dict[Box, Found] = {}
    for look in looks(pixels, min_face):
        for box in look:
            one = judged(pixels, box, aligner, judge)
            # Of two boxes round one face the surer is kept
            found[replace(box, score=one.score)] = one
        large = [box for box, one in found.items() if one.frame.side >= (min_face or 0)]
        believed = [box for box in large if box.score >= BELIEVED]
        if believed:
            kept = [found[box] for box in without_doubles(believed)]
            return sorted(kept, key=lambda one: one.frame.side, reverse=True)
    raise InputError(f"{path}: {_why_none(pixels, large, min_face)}")


def judged(pixels: np.ndarray, box: Box, aligner: Any, judge: Any) -> Found:
    """A proposed face, aligned by the aligner and scored by what the judge saw in it."""
    if judge is None:  # the detector's own threshold
        return Found(find_frame(pixels, box, aligner), _share(2.5 * (box.score - CLEAR)), box)
    alignment = align(pixels, box, judge)
    frame = alignment.frame if judge is aligner else find_frame(pixels, box, aligner)
    return Found(frame, score_of(box, alignment), box)


def score_of(box: Box, alignment: Alignment) -> float:
    """How surely it is a face, 0 to 1: logistic regression, with the weights and on the pictures
    of docs/studies/finding.md.
    """
    settled = [math.log(apart) for apart in (*alignment.apart, LOST, LOST)[: STEPS - 1]]
    inputs = (box.score, *settled, float(alignment.points[:, 2].mean()))
    return _share(sum(weight * value for weight, value in zip(WEIGHTS, inputs, strict=True)) + BIAS)


def _share(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def believed(pixels: np.ndarray, boxes: list[Box], aligner: Any) -> list[Found]:
    """Those of a detector's boxes that are faces."""
    found = [judged(pixels, box, aligner, judge_of(aligner)) for box in boxes]
    return [one for one in found if one.score >= BELIEVED]


def judge_of(aligner: Any) -> Any | None:
    """The landmark network that the score was measured with, the shipped one; None without it."""
    own = _shipped()
    same = getattr(aligner, "fingerprint", None) == getattr(own, "fingerprint", "")
    return aligner if same else own


@cache
def _shipped() -> Any | None:
    from istrc.pretrained import shipped_aligner

    return shipped_aligner("onnx")


def _why_none(pixels: np.ndarray, doubtful: list[Box], min_face: float | None) -> str:
    message = "no face found"
    if doubtful:
        best = max(doubtful, key=lambda box: box.score)
        x, y = (round(v) for v in best.centre)
        message += f" (the likeliest place, at ({x}, {y}), scores {best.score:.2f} of {BELIEVED:g})"
    message += (
        "; use a photograph with a face seen from the front, or --aligned for a picture that is an "
        "aligned face already"
    )
    smallest = least(pixels) if min_face is None else min_face
    if max(pixels.shape[:2]) >= LARGE or smallest > LEAST:
        message += (
            f"; faces of less than {smallest:.0f} pixels are not looked for: crop the picture "
            "round them, or give --min-face"
        )
    return message
