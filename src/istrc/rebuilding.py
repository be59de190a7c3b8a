"""Faces with other embeddings than their own: the three ways to rebuild them.

circle:   decode(F(z2)), the paper's: background, pose and light are the decoder's.
anchored: decode(h'), h' = E(x) + F(z2) - F(z): what the walk did not touch stays.
photo:    x + decode(h') - decode(E(x)): the face's own pixels plus the change, inside the face's
          mask; where the change is great, decode(h') (istrc.photo.cover).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from istrc.arrays import inference, library
from istrc.errors import InputError
from istrc.photo.cover import overlay

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.circle import Circle

MODES = ("photo", "anchored", "circle")


class Rebuilding:
    """Rebuilds faces for any embeddings z2, of all faces once or several times over (K B, D).

    What the faces alone decide is computed once.

    Args:
        x: (B, 3, S, S) in [-1, 1].
        z: (B, D) their embeddings.
    """

    def __init__(self, circle: Circle, x: Array, z: Array):
        self.circle, self.x, self.z = circle, x, z

    @inference
    def drawn(self, z2: Array, mode: str) -> Array:
        """The faces with the embeddings z2, (K B, 3, S, S) in [-1, 1]. Raises InputError."""
        if mode not in MODES:
            raise InputError(f"mode {mode!r}: use one of {', '.join(MODES)}")
        if mode == "circle":
            return self.circle.decode(z2)
        if mode == "anchored":
            return self.circle.decode_code(self._moved(z2))
        return self.circle.put_change(_repeated(self.x, len(z2)), self.overlay(z2))

    @inference
    def change(self, z2: Array) -> Array:
        """decode(h') - decode(E(x)), (K B, 3, S, S), before any mask."""
        return self._changed(z2)[0]

    @inference
    def overlay(self, z2: Array) -> Array:
        """The change and what it covers, (K B, 4, S, S), before any mask: istrc.photo.cover."""
        return overlay(*self._changed(z2))

    @cached_property
    def _code(self) -> Array:
        return self.circle.encode(self.x)

    @cached_property
    def _rebuilt(self) -> Array:
        return self.circle.draw(self._code)

    def _moved(self, z2: Array) -> Array:
        """h' of each z2."""
        own, start = _repeated(self._code, len(z2)), _repeated(self.z, len(z2))
        # F's difference first: it is exactly 0 where nothing was walked, and so is the change
        return own + self.circle.map_change(own, start, z2)

    def _changed(self, z2: Array) -> tuple[Array, Array]:
        before = _repeated(self._rebuilt, len(z2))
        return self.circle.draw(self._moved(z2)) - before, before


def _repeated(part: Array, count: int) -> Array:
    """Rows of faces (B, ...) as often as `count` of them need: (count, ...)."""
    times = count // len(part)
    return part if times == 1 else library(part).concatenate([part] * times)
