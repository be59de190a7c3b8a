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
from istrc.edit.detail import amplitudes, gains, more
from istrc.edit.faces import Faces
from istrc.edit.hair_colour import hair_colours
from istrc.edit.masks import Edits, of_the_mouth
from istrc.edit.mouth import between, meets, met, opened, shut, speaking, widened
from istrc.edit.teeth import lights, like_teeth, no_redder
from istrc.edit.tone import LUMA, Known, less_dark, own_hue, toned, unpainted
from istrc.edit.wrinkles import wrinkled, wrinkles
from istrc.errors import InputError
from istrc.photo.align import aligned_frame
from istrc.resample import blurred
from istrc.shape.measures import lip_gap

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.networks import Networks

MODES = ("photo", "anchored", "circle")
_SMOOTH = 0.7  # of what is finer than a texture, that goes with hair
_STAYS = 1.5  # times what is missing of the skin's light, a beard is lightened less
_DARKER = 0.01  # of the [-1, 1] range, that is darker for sure
_LIGHTER = 0.02  # ... lighter


class Rendering(Faces):
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
        super().__init__(nets, x, c, covered)
        self._detail = detail
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
        hairs, opens = hair_colours(self.nets, self.c, self._shapes, edits), self._opens(moved)
        shuts = meets(self._shapes, moved) * of_the_mouth(edits)
        if opens.any():
            smiles = self.nets.said("smile", c if edits is None or "smile" in edits else self.c, 1)
            spoken = speaking(self.nets, c, smiles, drawn)
        for number, (shift, mask) in enumerate(zip(shifts, masks, strict=True)):
            (before, after), drawn_anew = meshes[number], None
            if opens[number]:
                inside = own[number] + toned(spoken[number] - own[number], own[number], None)
                how = float(lip_gap(news[number])), float(smiles[number])
                inside = self._between(inside, number, *how)
                inside = self._parted(inside, number, opens[number], self._at.painted(edits))
                inside = self._as_blurred(inside, number)
                drawn_anew = inside.clip(-1, 1), opens[number] * self._at.opened(how[1])
            skin = self._real[number] + shift
            if shuts[number] > 0:  # what of the teeth was taken for lips would stay between them
                of = self._bared[number], self._at.within_lips, self._at.between
                closed, gone = between(skin, *of)
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
                crisp = np.exp(-(self._blur[number] ** 2))  # of a strand, two pixels wide
                uneven = crisp * grows * (dense > 0) * (1 - dense / 2)
            elif shaven is not None:
                uneven = np.zeros_like(mask)  # it goes beneath the crop as well
            inside, lips = drawn_anew or (None, None)
            parts = inside, lips, before, after, fine, uneven, hairs[number], self._blur[number]
            made.append(Layers(shift, mask, *parts))
        return made

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
        dark, how = self._at.dark(edits), (shades(edits), free, brows, bare)
        beards = self._at.shows(["beard"])
        fades, red, stubble = self._at.fades(edits), self._at.red(edits), self._at.stubble(edits)
        shaded_less = stubble, self._at.faint(edits, stubble)
        put_on, taken_off = painting(edits)
        grows, chin, shaves = self._at.grows(edits), self._at.chin(edits), self._at.shaves(edits)
        trimmed = self._at.trimmed(edits)
        taken = shaving(edits)
        most = max(taken.values(), default=0)
        alone = all(shades([name]) and name in taken for name in edits or ())
        of = drawn, numpy(self._texture), self._real, masks
        # Their rims are dark, and stay
        glasses = self._glasses * (edits is not None and leaves(edits, "eyeglasses"))
        for number, (new, old, real, mask) in enumerate(zip(*of, strict=True)):
            of_it = known[number]
            # Where no hair is edited, folds are: what lightens these leaves beards as they are
            hairy = dark
            if shaves is None and dark is not None:
                hairy = np.maximum(dark, _STAYS * self._bearded[number] * beards)
            shift = toned(new - old, real, of_it.skin, hairy, *how, of_it, put_on, *shaded_less)
            shift = shift * mask
            if taken_off and self._at.within_lips is not None:
                lips = self._at.within_lips * (1 - self._bared[number])
                clean = unpainted(real, lips, of_it) - real
                shift = (1 - lips) * shift + taken_off * mask * clean
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
                shift = hair.grown(shift * trimmed, real, self._hair[number], grows * mask, chin)
                shift = self._as_blurred(shift, number)
            if shaves is not None:
                if not growing(edits):  # nothing hangs over the jaw
                    shift = shift * (shaves if alone else self._at.jawed)
                # What goes was darker than skin: nothing darkens
                darker = (-(LUMA * shift).sum(0) / _DARKER).clip(0, 1)
                shift = shift * (1 - shaves * (1 - self._at.red_of_lips) * darker)
                how_much = most * shaves * self._hung[number]
                of = self._at.plain, beards, self._at.red_of_lips, real + shift
                under, gone, dense = hair.shaved(real, new, old, self._mean, *of)
                shift += how_much * gone * (under - real - shift)
                # Folds leave with a smile, and are no hair
                shaven.append(how_much * dense * (not of_the_mouth(edits)))
            made.append(shift.astype(np.float32))
        dark = np.stack(shaven) if shaven else None
        if self.nets.mesh is None:
            return np.stack(made), dark
        # Teeth that become lips are a red change, and the lips beside them have their own red
        moved = self._moved(c)
        shuts = shut(self._shapes, moved)[:, None, None, None] * self._at.lips
        shifts = np.stack(made) * (1 - shuts)
        for number, opens in enumerate(self._opens(moved)):
            if opens:
                real = self._real[number]
                new = self._parted(real + shifts[number], number, opens, free)
                shifts[number] = new - real
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
            found = amplitudes(self._bands)
            self._gains[key] = gains(found, probes, edits, mesh.reference, self.nets.size)
        return self._gains[key]

    def _moved(self, c: Array) -> np.ndarray:
        """The shapes of new codes, (B, N, 2): what is covered stays where it is."""
        news = numpy(self.nets.shapes(c))
        if self.covered is None:
            return news
        return self._shapes + (news - self._shapes) * self._clear[:, :, None]

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

    @cached_property
    def _hung(self) -> np.ndarray:
        """Where hair that hangs over each face may go."""
        return self._masks(["beard"])

    def _masks(self, edits: Edits) -> np.ndarray:
        """Where such an edit may show in each face, (B, S, S) in [0, 1]."""
        where = self._at.shows(edits)
        masks = np.broadcast_to(where, (len(self.c), *where.shape))
        if self.nets.facial and not of_the_hair(edits):
            masks = masks * self._smooth
        if self.covered is not None:
            masks = masks * np.stack([self._over(clear) for clear in self._clear])
        return masks

    def _between(self, new: np.ndarray, number: int, apart: float, smiles: float) -> np.ndarray:
        """A new texture (3, S, S) of a face whose lips open: between them it is as in real mouths
        that are as open; beside them they are as they are drawn.
        """
        at, lit = self._at.mouth_box, lights(self.nets.probes, apart, smiles)
        opening = None if lit is None else (lit, *self._at.opening)
        given = new[at], self._at.mouth[at], self._own[number]
        new = new.copy()
        new[at] += self._at.between[at] * (like_teeth(*given, opening, smiles) - new[at])
        return new

    def _parted(self, new: np.ndarray, number: int, opens: float, painted: Any) -> np.ndarray:
        """A new texture (3, S, S) of a face, whose lips keep most of their hue where they part, and
        are not painted.
        """
        lips = opens * self._at.within_lips * (1 - self._at.between) * (1 - painted)
        return own_hue(new, self._real[number], lips)

    def _as_blurred(self, drawn: np.ndarray, number: int) -> np.ndarray:
        """What is drawn on a face (3, S, S), as sharp as the face is."""
        blur = self._blur[number] * self.nets.size / 128
        return blurred(drawn, blur) if blur else drawn

    def _opens(self, moved: np.ndarray) -> np.ndarray:
        """How much of the mouths' insides the decoder draws where shapes become these, (B,); what
        is covered stays.
        """
        if not self.nets.facial:
            return np.zeros(len(self.c), np.float32)
        each = ((old, met(old, new)) for old, new in zip(self._shapes, moved, strict=True))
        opens = np.array([opened(widened(old, new), new) for old, new in each], np.float32)
        return opens if self.covered is None else opens * self._clear[:, 48:68].min(1)
