"""Where in the mean frame an edit may show, whatever the face: (S, S) arrays in [0, 1]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from istrc.attributes import (
    BEARDS,
    FORMED,
    OF_LIPS,
    OF_THE_BROWS,
    OF_THE_EYES,
    OF_THE_MOUTH,
    growing,
    moves,
    regions_of,
    shades,
    shaving,
    tints,
)
from istrc.edit.teeth import cells, gaps
from istrc.photo.paste import face_mask
from istrc.resample import blurred
from istrc.shape.mesh import Mesh
from istrc.shape.regions import (
    above,
    enlarged,
    featureless,
    jawed,
    outline,
    polygon,
    region_mask,
    skin,
)

# Attributes that are edited, best with their strengths, without which no detail changes
Edits = Mapping[str, float] | Iterable[str] | None
_EDGE = 0.012  # of the crop's side, over which the inside of a mouth is blended into its lips
_LIP_EDGE = 0.006  # of the side, over which hair that hangs over lips ends at what is between them
_BELOW = 0.03  # of half the crop's side, that what is looked at around eyes lies lower
# Times its size, that the inside of a mouth is drawn where it opens to speak, and to smile: its
# edge is blended away. Drawn larger, a mouth that speaks would have a black rim on its lips
_INSIDE = 1.05, 1.2
_BROW, _THICK = 1.1, 0.06  # times its length, and of half the crop's side, that a brow covers
_STAYS = 0.6  # of what an edit would take of it, that a brow keeps
_LASHES = 1.4  # times an eye's size, that its lashes reach
_BESIDE = 4  # pixels around a mouth: places beside it look two further, and what they see again
# Taken away of the shade of shaven hair, and of the folds of a smile, before they near the deepest:
# as deep everywhere it is a patch with an edge. The median light above the lip that `male` 1 leaves
# is .92 of the skin's without this and .93 with it; shaven men have .928
_STUBBLE, _SMILING = 0.7, 0.5
_BETWEEN = 1.18  # times its size, that what is between them is where lips part
_LIPS = 1.3  # times its size, that the inside of a mouth shows on the edge of its lips


class Masks:
    """The masks of a circle's edits.

    Args:
        mesh: over the mean shape of a face; None where all shapes are the same, or no face's.
        size: S, pixels of the texture's side.
        whole: whether all of a picture is edited, which is no face.
    """

    def __init__(self, mesh: Mesh | None, size: int, whole: bool):
        # Any, because what is not to be had without one is not asked for there
        self.mesh: Any = mesh
        self.size, self._whole = size, whole

    def shows(self, edits: Edits) -> np.ndarray:
        """Where the texture of such an edit may show."""
        return self._region(None if edits is None else tuple(edits))

    @lru_cache(maxsize=64)  # noqa: B019  there are few `Masks`, and they last (`masks_of`)
    def _region(self, edits: tuple[str, ...] | None) -> np.ndarray:
        size, mesh = self.size, self.mesh
        if mesh is None:
            return np.ones((size, size), np.float32) if self._whole else face_mask(size)
        if edits and {*edits} <= {*FORMED}:
            return np.zeros((size, size), np.float32)
        edits = edits and tuple(name for name in edits if name not in FORMED)
        mask, regions = outline(mesh.reference, size, jaw=shades(edits)), regions_of(edits)
        if not of_the_mouth(edits):
            mask = mask * (1 - self.mouth)
        for eye in (slice(36, 42), slice(42, 48)):  # it keeps its colour and its light
            mask = mask * (1 - polygon(mesh.reference[eye], size))
        if edits is not None and all(shades([name]) for name in edits):  # no nose has a beard
            nose = polygon(mesh.reference[[27, 31, 32, 33, 34, 35]], size)[None]
            mask = mask * (1 - blurred(nose, _EDGE * size)[0])
        return mask if regions is None else mask * region_mask(mesh.reference, regions, size)

    def dark(self, edits: Edits) -> np.ndarray | None:
        """Where such an edit leaves what is dark as it is: hair, brows, lashes, irises."""
        mesh, size = self.mesh, self.size
        if mesh is None:
            return None
        if of_the_mouth(edits):
            return above(mesh.reference[31:36, 1].mean(), size)
        if any(moves(name, "beard") for name in edits or ()):
            return above(mesh.reference[17:27, 1].min(), size)
        return np.ones((size, size), np.float32)

    def painted(self, edits: Edits) -> Any:
        """Where such an edit may colour the skin; or a number."""
        if edits is None:
            return 1.0
        painting = [name for name in edits if tints([name])]
        return self.shows(painting) if painting else 0.0

    def grows(self, edits: Edits) -> Any:
        """Where such an edit lets facial hair grow, up to the lips; None where it is no such."""
        if self.mesh is None or not shades(edits):
            return None
        grows, free = growing(edits), 1 - self.within_lips
        return self.shows(grows) * free if grows else np.zeros_like(free)

    def trimmed(self, edits: Edits) -> Any:
        """What the shade of such an edit keeps, or 1: a mean moustache goes on round the mouth, as
        with a beard, and one that grows alone ends beside it.
        """
        alone = growing(edits) == ["mustache"] and not shaving(edits)
        if self.mesh is None or not alone or not all(shades([name]) for name in edits or ()):
            return 1
        return region_mask(self.mesh.reference, ["moustache"], self.size)

    def shaves(self, edits: Edits) -> Any:
        """Where such an edit takes facial hair away; None where it takes none."""
        taken = shaving(edits)
        if self.mesh is None or not taken:
            return None
        return self.shows([name for name in taken if shades([name])] or ["beard"]) * self.hung

    def chin(self, edits: Edits) -> Any:
        """Where such an edit lets a beard go round the chin; or 0."""
        if self.mesh is None or not set(growing(edits)) & set(BEARDS):
            return 0
        return region_mask(self.mesh.reference, ["chin"], self.size)

    @cached_property
    def hung(self) -> np.ndarray:
        """Where hair may hang over a face."""
        mean, size = self.mesh.reference, self.size
        free = featureless(mean, size, 1, lips=False) * jawed(mean, size)
        return free * (1 - self._lip_edges[1])

    @cached_property
    def red_of_lips(self) -> np.ndarray:
        """The lips, without what is between them."""
        outer, inner = self._lip_edges
        return (outer - inner).clip(0, 1)

    @cached_property
    def _lip_edges(self) -> np.ndarray:
        """What lies within the outer and the inner edge of the lips, (2, S, S)."""
        mean = self.mesh.reference
        both = np.stack([polygon(mean[edge], self.size) for edge in (slice(48, 60), slice(60, 68))])
        return blurred(both, _LIP_EDGE * self.size)

    @cached_property
    def skin(self) -> Any:  # an array, or None without shapes
        """Where a face's own tone is measured."""
        return None if self.mesh is None else skin(self.mesh.reference, self.size)

    @cached_property
    def plain(self) -> np.ndarray:
        """Where a face is skin, or hair upon it."""
        mean, size = self.mesh.reference, self.size
        return outline(mean, size, jaw=True) * featureless(mean, size, 1.2)

    @cached_property
    def jawed(self) -> np.ndarray:
        """Everything but what is beyond the jaw."""
        mean, size = self.mesh.reference, self.size
        return np.maximum(jawed(mean, size), above(mean[31:36, 1].mean(), size))

    @cached_property
    def eyes(self) -> np.ndarray | float:
        """Where eyes and brows are, and glasses may be."""
        return 0 if self.mesh is None else region_mask(self.mesh.reference, ["eyes"], self.size)

    @cached_property
    def lids(self) -> np.ndarray:
        """What lies around both eyes, and not in them."""
        mask = np.zeros((self.size, self.size), np.float32)
        for eye in (slice(36, 42), slice(42, 48)):
            around = enlarged(self.mesh.reference[eye], 1.8) + [0, _BELOW]
            mask += polygon(around, self.size) * (
                1 - polygon(enlarged(self.mesh.reference[eye], 1.2), self.size)
            )
        return mask

    @cached_property
    def mouth(self) -> Any:  # likewise
        """What lies between the lips."""
        if self.mesh is None:
            return None
        inside = polygon(self.mesh.reference[60:68], self.size)
        return blurred(inside[None], _EDGE * self.size)[0]

    @cached_property
    def lips(self) -> np.ndarray:
        """What lies between the lips with the edge of the lips."""
        wide = polygon(enlarged(self.mesh.reference[60:68], _LIPS), self.size)
        return blurred(wide[None], 2 * _EDGE * self.size)[0]

    def red(self, edits: Edits) -> Any:
        """The lips, where such an edit neither shapes nor paints them; None where it does."""
        shaped = {*OF_LIPS, *OF_THE_MOUTH}
        if self.within_lips is None or edits is None or shades(edits) or shaped & {*edits}:
            return None
        return (1 - self.painted(edits)) * self.within_lips

    def stubble(self, edits: Edits) -> Any:
        """Where the shade of such an edit is that of shaven hair; or 0."""
        if self.mesh is None or not isinstance(edits, Mapping) or edits.get("male", 0) <= 0:
            return 0
        return region_mask(self.mesh.reference, ["lower face"], self.size)

    def faint(self, edits: Edits, stubble: np.ndarray | float) -> Any:
        """What is taken away of what such an edit darkens, before that nears the deepest fold.

        stubble: as the method of that name has it.
        """
        faint = np.maximum(_STUBBLE * stubble, _SMILING * of_the_mouth(edits))
        return faint.astype(np.float32)

    @cached_property
    def within_lips(self) -> Any:
        """What lies within the outer edge of the lips, with what is between them; None without
        shapes.
        """
        if self.mesh is None:
            return None
        return blurred(polygon(self.mesh.reference[48:60], self.size)[None], _EDGE * self.size)[0]

    @cached_property
    def bare(self) -> np.ndarray | float:
        """Where is nothing that has another colour than skin."""
        return 0 if self.mesh is None else featureless(self.mesh.reference, self.size, 1.1)

    @cached_property
    def brows(self) -> np.ndarray | float:
        """Where brows may be."""
        if self.mesh is None:
            return 0
        return self.eyes * above(self.mesh.reference[36:48, 1].mean(), self.size)

    def fades(self, edits: Edits) -> Any:
        """How much of what such an edit lightens it does: brows and lashes are hair and stay;
        lashes do not where paint is edited, which may be on them, or the form of the eyes.
        """
        if edits is None or set(edits) & {*OF_THE_BROWS}:
            return 1.0
        brows, lashes = self._hairs
        lashes = 0 if set(edits) & {*OF_THE_EYES} else lashes * (1 - self.painted(edits))
        return 1 - _STAYS * np.maximum(brows, lashes)

    @cached_property
    def _hairs(self) -> np.ndarray:
        """Where brows are, and lashes, (2, S, S); nowhere without shapes."""
        if self.mesh is None:
            return np.zeros((2, 1, 1), np.float32)
        size, mean = self.size, self.mesh.reference
        hairs = np.zeros((2, size, size), np.float32)
        for brow in (slice(17, 22), slice(22, 27)):
            upper = enlarged(mean[brow], _BROW)
            both = np.concatenate([upper - [0, _THICK / 2], (upper + [0, _THICK])[::-1]])
            hairs[0] = np.maximum(hairs[0], polygon(both, size))
        for eye in (slice(36, 42), slice(42, 48)):
            hairs[1] = np.maximum(hairs[1], polygon(enlarged(mean[eye], _LASHES), size))
        return blurred(hairs, _EDGE * size)

    def opened(self, smiles: float) -> np.ndarray:
        """Where a mouth that opens is drawn anew, which smiles as surely as that: blended along
        its edge.
        """
        speaks, laughs = self._insides
        return speaks + smiles * (laughs - speaks)

    @cached_property
    def _insides(self) -> np.ndarray:
        inside = self.mesh.reference[60:68]
        both = [polygon(enlarged(inside, times), self.size) for times in _INSIDE]
        return blurred(np.stack(both), _EDGE * self.size)

    @cached_property
    def between(self) -> np.ndarray:
        """What lies between lips that open, and a little of their edge."""
        inside = polygon(enlarged(self.mesh.reference[60:68], _BETWEEN), self.size)
        return blurred(inside[None], _EDGE / 2 * self.size)[0]

    @cached_property
    def opening(self) -> tuple[np.ndarray, np.ndarray]:
        """The `cells` and `gaps` of a mouth that opens, within `mouth_box`."""
        of = self.mesh.reference, self.size
        return cells(*of)[self.mouth_box], gaps(*of)[self.mouth_box]

    @cached_property
    def mouth_box(self) -> Any:
        """An index of the rows and columns around the mouth, also where it opens."""
        box = (
            slice(max(int(at.min()) - _BESIDE, 0), int(at.max()) + _BESIDE + 1)
            for at in np.nonzero(self.mouth + self._insides.sum(0))
        )
        return (..., *box)


@lru_cache(maxsize=4)
def masks_of(mesh: Mesh | None, size: int, whole: bool) -> Masks:
    """The `Masks` of a circle, made once: no face has a say in them."""
    return Masks(mesh, size, whole)


def of_the_mouth(edits: Edits) -> bool:
    """Whether such an edit changes what is between the lips."""
    return edits is None or bool(set(edits) & set(OF_THE_MOUTH))
