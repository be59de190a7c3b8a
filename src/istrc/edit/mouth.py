"""Mouths that open and shut: what lies between the lips, and where these lie when they meet.

Shapes are found points, and photographs have teeth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from istrc.arrays import library, numpy
from istrc.edit.hair import filled
from istrc.edit.tone import LUMA, Known, quantile, ramp
from istrc.resample import blurred
from istrc.shape.measures import area, lip_gap
from istrc.shape.mesh import LOWER, UPPER
from istrc.shape.regions import polygon

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.networks import Networks

_INTO = 0.2, 0.25  # of what a mouth shuts, that its inside reaches into upper and lower lip
_NEARLY = (0.3, 0.6)  # of its gap, at which a mouth that shuts is taken for shut, and begins to be
_OPENED = (1.3, 2.2)  # times its area, from which an open mouth is drawn by the decoder, and all
# Times the difference between one kind of mouths that speak and all of them (`Probes.speaking`): a
# single mouth has more contrast than the mean of its kind
_KIND = 1.4
_MEETS = (0.4, 0.8)  # of a mouth's opening that goes, between which its lips come to meet
_APART = 0.03  # distances of the eyes, from which on lips are apart: shut ones are found at .01
# Teeth that go are filled in so many times as surely as they are seen, and so much of the side
# around them
_WHOLLY, _RIM = 2.5, 0.5 / 128
# Of the light, that the line takes in which lips meet, by channel: with it what is between lips
# that shut has .72 of the skin's light and had .80; between those of shut smiles it is .70
_LINE = 0.25 * np.array([0.8, 1.08, 1.1], np.float32)[:, None, None]
_LIT = (0.5, 0.7)  # of the skin's light, from which on teeth may be, and are, as light
_PALE = 0.08  # less of the skin's red, that teeth have


def widened(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """A shape (68, 2) whose open mouth reaches a little into its lips, where the new one shuts it.

    Found points lie inside the edge of the lips, and teeth that were taken for lips would stay.
    """
    down = new[57] - new[51]
    down = down / max(float(np.linalg.norm(down)), 1e-6)

    def gap(shape: np.ndarray) -> np.ndarray:  # (3,) at the three places where points face
        return np.maximum(((shape[LOWER] - shape[UPPER]) * down).sum(1), 0)

    closed = np.maximum(gap(old) - gap(new), 0)[:, None] * down
    old = old.copy()
    old[UPPER] -= _INTO[0] * closed
    old[LOWER] += _INTO[1] * closed
    return old


def met(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """A shape (68, 2) whose lips meet where those of the old one were apart and it nearly shuts
    them: points of shut lips are found a little apart, and teeth would show as specks between.
    """
    was, is_ = (max(float(lip_gap(shape)), 0) for shape in (old, new))
    low, high = _NEARLY
    share = min(max((high * was - is_) / max((high - low) * was, 1e-6), 0), 1)
    new = new.copy()
    apart = share * (new[LOWER] - new[UPPER]) / 2
    new[UPPER] += apart
    new[LOWER] -= apart
    return new


def opened(before: np.ndarray, after: np.ndarray) -> float:
    """How much of a mouth's inside the decoder draws where a mesh (N, 2) becomes another: [0, 1]"""
    unit = np.square(before[45] - before[36]).sum()
    was, is_ = (abs(area(mesh[60:68])) / unit for mesh in (before, after))
    return float(ramp(is_ / max(was, 2e-3), _OPENED))


def shut(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The share of mouths' opening that goes where shapes (B, 68, 2) become others: (B,)."""
    was, is_ = (lip_gap(shapes).clip(min=0) for shapes in (old, new))
    return ((was - is_) / was.clip(min=1e-6)).clip(0, 1).astype(np.float32)


def speaking(nets: Networks, c: Array, smiles: Array, drawn: np.ndarray) -> np.ndarray:
    """The textures (B, 3, S, S) of codes c (B, C) with mouths that speak, where they are open.

    The mean of such mouths, which is what a change leads to, is the grey mouth of nobody.

    Args:
        smiles: (B,) how surely each smiles, in [0, 1]: the mean of smiles is as smiles are.
        drawn: (B, 3, S, S) the textures without that, which they are where no such mouth is known.
    """
    if nets.probes is None or not nets.probes.config.get("speaking"):
        return drawn
    textures = c[:, : nets.texture] + _KIND * (1 - smiles)[:, None] * nets.probes.speaking
    return numpy(nets.draw_texture(library(c).concatenate([textures, c[:, nets.texture :]], 1)))


def bared(real: np.ndarray, reference: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Teeth that are seen between the lips, wherever these were found: (S, S) in [0, 1]. What is
    light there and has less red than the skin.

    Args:
        real: (3, S, S) the face's own pixels in the mean frame.
        reference: (68, 2) the mean shape.
        skin: (S, S) where its skin is measured.
    """
    luma = (LUMA * (real + 1)).sum(0).clip(min=0.1)
    lit = ramp(luma / quantile(luma[skin > 0.5], 0.5), _LIT)
    red = (real[0] + 1) / luma / Known(real, skin).white[0]
    lips = polygon(reference[48:60], real.shape[-1])
    return (lips * lit * ((1 - red) / _PALE).clip(0, 1)).astype(np.float32)


def meets(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """How surely lips that were apart meet where shapes (B, 68, 2) become others: (B,)."""
    return (lip_gap(old) / _APART).clip(0, 1) * ramp(shut(old, new), _MEETS)


def between(
    real: np.ndarray, teeth: np.ndarray, lips: np.ndarray, line: np.ndarray | float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A face (3, S, S) whose lips go on where teeth are seen between them, and meet in a dark line,
    and where that is to be seen, (S, S) in [0, 1].

    Args:
        teeth: (S, S) see `bared`.
        lips: (S, S) where they are, and what they show.
        line: (S, S) where the dark line is drawn, in [0, 1].
    """
    gone = (_WHOLLY * blurred(teeth[None], _RIM * len(teeth))[0]).clip(0, 1)
    closed = (filled(real, lips * (1 - gone)) + 1) * (1 - _LINE * line) - 1
    return closed.astype(np.float32), np.maximum(gone, line)
