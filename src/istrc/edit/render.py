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

from istrc.arrays import inference, library, numpy
from istrc.attributes import growing, leaves, of_the_hair, painting, shades, shaving
from istrc.edit import hair
from istrc.edit.composite import Layers, over, put
from istrc.edit.detail import amplitudes, bands, gains, lit, more
from istrc.edit.hair_colour import hair_colours
from istrc.edit.masks import Edits, masks_of, of_the_mouth
from istrc.edit.mouth import bared, between, meets, met, opened, shut, speaking, widened
from istrc.edit.tone import LUMA, Known, less_dark, like_teeth, lips_kept, no_redder, shaded, toned
from istrc.edit.wrinkles import wrinkled, wrinkles
from istrc.errors import InputError
from istrc.photo.align import aligned_frame
from istrc.shape.measures import lip_gap

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.networks import Networks

MODES = ("photo", "anchored", "circle")
_SMOOTH = 0.7  # of what is finer than a texture, that goes with hair
_DARKER = 0.01  # of the [-1, 1] range, that is darker for sure
_LIGHTER = 0.02  # ... lighter


class Rendering:
    """Draws faces with other codes than their own. What the faces alone decide is computed once.

    Args:
        x: (B, 3, S, S) in [-1, 1].
        c: (B, C) their codes.
        covered: (B, N) logits of each point's being covered; None takes none for covered.
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
        self._at = masks_of(nets.mesh if nets.facial else None, nets.size, nets.whole)
        self._gains: dict[tuple[tuple[str, float], ...], np.ndarray] = {}  # by edit
        self._asked: tuple[Any, np.ndarray, list[Known]] | None = None  # last, see `_of`
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
        known, (B, N, 3), and whose codes are made.
        """
        if found is None and nets.landmarks is not None:
            found = nets.find(x)
        if found is None:
            return cls(nets, x, nets.encode(x), None, detail)
        real = nets.straighten(x, found[..., :2])
        drawing = cls(nets, x, nets.code_of(real, found[..., :2]), found[..., 2], detail)
        drawing._real = numpy(real)
        return drawing

    def of_some(self, rows: Array) -> Rendering:
        """Of these faces alone, (R,)."""
        if len(rows) == len(self.c):
            return self
        covered = None if self.covered is None else self.covered[rows]
        return type(self)(self.nets, self.x[rows], self.c[rows], covered, self._detail)

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
        masks, known = self._of(edits)
        shifts, shaven = self._shifts(drawn, c, masks, known, edits)
        grows = self._at.grows(edits)
        if self.nets.mesh is None:
            return [Layers(*one) for one in zip(shifts, masks, strict=True)]
        moved = self._moved(c)
        if not self.nets.facial:
            each = zip(shifts, masks, map(self.nets.mesh.moved, self._shapes, moved), strict=True)
            return [Layers(shift, mask, None, None, *both) for shift, mask, both in each]
        made, gain = [], self.emphasis(edits)
        news = [met(*both) for both in zip(self._shapes, moved, strict=True)]
        meshes = [
            self.nets.mesh.moved(widened(old, new), new)
            for old, new in zip(self._shapes, news, strict=True)
        ]
        hairs, opens = hair_colours(self.nets, self.c, self._shapes, edits), self._opened(meshes)
        shuts = meets(self._shapes, moved) * of_the_mouth(edits)
        if opens.any():
            smiles = self.nets.said("smile", c if edits is None or "smile" in edits else self.c, 1)
            spoken = speaking(self.nets, c, smiles, drawn)
        for number, (shift, mask) in enumerate(zip(shifts, masks, strict=True)):
            (before, after), drawn_anew = meshes[number], None
            if opens[number]:
                inside = own[number] + toned(spoken[number] - own[number], own[number], None)
                how = float(lip_gap(news[number])), float(smiles[number])
                inside[self._at.mouth_box] = self._toothed(inside, number, *how)
                drawn_anew = inside.clip(-1, 1), opens[number] * self._at.opened(how[1])
            skin = self._real[number] + shift
            if shuts[number] > 0:  # what of the teeth was taken for lips would stay between them
                closed, gone = between(skin, self._bared[number], self._at.within_lips)
                drawn_anew = over(drawn_anew, (closed, shuts[number] * gone))
            if shaven is not None:
                # Strands are finer than a texture: it covers them, where no mouth has opened
                drawn_anew = over((skin, _SMOOTH * shaven[number]), drawn_anew)
            fine = uneven = None
            if gain is not None:
                luma = (LUMA * self._real[number]).sum(0)
                fine = np.stack([np.expm1(gain[number, 0] * mask), luma])
            if grows is not None:
                # Where hair covers all of the skin, its strands differ half as much
                dense = hair.density(shift, self._real[number], self._hair[number])
                uneven = grows * (dense > 0) * (1 - dense / 2)
            inside, lips = drawn_anew or (None, None)
            parts = inside, lips, before, after, fine, uneven, hairs[number]
            made.append(Layers(shift, mask, *parts))
        return made

    @cached_property
    def _hair(self) -> list[np.ndarray]:
        """The colour that facial hair of each face has, (3, 1, 1)."""
        grey = numpy(self.nets.said("gray_hair", self.c, 0))
        of = self.nets.mesh.reference, self._at.skin
        return [hair.colour(real, *of, one) for real, one in zip(self._real, grey, strict=True)]

    @inference
    def shown(self, change: Array, edits: Edits = None) -> Array:
        """What of a change (B, C) of the codes `layers` lays over the faces: (B, C).

        Of the texture's: in the edit's own regions, without the change of light and tone.
        """
        c = self.c + change
        shifts, _ = self._shifts(numpy(self.nets.draw_texture(c)), c, *self._of(edits), edits)
        read = self.nets.encode_texture(self._texture + self.nets.to_device(shifts))
        rest = change[:, self.nets.texture :]
        return library(rest).concatenate([read - self._read, rest], 1)

    def _shifts(
        self, drawn: np.ndarray, c: Array, masks: np.ndarray, known: list[Known], edits: Edits
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """What is laid over faces whose codes are now c and textures `drawn`, (B, 3, S, S); and
        where dense hair is taken from them, (B, S, S), None where none is asked to go.
        """
        if self.nets.whole:  # no skin's colour is to be kept
            return ((drawn - numpy(self._texture)) * masks[:, None]).astype(np.float32), None
        made, shaven = [], []
        free = self._at.painted(edits)
        brows, bare = ((1 - free) * at for at in (self._at.brows, self._at.bare))
        how = self._at.dark(edits), shades(edits), free, brows, bare
        fades, red, stubble = self._at.fades(edits), self._at.red(edits), self._at.stubble(edits)
        shaded_less = stubble, self._at.faint(edits, stubble)
        put_on, taken_off = painting(edits)
        grows, chin, shaves = self._at.grows(edits), self._at.chin(edits), self._at.shaves(edits)
        taken = shaving(edits)
        most = max(taken.values(), default=0)
        alone = all(shades([name]) and name in taken for name in edits or ())
        of = drawn, numpy(self._texture), self._real, masks
        # Their rims are dark, and stay
        glasses = self._glasses * (edits is not None and leaves(edits, "eyeglasses"))
        for number, (new, old, real, mask) in enumerate(zip(*of, strict=True)):
            of_it = known[number]
            shift = toned(new - old, real, of_it.skin, *how, of_it, put_on, *shaded_less) * mask
            if taken_off and self._at.within_lips is not None:
                lips = self._at.within_lips * (1 - self._bared[number])
                shift = lips_kept(shift, real, lips, of_it)
            lighter = ((LUMA * shift).sum(0) / _LIGHTER).clip(0, 1)
            shift = shift * (1 - (1 - fades * (1 - self._at.eyes * glasses[number])) * lighter)
            if red is not None:
                shift = less_dark(shift, real, red)
            if self._at.mouth is not None and not of_the_mouth(edits):
                shift = shift * (1 - self._bared[number])
            elif self._at.mouth is not None:
                at = self._at.mouth_box
                teeth = self._toothed(new, number) - self._teeth[number]
                shift[at] += self._at.mouth[at] * (teeth - shift[at])
                shift[at] = no_redder(shift[at], real[at], self._at.mouth[at], of_it)
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
        dark = np.stack(shaven) if shaven else None
        if self.nets.mesh is None:
            return np.stack(made), dark
        # Teeth that become lips are a red change, and the lips beside them have their own red
        shuts = shut(self._shapes, self._moved(c))[:, None, None, None] * self._at.lips
        shifts = np.stack(made) * (1 - shuts)
        gain = self.emphasis(edits)
        if gain is not None:
            older = wrinkles(self.nets.probes, edits)
            each = zip(shifts, self._real, masks, gain, self._lit[1], known, strict=True)
            for shift, real, mask, gain, light, of in each:
                shift += more(real + shift, gain * mask, light, of.white)
                if older:
                    shift += wrinkled(real, gain * mask, light, self.nets.probes)
        return shifts, dark

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
        """The shapes of new codes, (B, N, 2): what is covered stays where it is."""
        news = numpy(self.nets.shapes(c))
        if self.covered is None:
            return news
        return self._shapes + (news - self._shapes) * self._clear[:, :, None]

    @cached_property
    def _shapes(self) -> np.ndarray:
        return numpy(self.nets.shapes(self.c))

    def _of(self, edits: Edits) -> tuple[np.ndarray, list[Known]]:
        """Where such an edit may show (`_masks`), and what is known of the faces, whose tone is
        measured where none is to be seen.
        """
        key = None if edits is None else tuple(edits)
        if self._asked is None or self._asked[0] != key:
            skin, weights = self._at.skin, dict[Any, Any]()
            if skin is not None and shades(edits):
                skin = skin * (1 - self._at.shows(edits))
            known = [Known(real, skin, weights) for real in self._real]
            self._asked = key, self._masks(edits), known
        return self._asked[1:]

    def _masks(self, edits: Edits) -> np.ndarray:
        """Where such an edit may show in each face, (B, S, S) in [0, 1]."""
        where = self._at.shows(edits)
        masks = np.broadcast_to(where, (len(self.c), *where.shape))
        if self.nets.facial and not of_the_hair(edits):
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
    def _own(self) -> list[Known]:
        """What is known of the faces' textures."""
        weights = dict[Any, Any]()
        return [Known(own, self._at.skin, weights) for own in numpy(self._texture)]

    @cached_property
    def _teeth(self) -> list[np.ndarray]:
        """What is around the mouths as it was, as light as teeth may be, each (3, h, w)."""
        return [self._toothed(own.own, number) for number, own in enumerate(self._own)]

    def _toothed(self, new: np.ndarray, number: int, *opened: float) -> np.ndarray:
        """Of a new texture of a face what is around its mouth (3, h, w), as `like_teeth` has it."""
        at, own = self._at.mouth_box, self._own[number]
        return like_teeth(new[at], own.own, own.skin, self._at.mouth[at], own, *opened)

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

    def _opened(self, meshes: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """How much of the mouths' insides the decoder draws, (B,); what is covered stays."""
        opens = np.array([opened(*both) for both in meshes], np.float32)
        return opens if self.covered is None else opens * self._clear[:, 48:68].min(1)
