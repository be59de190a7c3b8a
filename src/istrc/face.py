"""A face in a photograph, and an edit of it: from the sphere back into the picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from istrc.arrays import numpy
from istrc.data.prepared import to_pixels
from istrc.edit import walk as walking
from istrc.edit.composite import put
from istrc.edit.render import Rendering
from istrc.photo.align import Frame
from istrc.photo.paste import paste_crop
from istrc.photo.picture import Picture
from istrc.photo.write import write_picture
from istrc.photo.xmp import COMPOSITE

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.circle import Circle


@dataclass(frozen=True)
class Face:
    """One face of a photograph, read, aligned and embedded. Edits of it are cheap.

    Attributes:
        x: (1, 3, S, S) the aligned face, in [-1, 1].
        z: (1, D) its embedding.
        frame: where it is in the photograph.
        number, count: which face of how many, from 1, the largest first.
    """

    circle: Circle
    path: Path
    picture: Picture
    frame: Frame
    x: Array
    z: Array
    number: int = 1
    count: int = 1

    @cached_property
    def rendering(self) -> Rendering:
        """What draws this face with other codes."""
        return Rendering.of(self.circle, self.x)

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
        drawing = None if mode == "circle" else self.rendering
        reached = self.circle.reach(
            self.x, self.z, strengths, keep=keep, mode=mode, metric=metric, drawing=drawing
        )
        path = reached.walk
        return self._put(path.end, reached.change, mode, path, onto, tuple(strengths))

    def rebuild(self, mode: str = "circle", onto: Edited | None = None) -> Edited:
        """This face as decode(F(z)) ("circle") or decode(E(x)) ("anchored").

        Args:
            onto: as in `edit`.
        """
        change = None if mode == "circle" else self.code * 0
        return self._put(self.z, change, mode, None, onto)

    def _put(self, z2, change, mode, path, onto, edits=None) -> Edited:
        circle = self.circle
        pixels = self.picture.pixels if onto is None else onto.pixels
        if mode == "photo":
            layers = self.rendering.layers(change, edits)[0]
            pixels = put(pixels, layers, self.frame, circle.mesh)
            crop = self.frame.crop(pixels, circle.size)
        else:
            drawn = circle.decode(z2) if mode == "circle" else self.rendering.drawn(change, mode)
            crop = to_pixels(drawn)[0]
            new = numpy(drawn)[0].transpose(1, 2, 0)
            pixels = paste_crop(pixels, new, self.frame, circle.whole)
        return Edited(self, pixels, crop, path)


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
