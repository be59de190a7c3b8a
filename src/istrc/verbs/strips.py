"""One row of a strip: the faces along one walk, drawn from the photograph's own pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from istrc import sphere
from istrc.arrays import library, numbers, numpy
from istrc.data.prepared import to_pixels
from istrc.edit.composite import put
from istrc.face import Face
from istrc.figures import Row, signed


def walk_row(
    face: Face,
    name: str,
    strength: float,
    *,
    frames: int = 9,
    cell: int = 128,
    mode: str = "photo",
    **how: Any,
) -> tuple[Row, list[float]]:
    """The faces from z_0 to z_T, evenly spaced in angle, and their angles in radians.

    In `photo` mode each change is put into the photograph and the face cut out at `cell` pixels,
    so that a strip shows the photograph's detail and not the decoder's size.

    Args:
        mode, how: as in `Circle.stopped_walk`.
    """
    circle, own = face.circle, face.picture.pixels
    drawing = None if mode == "circle" else face.rendering
    stopped = circle.stopped_walk(
        face.x, face.z, {name: strength}, mode=mode, drawing=drawing, **how
    )
    points = stopped.walk.frames(frames)[:, 0]  # (frames, D)
    start = library(points).broadcast_to(face.z, points.shape)
    if drawing is None:
        faces = list(to_pixels(circle.decode(points)))
    else:
        own_code = library(points).broadcast_to(drawing.c, (frames, circle.code))
        changes = circle.map_change(own_code, start, points)
        # The edit may go further than where its walk ends
        share = numbers(np.linspace(0, 1, frames)[:, None], changes)
        changes = changes + share * (stopped.change - changes[-1:])
        if mode == "photo":
            faces = []
            for one, part in zip(changes, np.linspace(0, strength, frames), strict=True):
                [layers] = drawing.layers(one[None], {name: part})
                edited = put(own, layers, face.frame, circle.mesh)
                faces.append(face.frame.crop(edited, cell))
        else:
            faces = list(to_pixels(drawing.drawn(changes, mode)))
    angles = [float(angle) for angle in numpy(sphere.angle(start, points))]
    captions = [f"{angle:.2f} rad" for angle in angles]
    return Row(f"{name} {signed(strength)}", faces, captions, marked=0), angles
