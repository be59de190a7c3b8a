"""The detail of a skin: wrinkles, folds, pores and stubble, stronger or fainter.

No mean of faces has wrinkles, because no two have them at the same places; so neither has a change
that is learnt from pairs, nor a prototype. What ages differ by is how strong detail of a size is
at a place (Tiddeman, Burt, Perrett 2001). So an edit multiplies what the photograph itself has
there: log amplitudes, in bands of luma, of faces that have and lack an attribute are compared
(istrc.training.probes), and a face goes from where it is to where those that have it are.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from istrc.arrays import numpy
from istrc.attributes import regions_of
from istrc.edit.shaping import wanted_measures
from istrc.edit.tone import LUMA
from istrc.resample import blurred, resized
from istrc.shape.regions import featureless, outline, region_mask

if TYPE_CHECKING:
    from istrc.models.probes import Probes

BANDS = 3  # each of half the frequency of the one before
SIDE = 32  # places in a row at which amplitudes are measured
_FINEST = 1 / 128  # of the side: the Gaussian that ends the finest band
_OVER = 3 / 128  # ... over which an amplitude is measured
_AROUND = 1.1  # times its size, around a feature, where no detail is changed
_LEAST = 0.004  # of the skin's light, that no amplitude is less than: of a pixel's last level
_EDGE = 0.12  # ... from which on what stands out is no detail but an edge: hair, glasses, lips
# Of what an edit lets each band grow by, finest first: made stronger, what is broad in smooth skin
# is no fold but a blotch
_GROWS = np.array([1.0, 0.7, 0.4], np.float32)[:, None, None]
# By the finest band's amplitude over that of the next, how much a face is blurred: medians of 60
# faces in focus, whose own are 1.00 (.92 to 1.07 of eight in ten), blurred by so much. From .74
# on, 95 faces of a hundred, a face is taken to be in focus
_BLURS = [(0.39, 3.0), (0.45, 2.0), (0.5, 1.5), (0.6, 1.0), (0.68, 0.75), (0.74, 0.0)]
_MOST, _FAINTEST = 0.8, -2.2  # log, that an amplitude grows and falls at most


def bands(luma: np.ndarray) -> np.ndarray:
    """Textures' luma (B, S, S) in bands, finest first: (B, BANDS, S, S), which sum to it less its
    coarse rest.
    """
    size, levels = luma.shape[-1], [luma]
    levels += [blurred(luma, 2**band * _FINEST * size) for band in range(BANDS)]
    return np.stack([fine - coarse for fine, coarse in pairwise(levels)], 1)


def lit(textures: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The luma of textures (B, 3, S, S) in units of what is median on their skin, (B, S, S), and
    that, (B, 1, 1).
    """
    luma = (LUMA * (textures + 1)).sum(1)
    median = np.quantile(luma[:, skin > 0.5], 0.5, axis=1).clip(min=0.05)[:, None, None]
    return (luma / median).astype(np.float32), median.astype(np.float32)


def places(reference: np.ndarray, size: int, name: str) -> np.ndarray:
    """Where in the mean frame detail changes with an attribute: skin in its regions, (S, S)."""
    where = outline(reference, size) * featureless(reference, size, _AROUND)
    regions = regions_of([name])
    return where if regions is None else where * region_mask(reference, regions, size)


def blur(found: np.ndarray, where: np.ndarray) -> np.ndarray:
    """How blurred faces are whose luma has such bands (B, BANDS, S, S): the deviation of the
    Gaussian, in 128ths of the side, that a face which is in focus had to be blurred by; 0 for one
    that is, and where nothing is to be seen, (B,).

    Args:
        where: (S, S) their skin and features.
    """
    finest, next_ = np.sqrt((found[:, :2] ** 2 * where).sum((2, 3)) / where.sum()).T
    blurs = np.interp(finest / next_.clip(min=_LEAST), *np.transpose(_BLURS))
    return np.where(next_ < _LEAST, 0.0, blurs)


def power(found: np.ndarray) -> np.ndarray:
    """The mean squares of bands (..., S, S) around each place, (..., S, S)."""
    return blurred(found * found, _OVER * found.shape[-1])


def amplitudes(found: np.ndarray) -> np.ndarray:
    """Log amplitudes of bands (B, BANDS, S, S) at the places: (B, BANDS, SIDE, SIDE)."""
    return 0.5 * np.log(resized(power(found), SIDE, linear=True) + _LEAST**2)


def shares(found: np.ndarray, probes: Probes, column: int, weights: np.ndarray) -> np.ndarray:
    """How far faces of log amplitudes `found` (B, BANDS, SIDE, SIDE) are on the way from the mean
    face in the direction of an attribute, whose whole length is 1: (B,).

    How sharp a picture is, a constant of each band, is no matter of a face.

    Args:
        weights: (SIDE, SIDE) where it counts.
    """
    way, mean = numpy(probes.detail[column]), numpy(probes.detail_mean)
    way, off = _centred(way, weights), _centred(found - mean, weights)
    length = (way * way * weights).sum()
    return (off * way * weights).sum((1, 2, 3)) / max(length, 1e-9)


def _centred(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Maps (..., SIDE, SIDE) without their weighted means."""
    return x - (x * weights).sum((-2, -1), keepdims=True) / max(weights.sum(), 1e-9)


def gains(
    found: np.ndarray,
    probes: Probes,
    strengths: Mapping[str, float],
    reference: np.ndarray,
    size: int,
) -> np.ndarray:
    """How much stronger detail becomes: log gains (B, BANDS, S, S).

    Where an edit that smooths makes detail fainter than around, it does so the more, the stronger
    it is beside what is usual: a fold is a line, and its place on mean faces a broad one.

    Args:
        found: (B, BANDS, SIDE, SIDE) log amplitudes of the faces.
        reference: (68, 2) the shape of the mean frame.
    """
    total = np.zeros_like(found)
    for name, strength in strengths.items():
        if not strength or name not in probes.names:
            continue
        column = probes.names.index(name)
        where = resized(places(reference, size, name), SIDE, linear=True)
        own = shares(found, probes, column, where)[:, None]  # (B, 1)
        ranges = numpy(probes.detail_ranges[column : column + 1])
        goal = wanted_measures(own, ranges, np.array([strength], np.float32))
        way = numpy(probes.detail[column])
        usual = numpy(probes.detail_mean) + own[..., None, None] * way
        excess = _centred(found - usual, where).clip(min=0)
        gain = (goal - own)[..., None, None] * way  # (B, BANDS, SIDE, SIDE)
        beside = _centred(gain, where)
        most = abs(beside * where).max((1, 2, 3), keepdims=True).clip(min=1e-6)
        fades = (-4 * beside / most - 0.4).clip(0, 1)
        smooths = (gain[:, :1] * where).sum((2, 3), keepdims=True) < 0  # in the finest band
        total += where * (gain - min(abs(strength), 1) * smooths * fades * excess)
    return resized(total, size, linear=True)


def emphasised(found: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """What bands (B, BANDS, S, S) become more, with log gains of the same shape."""
    return found * np.expm1(gain.clip(_FAINTEST, _MOST)) * unlike_edges(found, gain, _EDGE)


def more(texture: np.ndarray, gain: np.ndarray, light: np.ndarray, white: np.ndarray) -> np.ndarray:
    """What a texture (3, S, S) becomes more where its detail does, with log gains (BANDS, S, S).

    Args:
        light: (1, 1) its skin's, see `lit`.
        white: (3, 1, 1) the colour of its skin over its luma.
    """
    luma, gain = (LUMA * texture).sum(0), gain * np.where(gain > 0, _GROWS, 1)
    change = emphasised(bands(luma[None] / light)[0], gain).sum(0) * light * white
    # A fold is redder than what is beside it: its colour fades as it does
    tint = texture + change
    found = bands((tint - (LUMA * tint).sum(0)) / light)
    return change + emphasised(found, np.minimum(gain, 0)).sum(1) * light


def unlike_edges(found: np.ndarray, gain: np.ndarray, edge: float) -> np.ndarray:
    """How much of what stands out is detail, from 1 to 0 where it is an edge; what becomes fainter
    may stand out twice as far.
    """
    return np.exp(-((found / np.where(gain < 0, 2 * edge, edge)) ** 2))
