"""Where a recogniser's input lies in CelebA's aligned frame, and the crop brought there.

Coordinates are continuous pixels as in `istrc.photo.align`. A placement is a (2, 3) similarity
from the 178x218 frame to the recogniser's input.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from istrc.errors import InputError
from istrc.photo.align import compose, invert
from istrc.resample import places, resized
from istrc.shape.crop import CROP, CROP_SIDE
from istrc.shape.frame import similarity

# Mean landmarks in the frame, the picture's left one first: eyes, tip of the nose, corners of the
# mouth. Measured by dlib's 68 landmarks on 400 CelebA train faces; the two sides are averaged.
LANDMARKS = np.array([[69.7, 113.0], [108.3, 113.0], [89.0, 135.0], [71.8, 153.2], [106.2, 153.2]])
# The same five points in ArcFace's input of 112 px (deepinsight/insightface, arcface_torch)
ARCFACE_SIDE = 112
ARCFACE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)


def box(left: float, top: float, right: float, bottom: float, size: int) -> np.ndarray:
    """The placement of an input that is this square of the frame, resized to size x size."""
    scale = size / (right - left)
    return np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])


def template(text: str, size: int) -> np.ndarray:
    """The placement that a user writes: `arcface`, `crop`, or `L,T,R,B` in the frame.

    Raises InputError for anything else.
    """
    if text == "crop":
        return box(*CROP, size)
    if text == "arcface":
        return similarity(LANDMARKS, ARCFACE * size / ARCFACE_SIDE)
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"template {text!r}: use arcface (five points of a 112 px face), crop (x 25..153, "
            "y 45..173 of the 178x218 frame), or a square L,T,R,B in that frame"
        ) from None
    width, height = right - left, bottom - top
    if not width > 0 or abs(width - height) > 0.5 or not 16 <= width <= 1000:
        raise InputError(
            f"template {text!r}: not a square of 16 to 1000 px (L < R, T < B, R - L = B - T)"
        )
    return box(left, top, right, bottom, size)


def middle(placement: np.ndarray, height: int, width: int) -> np.ndarray:
    """The placement of the middle height x width of a square input of the longer side.

    So the published inputs of 112x96 lie in the face as those of 112x112 do, 8 px narrower on
    either side (SphereFace's five points are ArcFace's, less 8).
    """
    side = max(height, width)
    moved = placement.copy()
    moved[:, 2] -= (side - width) / 2, (side - height) / 2
    return moved


def place(x: torch.Tensor, placement: np.ndarray, size: int | tuple[int, int]) -> torch.Tensor:
    """THE CROPS (B, 3, S, S) in [-1, 1] -> a recogniser's inputs (B, 3, size, size) in [-1, 1].

    size: one side, or height and width.

    Bicubic; beyond the crop its edge pixels are repeated. A crop that is shrunk is smoothed
    first, one that is enlarged is not.
    """
    height, width = (size, size) if isinstance(size, int) else size
    side = x.shape[-1]
    x = x.float()
    frame = np.array([[side / CROP_SIDE, 0, 0], [0, side / CROP_SIDE, 0]])
    frame[:, 2] = -np.array(CROP[:2]) * side / CROP_SIDE  # frame -> crop
    to_crop = compose(frame, invert(placement))  # input -> crop
    if np.allclose(to_crop, np.eye(3)[:2], atol=1e-9) and side == height == width:
        return x
    step = float(np.sqrt(np.linalg.det(to_crop[:, :2])))  # crop pixels per input pixel
    if step > 1.02:
        smaller = max(2, round(side / step))
        x = resized(x, smaller)  # (B, 3, smaller, smaller)
        to_crop, side = to_crop * (smaller / side), smaller
    looks = (np.stack(places(to_crop, (0, 0, width, height)), -1) + 0.5) * (2 / side) - 1
    grid = torch.from_numpy(looks.astype(np.float32))[None].to(x.device)
    placed = F.grid_sample(
        x.contiguous(),
        grid.expand(len(x), -1, -1, -1),
        mode="bicubic",
        padding_mode="border",
        align_corners=False,
    )  # (B, 3, height, width)
    return placed.clamp(-1, 1)


def as_json(placement: np.ndarray) -> list[list[float]]:
    """A placement as it is recorded."""
    return [[round(float(value), 6) for value in row] for row in placement]
