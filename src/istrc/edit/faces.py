"""What is known of faces whatever becomes of them; computed once, when it is asked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from istrc.arrays import numpy
from istrc.edit import hair
from istrc.edit.detail import bands, blur, lit
from istrc.edit.hair_colour import grey_of
from istrc.edit.masks import masks_of
from istrc.edit.mouth import bared
from istrc.edit.teeth import like_teeth
from istrc.edit.tone import Known, shaded

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.networks import Networks


class Faces:
    """Faces as an edit finds them.

    Args:
        x: (B, 3, S, S) in [-1, 1].
        c: (B, C) their codes.
        covered: (B, N) logits of each point's being covered; None takes none for covered.
    """

    def __init__(self, nets: Networks, x: Array, c: Array, covered: Array | None = None):
        self.nets, self.x, self.c, self.covered = nets, x, c, covered
        self._at = masks_of(nets.mesh if nets.facial else None, nets.size, nets.whole)

    @cached_property
    def _hair(self) -> list[np.ndarray]:
        """The colour that facial hair of each face has, (3, S, S)."""
        grey = numpy(self.nets.said("gray_hair", self.c, 0))
        of, skin = (self.nets.mesh.reference, self._at.skin), self._at.skin > 0.5
        beside = (self._real[:, :, skin].mean(2) + 1) / 2  # (B, 3)
        pale = [grey_of(self.nets.probes, colour) for colour in beside]
        each = zip(self._real, grey, pale, strict=True)
        return [hair.colour(real, *of, *how) for real, *how in each]

    @cached_property
    def _lit(self) -> tuple[np.ndarray, np.ndarray]:
        """The faces' own luma, (B, S, S) in units of their skin's, and that, (B, 1, 1)."""
        return lit(self._real, self._at.skin)

    @cached_property
    def _bands(self) -> np.ndarray:
        """That luma in bands, (B, BANDS, S, S)."""
        return bands(self._lit[0])

    @cached_property
    def _blur(self) -> np.ndarray:
        """How blurred the faces are, (B,)."""
        return blur(self._bands, self._at.shows(None))

    @cached_property
    def _shapes(self) -> np.ndarray:
        return numpy(self.nets.shapes(self.c))

    @cached_property
    def _mean(self) -> np.ndarray:
        """The texture of the mean face, (3, S, S)."""
        probes = self.nets.probes
        codes = self.c[:1] if probes is None else probes.mean[None]
        return numpy(self.nets.draw_texture(codes))[0]

    @cached_property
    def _texture(self) -> Array:
        return self.nets.draw_texture(self.c)

    @cached_property
    def _own(self) -> list[Known]:
        """What is known of the faces' textures."""
        weights = dict[Any, Any]()
        return [Known(own, self._at.skin, weights) for own in numpy(self._texture)]

    @cached_property
    def _teeth(self) -> list[np.ndarray]:
        """What is around the mouths as it was, as light as teeth may be, each (3, h, w)."""
        return [self._toothed(own.own, number) for number, own in enumerate(self._own)]

    def _toothed(self, new: np.ndarray, number: int) -> np.ndarray:
        """Of a new texture of a face what is around its mouth (3, h, w), as `like_teeth` has it."""
        at = self._at.mouth_box
        return like_teeth(new[at], self._at.mouth[at], self._own[number])

    @cached_property
    def _real(self) -> np.ndarray:
        """The faces' own pixels in the mean frame, (B, 3, S, S)."""
        if self.nets.mesh is None:
            return numpy(self.nets.faces_on_device(self.x))
        return numpy(self.nets.straighten(self.x, self.nets.shapes(self.c)))

    @cached_property
    def _read(self) -> Array:
        return self.nets.encode_texture(self._texture)

    @cached_property
    def _clear(self) -> np.ndarray:
        """How sure it is that each point is not covered, (B, N)."""
        clear = 1 / (1 + np.exp(2 * numpy(self.covered)))
        if not self.nets.facial:
            return clear
        dark = np.array([shaded(real, self._at.skin, self._at.lids) for real in self._real])
        clear[:, 36:48] *= 1 - dark[:, None]  # by sunglasses: brows are seen above them
        return clear

    @cached_property
    def _smooth(self) -> np.ndarray:
        """Where no hair falls over a forehead, (B, S, S) in [0, 1]."""
        of = self.nets.mesh.reference, self._at.skin
        return np.stack([hair.parted(real, *of) for real in self._real])

    @cached_property
    def _bared(self) -> np.ndarray:
        """Teeth that are seen between the lips, (B, S, S) in [0, 1]."""
        return np.stack(
            [bared(real, self.nets.mesh.reference, self._at.skin) for real in self._real]
        )

    def _over(self, values: np.ndarray) -> np.ndarray:
        """Values of the N points, between them over the mean frame: (S, S). Beyond them 1."""
        corners, weights = self.nets.mesh.to_mean(self.nets.size)
        beyond = len(self.nets.mesh.centre) - len(values)
        all_ = np.pad(np.asarray(values, np.float32), (0, beyond), constant_values=1)
        return (all_[corners] * weights).sum(1).reshape(self.nets.size, -1)

    @cached_property
    def _glasses(self) -> np.ndarray:
        """How surely the faces wear glasses, (B,)."""
        return numpy(self.nets.said("eyeglasses", self.c, 0))

    @cached_property
    def _bearded(self) -> np.ndarray:
        """How surely the faces have a beard or a moustache, (B,)."""
        said = [numpy(self.nets.said(name, self.c, 0)) for name in ("beard", "mustache")]
        return np.maximum(*said)
