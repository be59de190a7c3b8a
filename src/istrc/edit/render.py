"""Faces with other codes than their own: the three ways to draw them.

circle:   decode(F(z2)), the paper's: background, pose and light are the decoder's.
anchored: decode(c + change): what the edit did not touch stays, as far as the decoder draws it.
photo:    the picture's own pixels, moved to where the new shape has them, and the change of the
          texture, D(h') - D(h), laid over them there. What closes vanishes, because it has no area;
          what opens is drawn by the decoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from istrc.arrays import inference, library, numpy
from istrc.attributes import (
    BEARDS,
    OF_THE_MOUTH,
    growing,
    moves,
    of_the_hair,
    regions_of,
    shades,
    tints,
)
from istrc.edit import hair
from istrc.edit.composite import Layers, put
from istrc.edit.detail import amplitudes, bands, emphasised, gains, lit
from istrc.edit.mouth import area, bared, met, widened
from istrc.edit.tone import LUMA, like_teeth, toned, white_of
from istrc.errors import InputError
from istrc.photo.align import aligned_frame
from istrc.photo.paste import face_mask
from istrc.resample import blurred
from istrc.shape.measures import measures
from istrc.shape.regions import above, enlarged, featureless, outline, polygon, region_mask, skin

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.networks import Networks

# Attributes that are edited, best with their strengths, without which no detail changes
Edits = Mapping[str, float] | Iterable[str] | None
MODES = ("photo", "anchored", "circle")
_EDGE = 0.012  # of the crop's side, over which the inside of a mouth is blended into its lips
_INSIDE = 1.2  # times its size, that the inside of a mouth is drawn where it opens: its edge is
# blended away, and landmarks found 63 % of what was opened, and 72 % so
_LIPS = 1.3  # times its size, that the inside of a mouth shows on the edge of its lips
_OPENED = (1.3, 2.2)  # times its area, from which an open mouth is drawn by the decoder, and all


class Rendering:
    """Draws faces with other codes than their own. What the faces alone decide is computed once.

    Args:
        x: (B, 3, S, S) in [-1, 1].
        c: (B, C) their codes.
        covered: (B, 68) logits of each point's being covered; None takes none for covered.
        detail: (1, BANDS, S, S) log gains of an edit's detail (`emphasis`), in place of their own.
    """

    def __init__(
        self,
        nets: Networks,
        x: Array,
        c: Array,
        covered: Array | None = None,
        detail: np.ndarray | None = None,
    ):
        self.nets, self.x, self.c, self.covered, self._detail = nets, x, c, covered, detail
        self._shows: dict[tuple[str, ...] | None, np.ndarray] = {}  # by what is edited
        self._gains: dict[tuple[tuple[str, float], ...], np.ndarray] = {}  # and how far

    @classmethod
    def of(
        cls,
        nets: Networks,
        x: Array,
        found: Array | None = None,
        detail: np.ndarray | None = None,
    ) -> Rendering:
        """Of faces x (B, 3, S, S), whose points are found (`Networks.find`) where they are not
        known, (B, 68, 3), and whose codes are made.
        """
        if found is None and nets.landmarks is not None:
            found = nets.find(x)
        covered = None if found is None else found[..., 2]
        return cls(nets, x, nets.encode(x, found), covered, detail)

    def of_some(self, rows: Array) -> Rendering:
        """Of these faces alone, (R,)."""
        if len(rows) == len(self.c):
            return self
        covered = None if self.covered is None else self.covered[rows]
        return Rendering(self.nets, self.x[rows], self.c[rows], covered, self._detail)

    @inference
    def drawn(self, change: Array, mode: str, edits: Edits = None) -> Array:
        """The faces with a change (B, C) of their codes, (B, 3, S, S) in [-1, 1].

        Args:
            edits: see `layers`.

        Raises InputError for a mode that draws from embeddings, or that is none.
        """
        if mode == "anchored":
            return self.nets.decode_code(self.c + change)
        if mode != "photo":
            raise InputError(f"mode {mode!r}: use one of {', '.join(MODES)}")
        size = self.nets.size
        frame = aligned_frame(size, size)
        drawn = []
        for face, layers in zip(numpy(self.x), self.layers(change, edits), strict=True):
            pixels = ((face + 1) * 127.5).transpose(1, 2, 0)  # (S, S, 3)
            drawn.append(put(pixels, layers, frame, self.nets.mesh).transpose(2, 0, 1))
        return self.nets.to_device(np.stack(drawn) / np.float32(127.5) - 1)

    @inference
    def layers(self, change: Array, edits: Edits = None) -> list[Layers]:
        """What a change (B, C) of the codes lays over each face.

        Args:
            edits: the attributes that were edited, which show in their regions alone
                (istrc.attributes); None takes all of the face.
        """
        c = self.c + change
        drawn, own = numpy(self.nets.draw_texture(c)), numpy(self._texture)
        masks = self._masks(edits)
        shifts, grows = self._shifts(drawn, c, masks, edits), self._grows(edits)
        if self.nets.mesh is None:
            return [Layers(*one) for one in zip(shifts, masks, strict=True)]
        made, news, gain = [], self._moved(c), self.emphasis(edits)
        for number, (shift, mask) in enumerate(zip(shifts, masks, strict=True)):
            old = self._shapes[number]
            new = met(old, news[number])
            clear = None if self.covered is None else self._clear[number]
            before, after = self.nets.mesh.moved(widened(old, new), new)
            lips, inside = self._opened(before, after, clear), None
            if lips is not None:
                inside = own[number] + toned(drawn[number] - own[number], own[number], None)
                gap = float(measures(new)["lip_gap"])
                inside = like_teeth(inside, own[number], self._skin, self._mouth, gap).clip(-1, 1)
            fine = None
            if gain is not None:
                luma = (LUMA * self._real[number]).sum(0)
                fine = np.stack([np.expm1(gain[number, 0] * mask), luma])
            uneven = None
            if (
                grows is not None
            ):  # where hair covers all of the skin its strands differ half as much
                dense = hair.density(shift, self._real[number], self._hair[number])
                uneven = grows * (dense > 0) * (1 - dense / 2)
            made.append(Layers(shift, mask, inside, lips, before, after, fine, uneven))
        return made

    def _grows(self, edits: Edits) -> Any:
        """Where such an edit lets hair grow, (S, S); None where it is not of facial hair."""
        if self.nets.mesh is None or not shades(edits):
            return None
        grows = growing(edits)
        return self._where(grows) * self._bare if grows else np.zeros_like(self._bare)

    def _chin(self, edits: Edits) -> Any:
        """Where such an edit lets a beard go round the chin, (S, S) or 0."""
        if self.nets.mesh is None or not set(growing(edits)) & set(BEARDS):
            return 0
        return region_mask(self.nets.mesh.reference, ["chin"], self.nets.size)

    @cached_property
    def _hair(self) -> list[np.ndarray]:
        """The colour that facial hair of each face has, (3, 1, 1)."""
        of = self.nets.mesh.reference, self._skin
        return [hair.colour(real, *of) for real in self._real]

    @inference
    def shown(self, change: Array, edits: Edits = None) -> Array:
        """What of a change (B, C) of the codes `layers` lays over the faces: (B, C).

        Of the texture's: in the edit's own regions, without the change of light and tone.
        """
        c = self.c + change
        shifts = self._shifts(numpy(self.nets.draw_texture(c)), c, self._masks(edits), edits)
        read = self.nets.encode_texture(self._texture + self.nets.to_device(shifts))
        rest = change[:, self.nets.texture :]
        return library(rest).concatenate([read - self._read, rest], 1)

    def _shifts(self, drawn: np.ndarray, c: Array, masks: np.ndarray, edits: Edits) -> np.ndarray:
        """What is laid over faces whose codes are now c and textures `drawn`, (B, 3, S, S)."""
        if self.nets.whole:  # no skin's colour is to be kept
            return ((drawn - numpy(self._texture)) * masks[:, None]).astype(np.float32)
        made, skin = [], self._skin
        if skin is not None and shades(edits):
            skin = skin * (1 - self._where(edits))  # the tone is measured where none is to be seen
        free = self._painted(edits)
        how = (
            self._dark(edits),
            shades(edits),
            free,
            (1 - free) * self._brows,
            (1 - free) * self._bare,
        )
        grows, chin = self._grows(edits), self._chin(edits)
        of = drawn, numpy(self._texture), self._real, masks
        for number, (new, old, real, mask) in enumerate(zip(*of, strict=True)):
            shift = toned(new - old, real, skin, *how) * mask
            if self._mouth is not None and not _of_the_mouth(edits):
                shift = shift * (1 - self._bared[number])
            elif self._mouth is not None:
                teeth = like_teeth(new, old, self._skin, self._mouth)
                shift += self._mouth * (teeth - self._teeth[number] - shift)
            if grows is not None:
                shift = hair.grown(shift, real, self._hair[number], grows * mask, chin)
            made.append(shift.astype(np.float32))
        if self.nets.mesh is None:
            return np.stack(made)
        pairs = zip(self._shapes, self._moved(c), strict=True)
        shut = np.stack([self._shut(old, new) for old, new in pairs])
        shifts = np.stack(made) * (1 - shut[:, None])
        gain = self.emphasis(edits)
        if gain is not None:
            luma, light = self._lit
            shifted = luma + (LUMA * shifts).sum(1) / light
            more = emphasised(bands(shifted), gain * masks[:, None]).sum(1) * light  # (B, S, S)
            shifts += more[:, None] * np.stack([white_of(real, skin) for real in self._real])
            # A fold is redder than what is beside it: its colour fades as it does
            tints = self._real + shifts
            tints -= (LUMA * tints).sum(1, keepdims=True)
            fades = np.minimum(gain * masks[:, None], 0)
            for channel in range(3):
                found = bands(tints[:, channel] / light)
                shifts[:, channel] += emphasised(found, fades).sum(1) * light
        return shifts

    def emphasis(self, edits: Edits) -> np.ndarray | None:
        """How much stronger such an edit makes detail, as log gains (B, BANDS, S, S); None where
        nothing says it.
        """
        mesh = self.nets.mesh
        if self._detail is not None:
            return np.broadcast_to(self._detail, (len(self.c), *self._detail.shape[1:]))
        if not isinstance(edits, Mapping) or mesh is None:
            return None
        probes = self.nets.probes
        if probes is None or not probes.config.get("detail"):
            return None
        key = tuple(edits.items())
        if key not in self._gains:
            found = amplitudes(bands(self._lit[0]))
            self._gains[key] = gains(found, probes, edits, mesh.reference, self.nets.size)
        return self._gains[key]

    @cached_property
    def _lit(self) -> tuple[np.ndarray, np.ndarray]:
        """The faces' own luma, (B, S, S) in units of their skin's, and that, (B, 1, 1)."""
        return lit(self._real, self._skin)

    def _moved(self, c: Array) -> np.ndarray:
        """The shapes of new codes, (B, 68, 2): what is covered stays where it is."""
        news = numpy(self.nets.shapes(c))
        if self.covered is None:
            return news
        return self._shapes + (news - self._shapes) * self._clear[:, :, None]

    @cached_property
    def _shapes(self) -> np.ndarray:
        return numpy(self.nets.shapes(self.c))

    def _masks(self, edits: Edits) -> np.ndarray:
        """Where such an edit may show in each face, (B, S, S) in [0, 1]."""
        where = self._where(edits)
        masks = np.broadcast_to(where, (len(self.c), *where.shape))
        if self.nets.mesh is not None and not of_the_hair(edits):
            masks = masks * self._smooth
        if self.covered is not None:
            masks = masks * np.stack([self._over(clear) for clear in self._clear])
        return masks

    @cached_property
    def _texture(self) -> Array:
        return self.nets.draw_texture(self.c)

    @cached_property
    def _teeth(self) -> np.ndarray:
        """What is between the lips as it was, as light as teeth may be: (B, 3, S, S)."""
        of = numpy(self._texture)
        return np.stack([like_teeth(own, own, self._skin, self._mouth) for own in of])

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
        """How sure it is that each point is not covered, (B, 68)."""
        return 1 / (1 + np.exp(2 * numpy(self.covered)))

    @cached_property
    def _mouth(self) -> Any:  # an array, or None without shapes
        """What lies between the lips in the mean frame, (S, S) in [0, 1]."""
        mesh, size = self.nets.mesh, self.nets.size
        if mesh is None:
            return None
        return blurred(polygon(mesh.reference[60:68], size)[None], _EDGE * size)[0]

    @cached_property
    def _lips(self) -> np.ndarray:
        """The same with the edge of the lips, (S, S) in [0, 1]."""
        corners = enlarged(self.nets.mesh.reference[60:68], _LIPS)
        wide = polygon(corners, self.nets.size)
        return blurred(wide[None], 2 * _EDGE * self.nets.size)[0]

    def _dark(self, edits: Edits) -> np.ndarray | None:
        """Where such an edit leaves what is dark as it is: hair, brows, lashes, irises. (S, S)."""
        mesh, size = self.nets.mesh, self.nets.size
        if mesh is None:
            return None
        if _of_the_mouth(edits):
            return above(mesh.reference[31:36, 1].mean(), size)
        if any(moves(name, "beard") for name in edits or ()):
            return above(mesh.reference[17:27, 1].min(), size)
        return np.ones((size, size), np.float32)

    def _where(self, edits: Edits) -> np.ndarray:
        """Where the texture of such an edit may show, (S, S) in [0, 1]."""
        key = None if edits is None else tuple(edits)
        if key not in self._shows:  # what an edit shows is asked several times
            self._shows[key] = self._region(edits)
        return self._shows[key]

    def _region(self, edits: Edits) -> np.ndarray:
        size, mesh = self.nets.size, self.nets.mesh
        if mesh is None:
            return np.ones((size, size), np.float32) if self.nets.whole else face_mask(size)
        mask, regions = outline(mesh.reference, size, jaw=shades(edits)), regions_of(edits)
        if not _of_the_mouth(edits):
            mask = mask * (1 - self._mouth)
        for eye in (slice(36, 42), slice(42, 48)):  # it keeps its colour and its light
            mask = mask * (1 - polygon(mesh.reference[eye], size))
        return mask if regions is None else mask * region_mask(mesh.reference, regions, size)

    @cached_property
    def _skin(self) -> Any:  # likewise
        """Where in the mean frame a face's own tone is measured, (S, S)."""
        return None if self.nets.mesh is None else skin(self.nets.mesh.reference, self.nets.size)

    def _painted(self, edits: Edits) -> Any:
        """Where such an edit may colour the skin, (S, S) or a number."""
        if edits is None:
            return 1.0
        painting = [name for name in edits if tints([name])]
        return self._where(painting) if painting else 0.0

    @cached_property
    def _bare(self) -> np.ndarray | float:
        """Where in the mean frame is nothing that has another colour than skin, (S, S)."""
        mesh = self.nets.mesh
        return 0 if mesh is None else featureless(mesh.reference, self.nets.size, 1.1)

    @cached_property
    def _brows(self) -> np.ndarray | float:
        """Where in the mean frame brows may be, (S, S)."""
        mesh, size = self.nets.mesh, self.nets.size
        if mesh is None:
            return 0
        high = above(mesh.reference[36:48, 1].mean(), size)
        return region_mask(mesh.reference, ["eyes"], size) * high

    @cached_property
    def _smooth(self) -> np.ndarray:
        """Where no hair falls over a forehead, (B, S, S) in [0, 1]."""
        of = self.nets.mesh.reference, self._skin
        return np.stack([hair.parted(real, *of) for real in self._real])

    @cached_property
    def _bared(self) -> np.ndarray:
        """Teeth that are seen between the lips, (B, S, S) in [0, 1]."""
        return np.stack([bared(real, self.nets.mesh.reference, self._skin) for real in self._real])

    def _over(self, values: np.ndarray) -> np.ndarray:
        """Values of the 68 points, between them over the mean frame: (S, S). Beyond them 1."""
        corners, weights = self.nets.mesh.to_mean(self.nets.size)
        all_ = np.ones(len(self.nets.mesh.centre), np.float32)
        all_[:68] = values
        return (all_[corners] * weights).sum(1).reshape(self.nets.size, -1)

    def _shut(self, old: np.ndarray, new: np.ndarray) -> np.ndarray:
        """How much of a mouth's inside, and of the edge of its lips, shuts: (S, S) in [0, 1].

        Teeth that become lips are a red change, and the lips beside them have their own red.
        """
        was, is_ = (max(float(measures(shape)["lip_gap"]), 0) for shape in (old, new))
        if was <= is_:
            return np.zeros_like(self._lips)
        return (1 - is_ / was) * self._lips

    def _opened(
        self, before: np.ndarray, after: np.ndarray, clear: np.ndarray | None
    ) -> np.ndarray | None:
        """How much of the mouth's inside the decoder draws, (S, S); None for none of it."""
        unit = np.square(before[45] - before[36]).sum()
        was, is_ = (abs(area(mesh[60:68])) / unit for mesh in (before, after))
        low, high = _OPENED
        share = float(np.clip((is_ / max(was, 2e-3) - low) / (high - low), 0, 1))
        if clear is not None:
            share *= float(clear[48:68].min())
        if share <= 0:
            return None
        size = self.nets.size
        inside = polygon(enlarged(self.nets.mesh.centre[60:68], _INSIDE), size)
        return share * blurred(inside[None], _EDGE * size)[0]


def _of_the_mouth(edits: Edits) -> bool:
    """Whether such an edit changes what is between the lips."""
    return edits is None or bool(set(edits) & set(OF_THE_MOUTH))
