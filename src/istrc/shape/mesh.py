"""The shape-free frame: warps between a face's shape and a reference shape, piecewise affine.

A mesh of triangles is laid over a face: its 68 points, two rings round its outline, and a border
far outside. The first ring follows the outline half of the way, the second stays, so that what a
moved face pulls along falls to nothing before hair and background. Points of anything else have the
crop's edge alone around them, which stays. The triangles are the same for every face, and a warp
takes each to its own place (Cootes, Edwards, Taylor: Active Appearance Models, 1998/2001). Lips
that close have triangles of no area between them, and what was inside vanishes; lips that open show
what the texture has there. The reference is therefore the mean shape with its mouth held open:
teeth that had two rows of pixels would be a smear in a mouth of twenty.

A warp is said backwards: where each pixel of what is drawn looks in what is there. Coordinates are
[-1, 1] over THE CROP, (0, 0) its centre, pixel i of S at (i + 0.5) * 2 / S - 1. All of it is
NumPy's, on both runtimes.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any

import numpy as np

from istrc.errors import InputError
from istrc.shape.measures import COUNT, of_a_face

JAW, BROWS = slice(0, 17), slice(17, 27)
FOLLOWED = 0.5  # of the outline's displacement, by the first ring
FACE_POINTS = COUNT + 2 * 27  # of a face's mesh: the shape and two rings; the border's follow
BORDER = 1.6  # half the side of the square that stays, in half crops
WITHIN = 0.97  # ... as far as which points are held that are no face's; their square is the crop
_RINGS = (1.14, 1.34)  # of the outline's distance from the face's centre
_ABOVE = (0.4, 0.85)  # of the brows, in eye distances
# Of its area, that a triangle keeps in a warp that moves it: lips and lids close, and a cheek that
# the corner of a smile leaves too little of would be a seam
_LEAST, _CHEEKS = 0.02, 0.3
_PART = 1 << 19  # pixels that are looked at at once
UPPER, LOWER = [61, 62, 63], [67, 66, 65]  # the inner lips' points that face each other
_UP, _DOWN = 0.05, 0.12  # how far the reference shape's lips are held apart, in eye distances


class Mesh:
    """Triangles over the reference shape.

    Args:
        reference: (N, 2) the shape of the shape-free frame (`held_open`).
        triangles: (T, 3) of the points of `points`; None lays them (`triangulated`, needs SciPy).

    Attributes:
        facial: whether its shapes are a face's.
        around: of its points, those that bound what moves.
    """

    def __init__(self, reference: np.ndarray, triangles: np.ndarray | None = None):
        self.reference = np.asarray(reference, np.float64)
        if triangles is None:
            triangles = triangulated(self.reference)
        self.triangles = np.asarray(triangles)
        known = range(len(self.centre))
        if self.triangles.dtype.kind != "i" or not np.isin(self.triangles, known).all():
            raise InputError(
                "the landmarks' triangles have corners that are none; install the package again or "
                "train this part"
            )
        self.facial = of_a_face(self.reference)
        mouth = np.arange(60, 68 if self.facial else 60)
        self.mouth: Any = np.isin(self.triangles, mouth).all(1)  # (T,) between the lips
        end = FACE_POINTS if self.facial else len(self.centre)
        self.around = slice(len(self.reference), end)
        self.inner = (self.triangles < end).all(1)  # (T,) within the second ring
        cheeks = (self.triangles < JAW.stop).any(1) & self.facial
        self.least: Any = np.where(cheeks, _CHEEKS, _LEAST)  # (T,) of its area, that is kept
        self._cache: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # see `to_mean`

    @cached_property
    def centre(self) -> np.ndarray:
        """(P, 2): the mesh's points over the reference shape."""
        return points(self.reference)

    def to_mean(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """What the pixels of the shape-free frame (size x size) are made of.

        Returns the triangle's points (size^2, 3) and their weights (size^2, 3): a pixel looks at
        the sum of those points of another shape's mesh.
        """
        if size not in self._cache:
            found, weights = self.drawn(self.centre, (-1, -1, 1, 1), (size, size))
            if (found < 0).any():
                raise InputError(
                    "the landmarks' reference shape does not cover the crop; install the package "
                    "again or train this part"
                )
            self._cache[size] = self.triangles[found.ravel()], weights.reshape(-1, 3)
        return self._cache[size]

    def looks(self, shapes: np.ndarray, size: int) -> np.ndarray:
        """Where the shape-free frame's pixels look in faces of these shapes.

        Args:
            shapes: (B, N, 2).

        Returns:
            (B, size, size, 2) float32. For the reference shape it is the pixels themselves.
        """
        meshes = np.stack([points(shape) for shape in shapes]).astype(np.float32)  # (B, P, 2)
        return between(meshes, *self.to_mean(size)).reshape(len(shapes), size, size, 2)

    def moved(self, shape: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The meshes of a face and of the same face with another shape, neither of them folded.

        Lips that would pass through each other meet, and a displacement that would fold a triangle,
        or leave little of a cheek's, is shortened until it does not.

        Args:
            shape, new: (N, 2).

        Returns two (P, 2).
        """
        shape = np.asarray(shape, np.float64)
        before = points(shape)
        new = parted(np.asarray(new, np.float64))
        own = signed_of(before[self.triangles])
        counted = (own > 1e-6) & ~self.mouth  # a head turned far hides triangles: they stay so
        after = followed(before, new - parted(shape))  # found lips may have crossed already
        for _ in range(100):  # 0.7 ** 100 is nothing at all
            now = signed_of(after[self.triangles])
            worst = counted & (now < self.least * own)
            if not worst.any():
                break
            # Only what folds is held back, so that one bad point does not stop the whole edit
            slack = np.ones(len(before))
            np.minimum.at(slack, self.triangles[worst].ravel(), 0.7)
            after = before + (after - before) * slack[:, None]
        return before, after

    def drawn(
        self,
        mesh: np.ndarray,
        region: tuple[float, float, float, float],
        shape: tuple[int, int],
        inner: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which triangle of a mesh each pixel of a picture lies in, and where in it.

        Args:
            mesh: (P, 2).
            region: left, top, right, bottom of the picture in the mesh's coordinates.
            shape: height, width of the picture.
            inner: leave out what lies beyond the second ring, and never moves.

        Returns:
            (h, w) int32, -1 where there is none, and (h, w, 3) float32 weights of its points.
        """
        height, width = shape
        left, top, right, bottom = region
        scale = np.array([width / (right - left), height / (bottom - top)])
        corners = (mesh[self.triangles] - [left, top]) * scale - 0.5  # (T, 3, 2), pixel centres
        found = np.full((height, width), -1, np.int32)
        weights = np.zeros((height, width, 3), np.float32)
        area = signed_of(corners)
        low = np.maximum(np.ceil(corners.min(1) - 1e-6), 0).astype(int)
        high = np.minimum(np.floor(corners.max(1) + 1e-6), [width - 1, height - 1]).astype(int)
        some = np.flatnonzero((area > 1e-6) & (low <= high).all(1) & (self.inner | (not inner)))
        # What lies between the lips comes first: a pixel on their edge is the lips'
        some = some[np.argsort(~self.mouth[some], kind="stable")]
        wide, high = (high - low + 1).T
        # In order, in parts of about so many pixels of their boxes each
        ends = np.flatnonzero(np.diff((wide * high)[some].cumsum() // _PART)) + 1
        for part in np.split(some, ends):
            # Every pixel of every triangle's box, one after the other
            counts = wide[part] * high[part]
            each = partial(np.repeat, repeats=counts)  # what is said of triangles, of those pixels
            tri = each(part)
            step = np.arange(counts.sum()) - each(counts.cumsum() - counts)
            x, y = low[tri, 0] + step % wide[tri], low[tri, 1] + step // wide[tri]
            (ax, ay), (bx, by), (cx, cy) = (corners[part, k].T for k in range(3))
            p, q, over = x - each(ax), y - each(ay), 1 / area[part]
            second = p * each((cy - ay) * over) - q * each((cx - ax) * over)
            third = q * each((bx - ax) * over) - p * each((by - ay) * over)
            inside = (second >= -1e-5) & (third >= -1e-5) & (second + third <= 1 + 1e-5)
            x, y, second, third = x[inside], y[inside], second[inside], third[inside]
            found[y, x] = tri[inside]
            weights[y, x] = np.stack([1 - second - third, second, third], -1)
        return found, weights

    def places(self, mesh: np.ndarray, found: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Where pixels that `drawn` found lie in another mesh (P, 2): (h, w, 2) float32; or what
        else is said of a mesh's points (P, C), between them: (h, w, C).

        What is said of pixels in no triangle means nothing.
        """
        return between(mesh.astype(np.float32), self.triangles[found], weights)


def between(values: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What is said of a mesh's points (..., P, C), at places between them: (..., h, w, C), in
    memory plane by plane.

    Args:
        corners, weights: (h, w, 3) of each place, its triangle's points and what each is worth; or
            (N, 3), and so (..., N, C).
    """
    planes = np.ascontiguousarray(values.swapaxes(-1, -2))  # (..., C, P)
    parts = (planes.take(corners[..., k], -1) * weights[..., k] for k in range(3))
    return np.moveaxis(sum(parts), planes.ndim - 2, -1)


def points(shape: np.ndarray) -> np.ndarray:
    """The mesh's points of a face of this shape (N, 2): (P, 2), the shape's own first."""
    border = BORDER if of_a_face(shape) else 1.0
    axis = np.linspace(-border, border, 5)
    edge = np.array([(x, y) for x in axis for y in axis if max(abs(x), abs(y)) > border - 1e-9])
    if not of_a_face(shape):
        return np.concatenate([shape.clip(-WITHIN, WITHIN), edge])
    middle = shape[27:36].mean(0)
    unit = np.linalg.norm(shape[42:48].mean(0) - shape[36:42].mean(0))
    jaw, brows = shape[JAW] - middle, shape[BROWS]
    up = np.array([0.0, -1.0])
    rings = [
        np.concatenate([middle + out * jaw, brows + above * unit * up])
        for out, above in zip(_RINGS, _ABOVE, strict=True)
    ]
    return np.concatenate([shape, *rings, edge])


def followed(mesh: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """A mesh (P, 2) whose shape has moved by (N, 2): the first ring follows, the second stays."""
    after = mesh.copy()
    after[: len(displacement)] += displacement
    if of_a_face(displacement):
        after[68 : 68 + 27] += FOLLOWED * np.concatenate([displacement[JAW], displacement[BROWS]])
    return after


def parted(shape: np.ndarray) -> np.ndarray:
    """A shape (N, 2) whose lips do not pass through each other: where they would, they meet."""
    shape = shape.copy()
    if not of_a_face(shape):
        return shape
    upper, lower = shape[UPPER], shape[LOWER]
    crossed = (lower - upper)[:, 1] < 0
    middle = (upper + lower) / 2
    shape[UPPER] = np.where(crossed[:, None], middle, upper)
    shape[LOWER] = np.where(crossed[:, None], middle, lower)
    return shape


def signed_of(corners: np.ndarray) -> np.ndarray:
    """Twice the signed area of triangles (..., 3, 2): (...)."""
    b, c = corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    return b[..., 0] * c[..., 1] - b[..., 1] * c[..., 0]


def held_open(mean: np.ndarray) -> np.ndarray:
    """The mean shape (N, 2) with its lips held apart: the reference shape."""
    shape = mean.copy()
    if not of_a_face(shape):
        return shape
    unit = np.linalg.norm(mean[42:48].mean(0) - mean[36:42].mean(0))
    shape[[50, 51, 52, *UPPER], 1] -= _UP * unit
    shape[[55, 56, 57, 58, 59, *LOWER], 1] += _DOWN * unit
    return shape


def triangulated(mean: np.ndarray) -> np.ndarray:
    """Triangles (T, 3) over a shape (N, 2): Delaunay's, of the mouth and eyes held open.

    Open, so that no triangle reaches across the lips or the lids. All are oriented alike.
    """
    from scipy.spatial import Delaunay

    open_ = points(mean)
    if of_a_face(mean):
        unit = np.linalg.norm(mean[42:48].mean(0) - mean[36:42].mean(0))
        open_[LOWER + [55, 56, 57, 58, 59], 1] += 0.25 * unit
        open_[[6, 7, 8, 9, 10], 1] += 0.3 * unit
        open_[[68 + 6 + k for k in range(5)] + [68 + 27 + 6 + k for k in range(5)], 1] += 0.3 * unit
    triangles = Delaunay(open_).simplices
    area = signed_of(open_[triangles])
    triangles[area < 0] = triangles[area < 0][:, ::-1]
    return triangles[np.abs(area) > 1e-6]
