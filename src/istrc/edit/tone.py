"""Colours are changed relative to the face's own: its tone, its light and its greyness stay.

A change of texture is a difference of two drawings, and brings along what the drawings think of
the light and of the skin. Nobody asked for that: a face that smiles is lit from where it was.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from istrc.resample import blurred

LUMA = np.array([0.299, 0.587, 0.114], np.float32)[:, None, None]
BRIGHTEST = 1.15  # times the skin's own light, that a change of shade counts at most
GREY, COLOURED = 0.015, 0.06  # mean chroma of the skin: none of a change's is taken, all is
COLD = 0.06  # less red than white has, at which what is drawn becomes white
_WARM = 0.4  # of the skin's colour, that white teeth have
_LIGHTEST = 85  # percentile of the skin's luma, that is its light where it is lit
_LIGHT = 0.12  # of the side: light falls off over as much
_AROUND = 0.06  # ... over which the skin around a place is looked at
# The skin's colour over its luma, the median of 200 faces
USUAL = np.array([1.26, 0.92, 0.75], np.float32)[:, None, None]
_BARED = 0.05  # so much lighter, in units of the [-1, 1] range, is no hair any more
_BOLDER = 0.4  # of how much darker a brow is than skin around it, that it becomes darker at most
_BURNT = (0.5, 0.85)  # luma, in the [-1, 1] range, at which light begins to hide shades, and does
_DEEPEST = 0.14  # of a skin's light, that a fold takes of it at most
# Taken away of that, where the shade is that of shaven hair: above the lips of men who are shaven
# light is .07 less of the skin's than above those of women, and no redder
_SHAVEN = 0.3
# Taken away of what darkens lips that nobody paints: where skin goes on along a prototype, so that
# it shows, they became .07 of the skin's light darker, where older women's are .03 darker
_LIPS = 0.4
# Of their change of hue that lips do not take, where they part: a mean of open mouths has its teeth
# on its lips as well. Red over luma, in units of the skin's, of 300 women's upper lips is 1.18
# where they meet, 1.14 where they speak and 1.09 where they smile, and was 1.10 and 1.06
_LASTING = 0.6
# Of the lips over their luma, how much more red is than of the skin, from which on some of it is
# paint; and what is left at most, beside it, of how much more. So what 300 painted women have (the
# median 1.10, a tenth over 1.23) becomes what 300 unpainted ones have (1.09, 1.17)
_UNPAINTED, _PAINTED, _REDDER = 1.06, 0.1, 0.15
_SAME = 0.02  # less of that, which is no change of it: a grey picture has none
# Of the skin's colour over its luma, how far it is from white in daylight, and how much further it
# is where light is dyed (of 9,000 faces, 96 % are within the first)
_DAYLIGHT, _DYED = 0.4, 0.3
# Of what a fold darkens, its share of each channel: light goes through skin, and comes out red
_FOLDS = np.array([0.75, 1.1, 1.15], np.float32)[:, None, None]
_GLASSES = (0.4, 0.55)  # of the skin's light, that lids have behind dark glasses, and do not
_SHADE = 0.6  # taken away of what shades both halves over as much
_BROAD = 0.8  # taken away of what tints more than half of that, as neither lips nor shadow do


class Known:
    """What the colours of a face say, whatever becomes of them: computed once, when it is asked.

    Args:
        own: (3, S, S) in [-1, 1].
        skin: (S, S) where its tone is measured; None takes it for all skin, of no tone.
        weights: what is known of the skin's mask, of which several faces may have the same.
    """

    def __init__(self, own: np.ndarray, skin: Any, weights: dict[Any, Any] | None = None):
        self.own, self.skin = own, skin
        self._weights = {} if weights is None else weights

    def on_skin(self, x: np.ndarray) -> np.ndarray:
        """What of x (C, S, S) is on the skin, (C, N)."""
        if "skin" not in self._weights:
            self._weights["skin"] = np.flatnonzero(self.skin > 0.5)
        return x.reshape(len(x), -1).take(self._weights["skin"], 1)

    def spread(self, x: np.ndarray, sigma: float, everywhere: bool = False) -> np.ndarray:
        """What x (3, S, S) is around each place: a Gaussian over the skin alone, or everywhere."""
        if (sigma, everywhere) not in self._weights:
            # Far from all skin, whatever is there
            weights = (np.ones_like(self.skin) if everywhere else self.skin) + 1e-4
            self._weights[sigma, everywhere] = weights, blurred(weights[None], sigma)
        weights, total = self._weights[sigma, everywhere]
        return blurred(x * weights, sigma) / total

    @cached_property
    def colour(self) -> float:
        return coloured(self.own, self.skin)

    @cached_property
    def white(self) -> np.ndarray:
        """The colour of the skin over its luma, (3, 1, 1): all 1 where it is grey."""
        # Not 0, as in black or a pure colour: others divide by it
        lights = quantile(self.on_skin(self.own + 1), 0.5).clip(min=0.01)
        white = (lights / self.middle)[:, None, None]
        return white / (LUMA * white).sum()

    @cached_property
    def luma(self) -> np.ndarray:
        return (LUMA * self.own).sum(0, keepdims=True)  # (1, S, S)

    @cached_property
    def levels(self) -> np.ndarray:
        """The luma of the skin from 0 on, (N,)."""
        return (LUMA[..., 0] * self.on_skin(self.own + 1)).sum(0)

    @cached_property
    def middle(self) -> float:
        return max(float(quantile(self.levels, 0.5)), 1e-3)

    @cached_property
    def brightest(self) -> float:
        return float(quantile(self.levels, _LIGHTEST / 100))

    @cached_property
    def light(self) -> np.ndarray:
        """The luma over the skin's, (1, S, S)."""
        light = (LUMA * (self.own + 1)).sum(0, keepdims=True)
        return (light / np.float32(self.middle)).clip(0, BRIGHTEST)

    @cached_property
    def clear(self) -> np.ndarray:
        """Where it is not over-exposed, (1, S, S)."""
        return 1 - ramp(blurred(self.luma, _LIGHT / 4 * self.own.shape[-1]), _BURNT)

    @cached_property
    def around(self) -> np.ndarray:
        """The skin around each place, (3, S, S)."""
        return self.spread(self.own, _AROUND * self.own.shape[-1])


def toned(
    change: np.ndarray,
    own: np.ndarray,
    skin: np.ndarray | None,
    covered: np.ndarray | None = None,
    shades: bool = False,
    paint: np.ndarray | float = 1,
    brows: np.ndarray | float = 0,
    bare: np.ndarray | float = 0,
    known: Known | None = None,
    put_on: bool = True,
    stubble: np.ndarray | float = 0,
    faint: np.ndarray | float = 0,
) -> np.ndarray:
    """A change (3, S, S) of a texture without its change of light and skin tone.

    The middle of the skin's change is taken away, and what differs smoothly between both halves
    of the face, which is where the light comes from, and most of what shades or tints it broadly;
    of its colour as much stays as the face has. A shade takes a share of the light that falls on a
    place and so does less where it is dark; where hair may cover the skin, what brightens does so
    too. Nothing becomes lighter than the skin around it: a brow goes as far as there is one, and
    leaves no light around it. Skin that is over-exposed shows no shade at all.

    Args:
        own: (3, S, S) the face's texture in [-1, 1].
        skin: (S, S) where the tone is measured; None takes no tone away.
        covered: (S, S) how likely hair covers the skin, in [0, 1]; None for nowhere.
        shades: whether to shade a part of the face broadly is what the change is for.
        paint: (S, S) where colours may be what no skin is, in [0, 1].
        brows: (S, S) where only what is dark may darken, in [0, 1].
        bare: (S, S) where skin becomes lighter or darker and keeps its colour, in [0, 1].
        known: of the face and the skin, where it is there.
        put_on: whether such colours come, and do not go.
        stubble: (S, S) where a shade is that of shaven hair, in [0, 1].
        faint: (S, S) what is taken away of a fold, before it nears the deepest, in [0, 1].
    """
    known = known or Known(own, skin)
    change = change.astype(np.float32)
    if skin is not None:
        change = change - quantile(known.on_skin(change), 0.5)[:, None, None]
        # Lips that are reddened would leave a pale ring around them, and a background its hue
        smooth = known.spread(change, _LIGHT * change.shape[-1], everywhere=shades)
        change = change - (smooth - smooth[:, :, ::-1]) / 2
        both = (smooth + smooth[:, :, ::-1]) / 2
        if not shades:
            change = change - _SHADE * (LUMA * both).sum(0, keepdims=True)
    grey = (LUMA * change).sum(0, keepdims=True)
    tint, colour = change - grey, known.colour
    if skin is not None:
        tint = tint - _BROAD * known.spread(tint, _LIGHT / 2 * change.shape[-1], everywhere=shades)
        light, luma, white = known.light, known.luma, known.white
        shy = 1 + (light - 1) * (0 if covered is None else covered)
        grey = grey * np.where(grey < 0, light, shy.clip(min=0))
        if not shades:
            grey, tint = np.where(grey < 0, known.clear * grey, grey), known.clear * tint
        around = known.around
        room = ((LUMA * around).sum(0, keepdims=True) - luma).clip(min=0)
        grey = np.minimum(grey, room)
        if not shades:
            # Which a fold nears: where it is reached is no edge
            deepest = _DEEPEST * (1 - _SHAVEN * stubble) * (luma + 1)
            fold = (1 - faint) * np.maximum(-grey, 0)
            fold = -deepest * np.tanh(fold / deepest.clip(min=1e-3))
            grey = np.where(grey < 0, grey + bare * (fold - grey), grey)
            grey = np.maximum(grey, -(luma + 1))
        grey = np.where(grey < 0, grey + brows * (-_BOLDER * room - grey).clip(min=0), grey)
        hue = (own + 1) / (luma + 1).clip(min=0.1)
        tint = tint * np.minimum(light, 1) * (1 - bare) * (1 - brows)
        # What comes to light is the skin that is around it
        plain = grey / room.clip(min=1e-3) * (around - own - room)
        tint = tint + (1 if shades else 1 - paint) * (grey / _BARED).clip(0, 1) * (plain - tint)
        # Hair takes its share of every colour: red skin would else be redder under a beard. A fold
        # is redder than what is beside it, and what comes to light is skin more than dust
        # ... but under a light that has a colour, less of one channel would be another colour
        lit = ((np.abs(white - 1).max() - _DAYLIGHT) / _DYED).clip(0, 1)
        warm = 1 + colour * bare * (_FOLDS - 1)
        as_own = np.maximum(np.maximum(lit, stubble), brows)  # brows, which were blue beside skin
        shade = hue if shades else warm + as_own * (hue - warm)
        grey = grey * np.where(grey < 0, shade, 1 if shades else (1 + white) / 2)
    change = grey + colour * tint
    if skin is None:
        return change
    # What grows or is painted may be colder than the skin; lips that fade are not
    cold = (1 - _WARM) * paint if put_on else 0
    return _warmed(own + change, own, 1 + (1 - cold) * (white - 1)) - own


def own_hue(new: np.ndarray, own: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """A texture (3, S, S) whose lips keep so much of their own hue as real lips do that part.

    Args:
        own: (3, S, S) the face's own pixels.
        lips: (S, S) where its lips are, in [0, 1].
    """
    was, luma = ((LUMA * (x + 1)).sum(0).clip(min=0.1) for x in (own, new))
    return new + _LASTING * lips * (luma / was * (own + 1) - (new + 1))


def less_dark(shift: np.ndarray, own: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """A change (3, S, S) that darkens lips less: by `_LIPS` of what it would, in their own colour.

    Args:
        lips: (S, S) in [0, 1].
    """
    darker = (LUMA * shift).sum(0).clip(max=0) * lips
    return shift - _LIPS * darker * (own + 1) / (LUMA * (own + 1)).sum(0).clip(0.1)


def unpainted(own: np.ndarray, lips: np.ndarray, known: Known) -> np.ndarray:
    """A texture (3, S, S) whose lips are as red as those are that nobody paints.

    What is redder than skin comes nearer to it, all of the lips by one share. Paint takes of green
    and of blue: without it there is as much red as before.

    Args:
        own: (3, S, S) the face's own pixels.
        lips: (S, S) where its lips are, and not its teeth, in [0, 1].
    """
    light = (LUMA * (own + 1)).sum(0, keepdims=True).clip(min=0.01)
    hue = (own + 1) / light / known.white - 1  # beside the skin's
    mean = ((own + 1) * lips).sum((1, 2))
    red = float(mean[0] / max((LUMA[:, 0, 0] * mean).sum(), 1e-3) / known.white[0, 0, 0])
    over = max(red - _UNPAINTED, 0.0)
    left = (red - 1 - over + _PAINTED * np.tanh(over / _REDDER)) / max(red - 1, _SAME)
    less = np.where(hue[:1] > 0, min(left, 1) if over else 1, 1) * hue
    light = light * (1 + hue[:1].clip(0)) / (1 + less[:1].clip(0))
    return own + lips * (light * known.white * (1 + less) - (own + 1))


def _warmed(new: np.ndarray, own: np.ndarray, white: np.ndarray) -> np.ndarray:
    """A texture without what has become colder than a white, over its luma: hair is not blue."""
    plain, was = ((LUMA * (x + 1)).sum(0, keepdims=True) * white - 1 for x in (new, own))
    cold = (plain - new)[:1] - (was - own)[:1].clip(min=0)
    return new + (cold / COLD).clip(0, 1) * (plain - new)


def shaded(real: np.ndarray, skin: np.ndarray, lids: np.ndarray) -> float:
    """How surely dark glasses lie over the eyes of a face (3, S, S), 0 to 1: below them it is as
    dark as no skin is beside the skin of its cheeks.

    Args:
        skin, lids: (S, S) where its skin is, and its lids and what lies close below.
    """
    luma = (LUMA * (real + 1)).sum(0)
    light = float(quantile(luma[lids > 0.5], 0.5) / max(quantile(luma[skin > 0.5], 0.5), 1e-3))
    return float(ramp(light, _GLASSES[::-1]))


def coloured(own: np.ndarray, skin: np.ndarray | None = None) -> float:
    """How much colour a face (3, S, S) has, from 0 for a grey one to 1."""
    chroma = np.abs(own - (LUMA * own).sum(0, keepdims=True)).mean(0)
    of = chroma[skin > 0.5] if skin is not None else chroma.ravel()
    return float(np.clip((np.mean(of) - GREY) / (COLOURED - GREY), 0, 1))


def ramp(values: Any, ends: tuple[float, float]) -> Any:
    """From 0 at the first of two ends to 1 at the second, and no further."""
    first, last = ends
    return np.clip((values - first) / (last - first), 0, 1)


def quantile(values: np.ndarray, share: float) -> Any:
    """Of the last axis (..., N), as `np.quantile`, which takes five times as long; and `np.median`
    a tenth of a second to import masked arrays.
    """
    last = values.shape[-1] - 1
    low = int(share * last)
    # With the last among them NumPy's selection is quicker
    found = np.partition(values, [low, min(low + 1, last), last], -1)
    return found[..., low] + (share * last - low) * (
        found[..., min(low + 1, last)] - found[..., low]
    )
