"""What can be measured on a face's 68 points: lengths over the distance of its eyes.

The points are iBUG's (300-W): 0-16 the jaw, 17-26 the brows, 27-35 the nose, 36-47 the eyes, 48-59
the lips' outer edge, 60-67 their inner edge. "Left" and "right" are the picture's.
"""

from __future__ import annotations

from collections.abc import Callable

from istrc.arrays import Array, library

COUNT = 68  # of a face's points; as many of anything else are taken for these
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
# What is measured of which attribute
MEASURED = {
    "smile": "lip_curve",
    "mouth_open": "lip_gap",
    "wide_mouth": "mouth_width",
    "big_lips": "lip_thickness",
    "big_nose": "nose_width",
    "big_eyes": "eye_opening",
}


def area(corners: Array) -> Array:
    """The signed area (...) of polygons (..., N, 2): the shoelace formula."""
    x, y = corners[..., 0], corners[..., 1]
    after = [*range(1, x.shape[-1]), 0]
    return (x * y[..., after] - x[..., after] * y).sum(-1) / 2


def of_a_face(points: Array) -> bool:
    """Whether points (..., N, C) are a face's, or those of anything else."""
    return points.shape[-2] == COUNT


def eyes(points: Array) -> tuple[Array, Array]:
    """Centres of both eyes, (..., 2) each, of points (..., 68, 2)."""
    return points[..., LEFT_EYE, :].mean(-2), points[..., RIGHT_EYE, :].mean(-2)


def measures(points: Array) -> dict[str, Array]:
    """Points (..., 68, 2), in any unit -> each measure (...), over the distance of the eyes.

    lip_curve: how far the mouth's corners lie above the middle of its lips, across the eyes' line.
    lip_gap: between the inner edges of the lips, the mean of three places; below 0 where they have
    passed through each other.
    mouth_width: between the corners. lip_thickness: of both lips together, in their middle.
    nose_width: between the wings. eye_opening: between the lids, the mean of both eyes.
    """
    unit, below = scale(points)

    def between(a: int, b: int) -> Array:
        apart = points[..., a, :] - points[..., b, :]
        return (apart * apart).sum(-1) ** 0.5 / unit

    lips = points[..., [50, 51, 52, 56, 57, 58], :].mean(-2)
    corners = points[..., [48, 54], :].mean(-2)
    return {
        "lip_curve": below(lips - corners),
        "lip_gap": lip_gap(points),
        "mouth_width": between(48, 54),
        "lip_thickness": below(points[..., 62, :] - points[..., 51, :])
        + below(points[..., 57, :] - points[..., 66, :]),
        "nose_width": between(31, 35),
        "eye_opening": (between(37, 41) + between(38, 40) + between(43, 47) + between(44, 46)) / 4,
    }


def lip_gap(points: Array) -> Array:
    """That measure (...) of points (..., 68, 2) alone."""
    _, below = scale(points)
    return below(points[..., [65, 66, 67], :].mean(-2) - points[..., [61, 62, 63], :].mean(-2))


def scale(points: Array) -> tuple[Array, Callable[[Array], Array]]:
    """The distance of the eyes (...), and how far a vector (..., 2) leads down from their line."""
    left, right = eyes(points)
    across = right - left  # (..., 2)
    unit = ((across * across).sum(-1) ** 0.5).clip(min=1e-6)
    down = library(points).stack([-across[..., 1], across[..., 0]], -1) / unit[..., None]
    return unit, lambda v: (v * down).sum(-1) / unit


def pose(points: Array) -> Array:
    """Points (..., 68, 2) -> yaw and pitch (..., 2) of the head, over the distance of the eyes.

    Yaw is how far the tip of the nose lies beside the middle of the eyes, pitch how far its base
    lies below.
    """
    left, right = eyes(points)
    across, middle = right - left, (left + right) / 2  # (..., 2)
    square = (across * across).sum(-1).clip(min=1e-12)
    tip, base = points[..., 30, :] - middle, points[..., 33, :] - middle
    below = base[..., 1] * across[..., 0] - base[..., 0] * across[..., 1]
    return library(points).stack([(tip * across).sum(-1) / square, below / square], -1)
