"""Faces with other codes than their own: the three ways to draw them.

circle:   decode(F(z2)), the paper's: background, pose and light are the decoder's.
anchored: decode(c + change): what the edit did not touch stays, as far as the decoder draws it.
photo:    the picture's own pixels, moved to where the new shape has them, and the change of the
          texture, D(h') - D(h), laid over them there. What closes vanishes, because it has no area;
          what opens is drawn by the decoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from istrc.arrays import inference, library, numpy, sigmoid
from istrc.attributes import growing, hair_colours, of_the_hair, shades, shaving
from istrc.edit import hair
from istrc.edit.composite import Layers, put
from istrc.edit.detail import amplitudes, bands, emphasised, gains, lit
from istrc.edit.hair_colour import HairColour
from istrc.edit.masks import Edits, Masks, of_the_mouth
from istrc.edit.mouth import area, bared, met, widened
from istrc.edit.tone import LUMA, like_teeth, shaded, toned, white_of
from istrc.errors import InputError
from istrc.photo.align import aligned_frame
from istrc.shape.measures import measures
from istrc.shape.regions import enlarged

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.networks import Networks

MODES = ("photo", "anchored", "circle")
_INSIDE = 1.2  # times its size, that the inside of a mouth is drawn where it opens: its edge is
# blended away, and landmarks found 63 % of what was opened, and 72 % so
_SMOOTH = 0.7  # of what is finer than a texture, that goes with hair
_DARKER = 0.01  # of the [-1, 1] range, that is darker for sure
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
        self._at = Masks(nets.mesh, nets.size, nets.whole)
        self._gains: dict[tuple[tuple[str, float], ...], np.ndarray] = {}  # by edit
        self._last: tuple[Any, list[Layers]] | None = None  # what was drawn last, by what asks it

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
        asked = edits.items() if isinstance(edits, Mapping) else edits
        key = None if asked is None else tuple(asked), numpy(change).tobytes()
        if self._last is None or self._last[0] != key:  # a picture is looked at, and then shown
            self._last = key, self._layers(change, edits)
        return self._last[1]

    def _layers(self, change: Array, edits: Edits) -> list[Layers]:
        c = self.c + change
        drawn, own = numpy(self.nets.draw_texture(c)), numpy(self._texture)
        masks = self._masks(edits)
        shifts, shaven = self._shifts(drawn, c, masks, edits)
        grows = self._at.grows(edits)
        if self.nets.mesh is None:
            return [Layers(*one) for one in zip(shifts, masks, strict=True)]
        made, news, gain = [], self._moved(c), self.emphasis(edits)
        hairs = self._hair_colours(edits)
        for number, (shift, mask) in enumerate(zip(shifts, masks, strict=True)):
            old = self._shapes[number]
            new = met(old, news[number])
            clear = None if self.covered is None else self._clear[number]
            before, after = self.nets.mesh.moved(widened(old, new), new)
            lips, inside = self._opened(before, after, clear), None
            if lips is not None:
                inside = own[number] + toned(drawn[number] - own[number], own[number], None)
                gap = float(measures(new)["lip_gap"])
                inside = like_teeth(inside, own[number], self._at.skin, self._at.mouth, gap).clip(
                    -1, 1
                )
            if shaven is not None:
                # Strands are finer than a texture: it covers them, where no mouth has opened
                gone = (_SMOOTH * shaven[number]).clip(0 if lips is None else lips)
                skin = self._real[number] + shift
                inside = skin if lips is None else skin + lips * (inside - skin)
                lips = gone
            fine = None
            if gain is not None:
                luma = (LUMA * self._real[number]).sum(0)
                fine = np.stack([np.expm1(gain[number, 0] * mask), luma])
            uneven = None
            if grows is not None:
                # Where hair covers all of the skin, its strands differ half as much
                dense = hair.density(shift, self._real[number], self._hair[number])
                uneven = grows * (dense > 0) * (1 - dense / 2)
            parts = inside, lips, before, after, fine, uneven, hairs[number]
            made.append(Layers(shift, mask, *parts))
        return made

    def _hair_colours(self, edits: Edits) -> list[HairColour | None]:
        """What such an edit does to the hair around each face."""
        count, asked = len(self.c), hair_colours(edits) if isinstance(edits, Mapping) else {}
        probes = self.nets.probes if asked else None
        if probes is None or not probes.config.get("hair"):
            return [None] * count
        aims = [
            (by, numpy(probes.hair_tones[probes.names.index(name)]))
            for name, by in asked.items()
            if by and name in probes.names
        ]
        if not aims:
            return [None] * count
        read = dict(zip(probes.names, numpy(sigmoid(self.nets.read_code(self.c))).T, strict=True))
        never = np.zeros(count)
        shares = (2 - 2 * read.get("bald", never)).clip(0, 1)
        shares *= (2 - 4 * read.get("wearing_hat", never)).clip(0, 1)
        if asked.keys() - edits and edits["young"] > 0:  # whose hair is not grey keeps it
            shares *= (3 * read.get("gray_hair", never) - 0.5).clip(0, 1)
        women, men = numpy(probes.hair_places)
        return [
            HairColour(points, women + male * (men - women), aims, float(share), float(fringe))
            for points, male, share, fringe in zip(
                self._shapes, read["male"], shares, read.get("bangs", never), strict=True
            )
        ]

    @cached_property
    def _hair(self) -> list[np.ndarray]:
        """The colour that facial hair of each face has, (3, 1, 1)."""
        of = self.nets.mesh.reference, self._at.skin
        return [hair.colour(real, *of) for real in self._real]

    @inference
    def shown(self, change: Array, edits: Edits = None) -> Array:
        """What of a change (B, C) of the codes `layers` lays over the faces: (B, C).

        Of the texture's: in the edit's own regions, without the change of light and tone.
        """
        c = self.c + change
        shifts, _ = self._shifts(numpy(self.nets.draw_texture(c)), c, self._masks(edits), edits)
        read = self.nets.encode_texture(self._texture + self.nets.to_device(shifts))
        rest = change[:, self.nets.texture :]
        return library(rest).concatenate([read - self._read, rest], 1)

    def _shifts(
        self, drawn: np.ndarray, c: Array, masks: np.ndarray, edits: Edits
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """What is laid over faces whose codes are now c and textures `drawn`, (B, 3, S, S); and
        where dense hair is taken from them, (B, S, S), None where none is asked to go.
        """
        if self.nets.whole:  # no skin's colour is to be kept
            return ((drawn - numpy(self._texture)) * masks[:, None]).astype(np.float32), None
        made, shaven, skin = [], [], self._at.skin
        if skin is not None and shades(edits):  # the tone is measured where none is to be seen
            skin = skin * (1 - self._at.shows(edits))
        free = self._at.painted(edits)
        how = (
            self._at.dark(edits),
            shades(edits),
            free,
            (1 - free) * self._at.brows,
            (1 - free) * self._at.bare,
        )
        grows, chin, shaves = self._at.grows(edits), self._at.chin(edits), self._at.shaves(edits)
        taken = shaving(edits)
        most = max(taken.values(), default=0)
        alone = all(shades([name]) and name in taken for name in edits or ())
        of = drawn, numpy(self._texture), self._real, masks
        for number, (new, old, real, mask) in enumerate(zip(*of, strict=True)):
            shift = toned(new - old, real, skin, *how) * mask
            if self._at.mouth is not None and not of_the_mouth(edits):
                shift = shift * (1 - self._bared[number])
            elif self._at.mouth is not None:
                teeth = like_teeth(new, old, self._at.skin, self._at.mouth)
                shift += self._at.mouth * (teeth - self._teeth[number] - shift)
            if grows is not None:
                shift = hair.grown(shift, real, self._hair[number], grows * mask, chin)
            if shaves is not None:
                if not growing(edits):  # nothing hangs over the jaw
                    shift = shift * (shaves if alone else self._at.jawed)
                # What goes was darker than skin: nothing darkens
                darker = (-(LUMA * shift).sum(0) / _DARKER).clip(0, 1)
                shift = shift * (1 - shaves * darker)
                how_much = most * shaves * mask
                beards = self._at.shows(["beard"])
                under, gone, dense = hair.shaved(real, new, old, self._mean, self._at.plain, beards)
                shift += how_much * gone * (under - real - shift)
                # Folds leave with a smile, and are no hair
                shaven.append(how_much * dense * (not of_the_mouth(edits)))
            made.append(shift.astype(np.float32))
        bare = np.stack(shaven) if shaven else None
        if self.nets.mesh is None:
            return np.stack(made), bare
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
        return shifts, bare

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
        return lit(self._real, self._at.skin)

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
        where = self._at.shows(edits)
        masks = np.broadcast_to(where, (len(self.c), *where.shape))
        if self.nets.mesh is not None and not of_the_hair(edits):
            masks = masks * self._smooth
        if self.covered is not None:
            masks = masks * np.stack([self._over(clear) for clear in self._clear])
        return masks

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
    def _teeth(self) -> np.ndarray:
        """What is between the lips as it was, as light as teeth may be: (B, 3, S, S)."""
        of = numpy(self._texture)
        return np.stack([like_teeth(own, own, self._at.skin, self._at.mouth) for own in of])

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
        clear = 1 / (1 + np.exp(2 * numpy(self.covered)))
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
            return np.zeros_like(self._at.lips)
        return (1 - is_ / was) * self._at.lips

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
        return share * self._at.opened(enlarged(self.nets.mesh.centre[60:68], _INSIDE))
