"""From a photograph to CelebA's aligned frame: a similarity transform, and the face it cuts out.

Coordinates are continuous, in the photograph as in the frame (`istrc.shape.crop`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image

from istrc.arrays import numpy
from istrc.errors import InputError
from istrc.photo.detect import Box
from istrc.resample import looked_up, places
from istrc.shape.crop import BOX_CENTRE, BOX_SIDE, CROP, CROP_CENTRE, CROP_SIDE, FRAME_SIZE
from istrc.shape.frame import aligning

STEPS = 3  # looks of the landmark network; a fourth changes nothing measurable
_ENOUGH = 3  # a face is pre-shrunk by whole factors to no less than this many times the crop


class FindsPoints(Protocol):
    """A landmark network (istrc.models.landmarks), on either runtime."""

    size: int  # side of the aligned faces that it looks at, pixels
    rough_size: int  # of faces under a frame that may be off
    mean: Any  # (68, 2) the mean shape

    def find_in(self, faces: np.ndarray, rough: bool = False) -> np.ndarray:
        """uint8 (B, S, S, 3) -> (B, 68, 3): x, y in [-1, 1], and the logit of being covered."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Where a face is: photograph -> CelebA's aligned frame."""

    # (2, 3) float64 [sR | t] with a rotation R: a point (x, y) of the photograph, in continuous
    # pixel coordinates, is at matrix @ (x, y, 1) in the 178x218 frame
    matrix: np.ndarray

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, np.float64)
        if matrix.shape != (2, 3) or not np.isfinite(matrix).all():
            raise ValueError(f"a frame needs a finite (2, 3) matrix, got {matrix!r}")
        if not np.linalg.det(matrix[:, :2]) > 0:
            raise ValueError("a frame's matrix must keep the picture's orientation")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @property
    def inverse(self) -> np.ndarray:
        """(2, 3) float64: frame coordinates -> photograph coordinates."""
        return invert(self.matrix)

    @property
    def scale(self) -> float:
        """Frame pixels per photograph pixel."""
        return math.sqrt(np.linalg.det(self.matrix[:, :2]))

    @property
    def angle(self) -> float:
        """Radians that the face is turned clockwise in the photograph."""
        return math.atan2(-self.matrix[1, 0], self.matrix[0, 0])

    @property
    def side(self) -> float:
        """The side of THE CROP in photograph pixels."""
        return CROP_SIDE / self.scale

    def corners(self) -> np.ndarray:
        """(4, 2): THE CROP's corners in the photograph, clockwise from its top left."""
        left, top, right, bottom = CROP
        return transform(self.inverse, [[left, top], [right, top], [right, bottom], [left, bottom]])

    def crop(self, pixels: np.ndarray, size: int) -> np.ndarray:
        """THE CROP of a photograph, resized to size x size without aliasing.

        For an aligned 178x218 picture this is Pillow's `crop((25, 45, 153, 173))` followed by
        `resize((size, size), LANCZOS)`. Outside the photograph its edge pixels are repeated.

        Args:
            pixels: (H, W, 3) uint8 RGB, the photograph that this frame belongs to.
            size: S, pixels.

        Returns:
            (S, S, 3) uint8.
        """
        # Shrink by a whole factor while that is free of loss, so that the size of the photograph
        # does not matter; then turn at its own resolution; Lanczos does the rest.
        factor = max(1, int(self.side / (_ENOUGH * size)))
        window, to_window = shrunk_window(pixels, self.corners(), factor)
        grid_side = max(1, round(self.side / factor))
        step = CROP_SIDE / grid_side
        grid_to_frame = np.array([[step, 0, CROP[0]], [0, step, CROP[1]]])
        turned = _sample(window, compose(to_window, self.inverse, grid_to_frame), grid_side)
        if grid_side == size:
            return turned
        return np.asarray(Image.fromarray(turned).resize((size, size), Image.Resampling.LANCZOS))


def aligned_frame(width: int, height: int) -> Frame:
    """The frame of a picture that is aligned already, from its size alone.

    Two shapes are known: CelebA's aligned picture, 178x218 or the same geometry at another size
    (its height may be a pixel or 0.5 % off), and a square, which is taken as THE CROP itself.

    Raises:
        InputError: the shape is neither.
    """
    if width == height and width > 0:
        scale = CROP_SIDE / width
        return Frame(np.array([[scale, 0, CROP[0]], [0, scale, CROP[1]]]))
    expected = width * FRAME_SIZE[1] / FRAME_SIZE[0]
    if width <= 0 or abs(height - expected) > max(1.0, 0.005 * expected):
        raise InputError(
            f"{width}x{height} is not an aligned picture: 178x218, the same shape at another "
            "size, or a square crop; leave out --aligned to have the face found"
        )
    scale = FRAME_SIZE[0] / width
    # Rounding of the height is shared by the upper and the lower edge
    return Frame(np.array([[scale, 0, 0], [0, scale, (FRAME_SIZE[1] - scale * height) / 2]]))


def centre_frame(width: int, height: int) -> Frame:
    """The frame whose crop is the centre square of a picture, which is what is prepared of pictures
    of anything (istrc.data.crop).
    """
    side = min(width, height)
    scale = CROP_SIDE / side
    left, top = (width - side) // 2, (height - side) // 2
    return Frame(np.array([[scale, 0, CROP[0] - scale * left], [0, scale, CROP[1] - scale * top]]))


def frame_from_box(box: Box) -> Frame:
    """The frame that a detected box suggests: right on average, some 10 % off for one face."""
    return turned_frame(BOX_SIDE / box.side, box.angle, box.centre, BOX_CENTRE)


def turned_frame(scale: float, angle: float, point: Any, there: np.ndarray) -> Frame:
    """The frame of a face that is turned clockwise by so many radians in the photograph.

    Args:
        scale: frame pixels per photograph pixel.
        point, there: (x, y) in the photograph, and where that is in the frame.
    """
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    turn_back = np.array([[cos, sin], [-sin, cos]])
    return Frame(np.column_stack([turn_back, there - turn_back @ np.array(point)]))


@dataclass(frozen=True)
class Alignment:
    """A detected face as the landmark network saw it."""

    frame: Frame  # where it is; the box's own where the network went astray
    points: np.ndarray  # (68, 3) of the last look, as the network gives them
    # How far the points of a look are from those of the look before, mean, pixels of the aligned
    # frame; one number fewer than looks. In what is no face they are never settled.
    apart: tuple[float, ...]


def find_frame(
    pixels: np.ndarray, box: Box, aligner: FindsPoints | None = None, looks: int = STEPS
) -> Frame:
    """The frame of a detected face; without an aligner that of its box alone (see `align`)."""
    return frame_from_box(box) if aligner is None else align(pixels, box, aligner, looks).frame


def align(pixels: np.ndarray, box: Box, aligner: FindsPoints, looks: int = STEPS) -> Alignment:
    """Align a detected face: start from its box, find its points, put its eyes where they belong,
    and look again.

    Args:
        pixels: (H, W, 3) uint8 RGB photograph.
        box: a face of `istrc.photo.detect.looks(pixels)`.
        aligner: a landmark network.
        looks: how often it looks; where the box is nearly right already, fewer are enough.
    """
    start = frame_from_box(box)
    # The looks share one shrunken window, with room for the frame to move
    centre = start.corners().mean(0)
    around = centre + 1.8 * (start.corners() - centre)
    factor = max(1, int(start.side / (2 * _ENOUGH * aligner.size)))
    window, to_window = shrunk_window(pixels, around, factor)
    from_window = invert(to_window)
    apart: list[float] = []
    frame, before = start, None
    for number in range(looks):
        rough = number + 1 < looks  # the last look is at a face that is nearly aligned
        size = aligner.rough_size if rough else aligner.size
        view = Frame(compose(frame.matrix, from_window)).crop(window, size)
        points = aligner.find_in(view[None], rough)[0].astype(np.float64)  # (68, 3)
        shape = points[:, :2]
        located = transform(frame.inverse, shape * CROP_SIDE / 2 + CROP_CENTRE)  # photograph pixels
        frame = Frame(compose(in_frame(aligning(shape, numpy(aligner.mean))), frame.matrix))
        if before is not None:
            apart.append(float(np.linalg.norm(located - before, axis=1).mean() * frame.scale))
        before = located
        if _astray(frame, start):
            return Alignment(start, points, tuple(apart))
    return Alignment(frame, points, tuple(apart))


def _astray(frame: Frame, start: Frame) -> bool:
    """Whether the network left the face that the detector saw (a false detection, a mask...)."""
    moved = np.linalg.norm(frame.corners().mean(0) - start.corners().mean(0)) / start.side
    return bool(moved > 0.5) or not 0.5 < frame.scale / start.scale < 2


def in_frame(similarity: np.ndarray) -> np.ndarray:
    """A similarity (2, 3) in the crop's [-1, 1] as one in pixels of the 178x218 frame."""
    turn, half = similarity[:, :2], CROP_SIDE / 2
    return np.column_stack([turn, half * similarity[:, 2] + CROP_CENTRE - turn @ CROP_CENTRE])


def transform(matrix: np.ndarray, points: Any) -> np.ndarray:
    """Apply a (2, 3) transform to points (..., 2)."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def around(
    points: np.ndarray, height: int, width: int, margin: int = 0
) -> tuple[int, int, int, int]:
    """The left, top, right and bottom of what lies around points (N, 2) of a picture, as far as it
    reaches; with a margin, all in pixels.
    """
    ends = width, height
    left, top = np.clip(np.floor(points.min(0)) - margin, 0, ends)
    right, bottom = np.clip(np.ceil(points.max(0)) + margin, 0, ends)
    return int(left), int(top), int(right), int(bottom)


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a (2, 3) transform."""
    inverse = np.linalg.inv(matrix[:, :2])
    return np.column_stack([inverse, -inverse @ matrix[:, 2]])


def compose(*matrices: np.ndarray) -> np.ndarray:
    """The (2, 3) transform that applies the last of the matrices first."""
    result = np.eye(3)
    for matrix in matrices:
        result = result @ np.vstack([matrix, [0, 0, 1]])
    return result[:2]


def shrunk_window(
    pixels: np.ndarray, corners: np.ndarray, factor: int
) -> tuple[np.ndarray, np.ndarray]:
    """The part of a photograph round some points, each factor x factor block averaged to a pixel.

    Args:
        pixels: (H, W, 3) uint8.
        corners: (N, 2) points in the photograph; those outside are moved to its edge.
        factor: whole number >= 1.

    Returns:
        The window (h, w, 3) uint8, at least one pixel, and the (2, 3) transform from photograph
        coordinates to window coordinates.
    """
    height, width = pixels.shape[:2]
    margin = 3 * factor  # the cubic kernel reaches two pixels further
    low = np.floor(corners.min(0)) - margin
    high = np.ceil(corners.max(0)) + margin
    ends = (width, height)
    left, top = (int(np.clip(v, 0, end - 1)) for v, end in zip(low, ends, strict=True))
    right, bottom = (int(np.clip(v, 1, end)) for v, end in zip(high, ends, strict=True))
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    window = pixels[top:bottom, left:right]
    # A photograph thinner than the factor still gives one row or column
    fx, fy = min(factor, right - left), min(factor, bottom - top)
    if fx > 1 or fy > 1:
        window = np.asarray(Image.fromarray(np.ascontiguousarray(window)).reduce((fx, fy)))
    return window, np.array([[1 / fx, 0, -left / fx], [0, 1 / fy, -top / fy]])


def _sample(pixels: np.ndarray, to_pixels: np.ndarray, side: int) -> np.ndarray:
    """side x side pixels of a picture, bicubic, edge pixels repeated; exact on whole shifts.

    Pillow's own bicubic transform sharpens (its kernel has a = -1) and knows no repeated edge.
    """
    shift = np.rint(to_pixels[:, 2]).astype(int)
    whole = np.column_stack([np.eye(2), shift])
    if np.allclose(to_pixels, whole, rtol=0, atol=1e-9):  # as of an aligned face: nothing to weigh
        columns, rows = (
            (np.arange(side) + first).clip(0, end - 1)
            for first, end in zip(shift, pixels.shape[1::-1], strict=True)
        )
        return pixels[rows[:, None], columns]
    view = looked_up(pixels.transpose(2, 0, 1), *places(to_pixels, (0, 0, side, side)))
    return np.rint(view).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)  # (side, side, 3)
