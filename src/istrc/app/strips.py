"""One row of a strip: the faces along one walk, drawn from the photograph's own pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from istrc import sphere
from istrc.arrays import library, numpy
from istrc.data.prepared import to_pixels
from istrc.figures import Row, signed
from istrc.photo.paste import paste_change

if TYPE_CHECKING:
    from istrc.face import Face


def walk_row(
    face: Face,
    name: str,
    strength: float,
    *,
    frames: int = 9,
    cell: int = 128,
    keep: Iterable[str] | None = None,
    mode: str = "photo",
    metric: str = "data",
) -> tuple[Row, list[float]]:
    """The faces from z_0 to z_T, evenly spaced in angle, and their angles in radians.

    In `photo` mode each change is put into the photograph and the face cut out at `cell` pixels,
    so that a strip shows the photograph's detail and not the decoder's size.
    """
    circle = face.circle
    walk = circle.reach(face.x, face.z, {name: strength}, keep=keep, mode=mode, metric=metric)
    points = walk.frames(frames)[:, 0]  # (frames, D)
    spread = library(points).broadcast_to
    start, x = spread(face.z, points.shape), spread(face.x, (frames, *face.x.shape[1:]))
    if mode == "photo":
        overlays = numpy(circle.overlay(x, start, points)).transpose(0, 2, 3, 1)
        own, frame = face.picture.pixels, face.frame
        faces = [frame.crop(paste_change(own, one, frame), cell) for one in overlays]
    else:
        faces = list(to_pixels(circle.rebuild(x, start, points, mode)))
    angles = [float(angle) for angle in numpy(sphere.angle(start, points))]
    captions = [f"{angle:.2f} rad" for angle in angles]
    return Row(f"{name} {signed(strength)}", faces, captions, marked=0), angles
