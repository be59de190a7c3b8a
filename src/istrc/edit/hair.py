"""Hair: facial hair as a shade that falls on strands, in the colour of the brows; and foreheads
that are free of hair.

The mean of many beards is a smooth shade, and smooth shades are smoke. What real beards have is
strands: so where hair grows, a change of texture is stronger and weaker along lines that run as
hair does (line integral convolution, Cabral and Leedom 1993), at every size down to that of the
photograph's pixels, and takes the skin towards the colour that this face's brows have.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from istrc.edit.tone import LUMA, Known, coloured, quantile, ramp
from istrc.resample import blurred, resized
from istrc.shape.regions import above, polygon

# By the crop's side in pixels, one octave of strands each: of the shade its standard deviation.
# Bands of luma at 128 and 64 pixels have more than that on real chins, where hair is longer here
# and shorter there; drawn as strands it was scratches and patches to strangers, who preferred .3
# to .42, and these to .3
_OCTAVES = {64: 0.2, 128: 0.25, 256: 0.3, 512: 0.3, 1024: 0.3}
_LENGTH = 4  # pixels of its octave, that a strand reaches to either side
_ROOT = -0.1  # height in the crop, from which hair grows outwards and down
_OUTWARDS, _SPREAD = 1.2, 0.5  # how far aside it grows, and up to which distance from the middle
_BENT = 0.35  # radians, by which strands leave that way
_DARKEST = 0.3  # share of the brows' pixels, that is hair
_BROW = 0.07  # of half the crop's side, how high a brow is
_LEAST = 0.05  # of the [-1, 1] range, that hair is darker than skin: else it covers all of it
_ABOVE = 0.03  # the brows, of half the crop's side, a forehead begins
_UNLIKE = 0.35  # from the skin's colour, in units of the [-1, 1] range, is hair over a forehead
_NEAR = 0.04  # of the crop's side, as far as which an edit keeps away from it
_MUCH = 4  # times the share of hair around a place, that is missing of an edit there
_EDGE = 0.02  # of the crop's side, over which hair thins out
_CHIN = 0.09  # of the crop's side, as far around as a chin's beard is looked for
_ODD, _RARE = (0.4, 0.6), 0.1  # of the skin's light, below which is hardly any skin
_NEARER, _LITTLE = (0.2, 0.1, 0.05, 0.025), 0.1  # of the crop's side; of what is nearer, that does
_LIT = (0.5, 1.0)  # of that skin's light, between which a drawing shades it
_STUBBLE = 0.02  # of the [-1, 1] range, that stubble is darker than skin
_GOING = (0.03, 0.2)  # share of what is darker than skin, from which on hair goes, and all of it
_LIP_RED = 0.08  # how much redder than skin, over luma, is surely a lip, and no hair
_EVEN = 0.02  # of the crop's side, over which that is looked at
_NEARBY, _SHADED = 0.012, (0.25, 1.2)  # of the crop's side; of the skin's light, that lights hair
_LIT_BY = 0.6  # to which power: the darker the skin, the lighter hair is beside it
_PALEST = 0.6  # of the skin's light, that hair has at most: a paler beard would not be seen
# ... that grey hair has at most, and by how much of it its strands differ. Over the chins of 415
# men with grey beards, most light is .97 of their skin's, over those of 300 with black ones .89
_GREY, _PEPPER = 0.95, 0.12
_GREYS = (0.35, 0.6)  # how surely hair is grey, from which on a beard has grey in it, and is grey


def colour(
    real: np.ndarray,
    reference: np.ndarray,
    skin: np.ndarray,
    grey: float = 0,
    greys: np.ndarray | None = None,
) -> np.ndarray:
    """The colour of facial hair, (3, S, S) in [-1, 1]: that of the brows, in the light that falls
    on a place; a beard greys before they do, and then has lighter and darker strands.

    Args:
        real: (3, S, S) the face's own pixels in the mean frame.
        reference: (68, 2) the mean shape.
        skin: (S, S) where its skin is measured.
        grey: how surely the hair of its head is grey.
        greys: (3,) in [0, 1] what colour that has beside such skin; None leaves that of the brows.
    """
    size = real.shape[-1]
    where = np.zeros((size, size), np.float32)
    for brow in (reference[17:22], reference[22:27]):
        where += polygon(np.concatenate([brow, (brow + [0, _BROW])[::-1]]), size)
    pixels = real[:, where > 0.5] + 1  # (3, N)
    luma = (LUMA[..., 0] * pixels).sum(0)
    hair = pixels[:, luma <= np.quantile(luma, _DARKEST)].mean(1)
    lights = (LUMA * (real + 1)).sum(0)
    light = max(float(quantile(lights[skin > 0.5], 0.5)), 1e-3)
    hair = _dimmed(hair, _PALEST * light)[:, None, None]
    share = float(ramp(grey, _GREYS))
    if share and greys is not None:
        level = LUMA[:, 0, 0] @ greys
        hue = level + coloured(real, skin) * (greys - level)  # a grey photograph stays grey
        uneven = strands(size) / max(float(strands(size).std()), 1e-6)
        several = _dimmed(2 * hue, _GREY * light)[:, None, None]
        hair = hair + share * (several * (1 + _PEPPER * uneven.clip(-2, 2)) - hair)
    near = blurred(lights[None], _NEARBY * size)
    return (hair * (near / light).clip(*_SHADED) ** _LIT_BY - 1).astype(np.float32)


def _dimmed(hair: np.ndarray, most: float) -> np.ndarray:
    """A colour (3,) whose luma is no more than that."""
    return hair * min(1, most / max(float(LUMA[:, 0, 0] @ hair), 1e-3))


def grown(
    shift: np.ndarray,
    real: np.ndarray,
    hair: np.ndarray,
    where: np.ndarray,
    chin: np.ndarray | float = 0,
) -> np.ndarray:
    """A shade (3, S, S) as hair over a face: as dark, of its colour, and thinner at its edge.

    A beard goes round the chin, half of which lies beneath the crop, where no mean has learnt it:
    there it is as dense as around it in any case.

    Args:
        real: (3, S, S) the face's own pixels.
        hair: (3, S, S) its colour.
        where: (S, S) hair may grow.
        chin: (S, S) where it is to be no thinner than around.
    """
    dense = density(shift, real, hair)
    dense = np.minimum(dense, _around(dense, where, _EDGE))
    dense = np.maximum(dense, chin * _around(dense, where, _CHIN))
    return shift + where * (dense > 0) * (dense * (hair - real) - shift)


def _around(dense: np.ndarray, where: np.ndarray, size: float) -> np.ndarray:
    """What hair (S, S) there is around each place, of where (S, S) it may grow."""
    hair, of = blurred(np.stack([dense * where, where]), size * len(dense))
    return hair / of.clip(min=0.1)


def shaved(
    real: np.ndarray,
    drawn: np.ndarray,
    own: np.ndarray,
    mean: np.ndarray,
    plain: np.ndarray,
    where: np.ndarray,
    lips: np.ndarray,
    red: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The skin under a face's hair (3, S, S), how surely there is hair that goes, (S, S), and how
    surely it is so dense that nothing of the skin is seen, (S, S).

    A mean takes a mean beard away, and leaves a shade of any that is darker. So what the drawings
    brighten, and is darker than the skin beside it, is to become that skin, with the light and
    shade that the drawing without hair and the mean face have there. Hair that hangs over the lips
    becomes what is seen of them.

    Args:
        real: (3, S, S) the face's own pixels.
        drawn, own, mean: (3, S, S) the textures without hair, as it was, and of the mean face.
        plain: (S, S) where the skin is looked at.
        where: (S, S) hair may be on it.
        lips: (S, S) the lips, without what is between them.
        red: (3, S, S) the pixels with the lips' new colour.
    """
    light, *levels = ((LUMA * (x + 1)).sum(0) for x in (real, drawn, mean))
    goes = (LUMA * (drawn - own)).sum(0).clip(min=0)
    low, high = _ODD
    likely = (light / quantile(light[plain > 0.5], 0.5) - low) / (high - low)
    plain = plain * (_RARE + likely.clip(0, 1 - _RARE))
    tone = Known(real, plain).white
    redder = ((real + 1)[0] / light.clip(min=0.1) / tone[0] - 1) / _LIP_RED
    known = lips * redder.clip(0.02, 1)
    lip = filled(red + 1, known)
    dark = where
    for _ in range(2):  # the second time, beside what was found to be hair
        near = filled(np.concatenate([real + 1, levels]), plain * (1 - dark))
        lit = (levels / near[3:].clip(min=0.1)).min(0)  # a drawing goes too far where it brightens
        skin = near[:3] * lit.clip(*_LIT)
        skin += lips * (lip - skin) - 1
        room = (LUMA * (skin - real)).sum(0).clip(min=0)
        gone, of = blurred(np.stack([np.minimum(goes, room), room]), _EVEN * len(room))
        dark = ((of - _LEAST) / (2 * _LEAST)).clip(0, 1)
    goes = ramp(gone / of.clip(min=_STUBBLE), _GOING)
    return skin, goes * (of / _STUBBLE - 1).clip(0, 1), goes * dark


def filled(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What is known (S, S) of values (C, S, S), beside each place: the nearer, the more."""
    weights = known + 1e-4
    found = (values * weights).sum((1, 2), keepdims=True) / weights.sum()
    for sigma in _NEARER:
        both = blurred(np.concatenate([values * known, known[None]]), sigma * known.shape[-1])
        found = (both[:-1] + _LITTLE * found) / (both[-1:] + _LITTLE)
    return found


def density(shift: np.ndarray, real: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """How much of the skin hair covers that shades it like this, (S, S) in [0, 1]: the more there
    is, the more of it lies over other hair.
    """
    grey, room = (LUMA * shift).sum(0), (LUMA * (hair - real)).sum(0)
    strands = np.minimum(grey, 0) / np.minimum(room, -_LEAST)
    return strands / np.sqrt(1 + strands**2)


def parted(real: np.ndarray, reference: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Where no hair falls over a forehead, (S, S) in [0, 1]. Arguments as of `colour`."""
    size = real.shape[-1]
    tone = quantile(real[:, skin > 0.5], 0.5)[:, None, None]
    unlike = (np.abs(real - tone).max(0) > _UNLIKE).astype(np.float32)
    high = above(reference[17:27, 1].min() - _ABOVE, size)
    near = blurred(unlike[None] * high, _NEAR * size)[0]
    return (1 - _MUCH * near).clip(0, 1)


@lru_cache(maxsize=8)
def strands(size: int) -> np.ndarray:
    """How much more or less than the mean of a shade is at each place of the crop: (size, size)
    float32 of mean 0, the same for all faces.
    """
    rng, total = np.random.default_rng(0), np.zeros((size, size), np.float32)
    bends = resized(rng.normal(0, _BENT, (16, 16)).astype(np.float32), 64)
    for side, contrast in _OCTAVES.items():
        noise = rng.normal(0, 1, (side, side)).astype(np.float32)
        if side > size:
            break
        x, y = np.meshgrid(*2 * [(np.arange(side) + 0.5) * 2 / side - 1])
        aside = _OUTWARDS * x * np.exp(-((x / _SPREAD) ** 2))
        way = np.arctan2(aside, y - _ROOT) + resized(bends, side)
        u, v = np.meshgrid(*2 * [np.arange(side)])
        line = np.zeros_like(noise)
        for step in range(-_LENGTH, _LENGTH + 1):
            across = np.rint(u + step * np.sin(way)).astype(np.intp)
            down = np.rint(v + step * np.cos(way)).astype(np.intp)
            line += noise[down % side, across % side]
        total += resized(contrast / line.std() * line, size)
    return total
