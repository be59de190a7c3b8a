"""What is seen between lips: teeth, and the dark behind them, as light and as white as real ones.

The mean of many mouths has its teeth where half of them have, as pale as no teeth are. So where
lips open, what is drawn becomes as light, at each height between them, as that of real mouths that
are as open beside such skin (istrc.training.mouths); and rows of teeth have the gaps that no mean
has, because they lie a little elsewhere in each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from istrc.arrays import numpy
from istrc.edit.tone import COLD, LUMA, USUAL, Known, quantile, ramp
from istrc.resample import blurred

if TYPE_CHECKING:
    from istrc.models.probes import Probes

# Where the light is known (`Probes.mouth_light`), whose weights are measured anew when these change
APART = (0.04, 0.08, 0.12, 0.17, 0.22)  # distances of the eyes, that lips are apart
HEIGHTS = (-0.08, 0.12, 0.3, 0.48, 0.66, 0.86, 1.08)  # of the way from the upper lip to the lower
ASIDE = (0.0, 0.45, 0.7, 0.92)  # of half the mouth's width, from its middle
_AROUND = (-0.15, 1.15), 1.0  # between which heights, and how far aside, light is measured
_SPEAKS, _SMILES = 1.7, 1.6  # times the contrast of many such mouths, that one has
_LEAST, _MOST = 0.05, 2.2  # of the skin's light, that is anywhere between lips
_TIMES = (0.3, 2.0)  # that what is drawn becomes darker and lighter
_TEETH = 1.18  # times what light skin has, that teeth are light; on dark skin they have their own,
_OWN, _OWN_MOST = 1.5, 2.2  # ... but not more of the skin's than this (4,000 open smiles)
_KNEE = 1.2  # luma, of 2 that white has, from which on it nears that
_LIGHTS = 75  # percentile of the mouth's luma, which is of its teeth
# The widths of upper teeth from the middle on, in mm (Nelson, Wheeler's Dental Anatomy), as seen
# from the front, where they lie on an arch; and half of a mouth that shows them
_WIDTHS, _HALF = np.array([8.5, 6.5, 7.5, 7.0]) * [0.98, 0.9, 0.7, 0.5], 29.0
# How much a gap darkens, over how much of the side, and from which light on there are teeth. With
# it what is finer than a 128th of the side has .08 of the skin's light, as in real smiles
_GAP, _THIN, _LIT = 0.13, 0.6 / 128, (0.75, 1.05)
# What is finer than that of the side is made stronger by so much, up to so many times
_FINE, _SHARPER, _FINER = 1 / 128, 0.4, (0.5, 1.5)
_GUMS, _ENDS = (0.05, 0.35), (0.85, 1.0)  # heights over which gaps begin and end
# The median colour of what is between open lips, over the skin's (3,000 mouths that talk and 10,000
# that smile): luma over the skin's, and red, green and blue of it
_DEPTHS = np.array([0.05, 0.15, 0.25, 0.35, 0.5, 0.7, 0.9, 1.15, 1.4])
_HUES = np.array(
    [
        [2.00, 0.29, 0.07], [1.70, 0.59, 0.43], [1.46, 0.73, 0.67], [1.33, 0.81, 0.81],
        [1.20, 0.87, 0.92], [1.09, 0.93, 1.01], [1.02, 0.97, 1.08], [0.95, 1.01, 1.14],
        [0.90, 1.04, 1.20],
    ]
)  # fmt: skip
# To which power teeth differ from that where skin differs from the usual (855 smiles), and from
# which light to which flesh becomes teeth
_ENAMEL, _FLESH = 0.45, (0.5, 0.9)
# This share of an opened mouth is no lighter than its teeth, whose hue is that of so much light
# where it speaks and where it smiles, or of so many times their own at most: the lightest fifth of
# 2,037 smiles has 1.39 times the skin's light, and .14 less red in its hue than what has the skin's
# own has between lips; of 250 mouths that speak it has as much red as that
_WHITEST, _TOOTHED, _PALER = 0.8, (1.0, 1.25), 1.8


def cells(reference: np.ndarray, size: int) -> np.ndarray:
    """Where an open mouth is measured in the mean frame: (HEIGHTS x ASIDE, S, S) float32, how much
    each place has of each cell. At places between the lips they sum to 1, and far from them to 0.

    Args:
        reference: (68, 2) the mean shape.
    """
    height, aside, _ = _places(reference, size)
    (above, below), far = _AROUND
    near = (height > above) & (height < below) & (abs(aside) < far)
    rows, columns = knots(height, HEIGHTS), knots(abs(aside), ASIDE)
    return (rows[:, None] * columns * near).reshape(-1, size, size).astype(np.float32)


def knots(values: Any, at: tuple[float, ...]) -> np.ndarray:
    """The shares (K, ...) that K knots have of values between them; linear, and of sum 1."""
    return np.stack([np.interp(values, at, one) for one in np.eye(len(at))])


def gaps(reference: np.ndarray, size: int) -> np.ndarray:
    """Where upper teeth have gaps between them in the mean frame, (S, S) float32 in [0, 1]."""
    height, aside, half = _places(reference, size)
    ends = np.cumsum([0, *_WIDTHS]) / _HALF
    thin = max(_THIN, 0.5 / size)
    off = np.abs(np.abs(aside)[None] - ends[:, None, None]).min(0) * half / (2 * thin)
    (begin, whole), (last, end) = _GUMS, _ENDS
    rows = ((height - begin) / (whole - begin)).clip(0, 1) * ((end - height) / (end - last))
    return (np.exp(-off * off / 2) * rows.clip(0, 1)).astype(np.float32)


def _places(reference: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Of the mean frame, how far down each place lies between the lips, from 0 to 1, and how far
    to the right, from -1 to 1, both (S, S); and half the mouth's width, of half the side.
    """
    axis = (np.arange(size) + 0.5) * 2 / size - 1
    upper, lower = (reference[[*some]] for some in (range(60, 65), (60, 67, 66, 65, 64)))
    top, bottom = (np.interp(axis, *lip.T) for lip in (upper, lower))
    half = (reference[64, 0] - reference[60, 0]) / 2
    aside = (axis - reference[60:68, 0].mean()) / half
    height = (axis[:, None] - top) / (bottom - top).clip(min=0.005)
    return height, np.broadcast_to(aside, height.shape), float(half)


def lights(probes: Probes | None, apart: float, smiles: float) -> np.ndarray | None:
    """How light it is in each cell of a mouth, (HEIGHTS x ASIDE, 2): a constant, and what is added
    of the skin's light. None where it is not known.

    Args:
        apart: how far its lips are, in distances of the eyes.
        smiles: how surely it smiles, and does not speak.
    """
    knots_of = (len(APART), len(HEIGHTS) * len(ASIDE))
    if probes is None or tuple(probes.config.get("mouth") or ()) != knots_of:
        return None
    tables = numpy(probes.mouth_light)  # (2, APART, HEIGHTS x ASIDE, 2)
    if not tables.any((1, 2, 3)).all():  # too few such mouths were seen
        return None
    speaks, laughs = tables
    table = np.tensordot(knots(apart, APART), speaks + smiles * (laughs - speaks), 1)
    table = table.reshape(len(HEIGHTS), len(ASIDE), 2)
    middle = table[1:-1, :-1].mean((0, 1))
    contrast = _SPEAKS + smiles * (_SMILES - _SPEAKS)
    return (middle + contrast * (table - middle)).reshape(-1, 2)


def like_teeth(
    new: np.ndarray,
    mouth: np.ndarray,
    known: Known,
    opening: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    smiles: float = 1.0,
) -> np.ndarray:
    """A texture (3, h, w) that shows teeth wherever it is light, lit by what lights the skin.

    A change that makes teeth of red lips is green and blue, and is added to lips of any red. So
    what is colder than a white that is a little of the skin's colour becomes that white; and
    the mouth is dimmed, light and dark alike, until its lights are those of real teeth.

    Args:
        mouth: (h, w) where its lights are looked at.
        known: of the whole of the face's texture before the change, which says the light.
        opening: of a mouth whose lips part, how light it becomes (`lights`), its `cells` and
            `gaps`, (C, h, w) and (h, w).
        smiles: how surely that is a smile, and no mouth that speaks.
    """
    new = new + 1
    luma = (LUMA * new).sum(0, keepdims=True)
    # What is far lighter than white would dim all the rest: it nears white, and keeps its order
    over = (luma - _KNEE).clip(min=0)
    near = luma - over + (2 - _KNEE) * np.tanh(over / (2 - _KNEE))
    new, luma = new * near / luma.clip(min=0.1), near
    whitest = max(float(quantile(luma[0, mouth > 0.5], _LIGHTS / 100)), 1e-3)
    light = known.brightest
    dimmed = min(max(_TEETH * light, min(_OWN, _OWN_MOST * light)) / whitest, 1)
    new, luma = new * dimmed, luma * dimmed
    if opening is not None:
        lit, *at = opening
        deep = luma * _as_light_as(luma, lit @ [1, known.middle], known, *at)
        new, luma = new * deep / luma.clip(min=0.1), deep
    shares = luma[0] / known.middle
    if opening is not None:  # teeth in the shade of lips are as white as others
        teeth = max(float(quantile(shares[mouth > 0.5], _WHITEST)), 1e-3)
        shares = shares * np.clip(np.interp(smiles, (0, 1), _TOOTHED) / teeth, 1, _PALER)
    # The darker, the redder: teeth are white, and what is behind them is flesh
    hue = _of_a_mouth(shares, known)
    cold = ((luma * hue - new)[:1] / COLD).clip(0, 1)
    return new + cold * (luma * hue - new) - 1


def _as_light_as(
    luma: np.ndarray, wanted: np.ndarray, known: Known, where: np.ndarray, gaps: np.ndarray
) -> np.ndarray:
    """How many times lighter a mouth's luma (1, h, w) becomes, (h, w).

    Args:
        wanted: (C,) what its C cells become.
        known: of the face's texture.
        where: (C, h, w) see `cells`.
        gaps: (h, w) of its teeth.
    """
    skin = known.middle
    found = (where * luma).sum((1, 2)) / where.sum((1, 2)).clip(min=1e-3)
    wanted = wanted.clip(_LEAST * skin, _MOST * skin)
    times = (wanted / found.clip(min=0.05)).clip(*_TIMES) - 1
    lighter = 1 + np.tensordot(times, where, 1).astype(np.float32)
    fine = luma[0] - blurred(luma, _FINE * known.own.shape[-1])[0]
    lighter *= (1 + _SHARPER * fine / luma[0].clip(min=0.1)).clip(*_FINER)
    teeth = ramp(luma[0] * lighter / skin, _LIT)
    return lighter * (1 - _GAP * teeth * gaps)


def _of_a_mouth(shares: np.ndarray, known: Known) -> np.ndarray:
    """The colour over its luma, (3, h, w), of what is between a face's lips and has such shares
    (h, w) of its skin's light.
    """
    hue = np.stack([np.interp(shares, _DEPTHS, column) for column in _HUES.T])
    like_skin = 1 + (_ENAMEL - 1) * ramp(shares, _FLESH)
    hue = hue * USUAL * (known.white / USUAL) ** like_skin
    return (1 + known.colour * (hue / (LUMA * hue).sum(0) - 1)).astype(np.float32)


def no_redder(shift: np.ndarray, own: np.ndarray, mouth: np.ndarray, known: Known) -> np.ndarray:
    """A change (3, h, w) that leaves nothing between the lips redder than flesh of its light is,
    and than it was: what was drawn dark and red, and is in truth a tooth, would become orange.

    Args:
        own: (3, h, w) the face's own pixels.
        mouth: (h, w) what is between its lips, in [0, 1].
        known: of the face.
    """
    was, new = own + 1, own + shift + 1
    dark, luma = ((LUMA * x).sum(0).clip(min=0.02) for x in (was, new))
    hue = _of_a_mouth(luma / known.middle, known)
    redder = new[0] - luma * np.maximum(hue[0], was[0] / dark) - 1e-3  # more than is rounded
    return shift + mouth * (redder / COLD).clip(0, 1) * (luma * hue - new)
