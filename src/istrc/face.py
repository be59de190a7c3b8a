"""A face in a photograph, and an edit of it: from the sphere back into the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from istrc.arrays import Array, library, numpy
from istrc.data.prepared import to_pixels
from istrc.edit import walk as walking
from istrc.edit.composite import Layers, put
from istrc.edit.render import Rendering
from istrc.photo.align import Frame
from istrc.photo.paste import paste_crop
from istrc.photo.picture import Picture
from istrc.photo.write import write_picture
from istrc.photo.xmp import COMPOSITE

if TYPE_CHECKING:
    from istrc.circle import Circle


@dataclass(frozen=True)
class Face:
    """One face of a photograph, read, aligned and embedded. Edits of it are cheap.

    Attributes:
        x: (1, 3, S, S) the aligned face, in [-1, 1].
        z: (1, D) its embedding.
        frame: where it is in the photograph.
        number, count: which face of how many, from 1, the largest first.
        found: (1, N, 3) its landmarks (`Circle.placed`) where they were given; None finds them.
    """

    circle: Circle
    path: Path
    picture: Picture
    frame: Frame
    x: Array
    z: Array
    number: int = 1
    count: int = 1
    found: Array | None = None

    @cached_property
    def rendering(self) -> Rendering:
        """What draws this face with other codes."""
        return Rendering.of(self.circle, self.x, self.found)

    @property
    def code(self) -> Array:
        """(1, C)."""
        return self.rendering.c

    def edit(
        self,
        *,
        keep: Iterable[str] | None = None,
        mode: str = "photo",
        metric: str = "data",
        onto: Edited | None = None,
        **strengths: float,
    ) -> Edited:
        """Edit this face: `face.edit(smile=+1, keep=["male"])`.

        Args:
            onto: an edit of another face of the same photograph, to which this one is added.
        """
        return edited([self], strengths, keep=keep, mode=mode, metric=metric)[0].put(onto)

    def rebuild(self, mode: str = "circle", onto: Edited | None = None) -> Edited:
        """This face as decode(F(z)) ("circle") or decode(E(x)) ("anchored").

        Args:
            onto: as in `edit`.
        """
        return rebuilt([self], mode)[0].put(onto)


@dataclass(frozen=True)
class Drawn:
    """A face as an edit draws it, not yet put into its photograph.

    Attributes:
        what: the layers over the photograph (mode "photo"), or the new face (3, S, S) in [-1, 1].
        walk: see `Edited`.
    """

    face: Face
    what: Layers | Array
    walk: walking.Walk | None = None

    def put(self, onto: Edited | None = None) -> Edited:
        """In its photograph; `onto`: as in `Face.edit`."""
        face, circle = self.face, self.face.circle
        pixels = face.picture.pixels if onto is None else onto.pixels
        if isinstance(self.what, Layers):
            pixels = put(pixels, self.what, face.frame, circle.mesh)
            crop = face.frame.crop(pixels, circle.size)
        else:
            crop = to_pixels(self.what[None])[0]
            new = numpy(self.what).transpose(1, 2, 0)  # (S, S, 3)
            pixels = paste_crop(pixels, new, face.frame, circle.whole)
        return Edited(face, pixels, crop, self.walk)


def edited(
    faces: Sequence[Face], strengths: Mapping[str, float], *, mode: str = "photo", **how: Any
) -> list[Drawn]:
    """One edit of faces of one circle, drawn together, which takes less time than one by one.

    Arguments are those of `Face.edit`.
    """
    circle, x, z = _together(faces)
    drawing = None if mode == "circle" else _rendering(faces, x)
    stopped = circle.stopped_walk(x, z, strengths, mode=mode, drawing=drawing, **how)
    walk, change, asked = stopped.walk, stopped.change, asked_of(strengths)
    if drawing is None:
        drawn = circle.decode(walk.end)
    elif mode == "photo":
        drawn = drawing.layers(change, asked)
    else:
        drawn = drawing.drawn(change, mode, asked)
    walks = [walk.of(slice(row, row + 1)) for row in range(len(faces))]
    return [Drawn(*one) for one in zip(faces, drawn, walks, strict=True)]


def asked_of(strengths: Mapping[str, float]) -> dict[str, float]:
    """The strengths that ask for something: those of 0 show nowhere."""
    return {name: float(value) for name, value in strengths.items() if value}


def rebuilt(faces: Sequence[Face], mode: str = "circle") -> list[Drawn]:
    """What `Face.rebuild` draws, of faces of one circle together."""
    circle, x, z = _together(faces)
    if mode == "circle":
        drawn = circle.decode(z)
    else:
        drawing = _rendering(faces, x)
        draw = drawing.layers if mode == "photo" else partial(drawing.drawn, mode=mode)
        drawn = draw(drawing.c * 0)
    return [Drawn(face, one) for face, one in zip(faces, drawn, strict=True)]


def _together(faces: Sequence[Face]) -> tuple[Circle, Array, Array]:
    """The circle of faces, all x (B, 3, S, S) and all z (B, D)."""
    join = library(faces[0].x).concatenate
    return faces[0].circle, join([face.x for face in faces]), join([face.z for face in faces])


def _rendering(faces: Sequence[Face], x: Array) -> Rendering:
    if len(faces) == 1:
        return faces[0].rendering
    circle, found = faces[0].circle, None
    if any(face.found is not None for face in faces):
        every = [circle.find(face.x) if face.found is None else face.found for face in faces]
        found = library(x).concatenate(every)
    return Rendering.of(circle, x, found)


@dataclass(frozen=True)
class Edited:
    """An edited photograph.

    Attributes:
        pixels: (H, W, 3) uint8, the whole photograph.
        crop: (S, S, 3) uint8, the edited face.
        walk: the walk that was made; None for a reconstruction.
    """

    face: Face
    pixels: np.ndarray
    crop: np.ndarray
    walk: walking.Walk | None

    @property
    def angle(self) -> float:
        """Radians walked from the face's embedding."""
        return float(self.walk.angle[0]) if self.walk is not None else 0.0

    def save(self, path: str | Path, provenance: bool = True, location: bool = False) -> None:
        """Write the photograph; the suffix chooses the format.

        Args:
            provenance: say in the file that a model made parts of it (istrc.photo.xmp); not said
                where the edit changed no pixel.
            location: keep where the photograph was taken.
        """
        before = self.face.picture.pixels
        kind = COMPOSITE if provenance and not np.array_equal(self.pixels, before) else None
        write_picture(self.face.picture, self.pixels, path, source_type=kind, location=location)
