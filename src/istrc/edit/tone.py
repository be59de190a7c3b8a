"""Colours are changed relative to the face's own: its tone, its light and its greyness stay.

A change of texture is a difference of two drawings, and brings along what the drawings think of
the light and of the skin. Nobody asked for that: a face that smiles is lit from where it was.
"""

from __future__ import annotations

import numpy as np

from istrc.resample import blurred

LUMA = np.array([0.299, 0.587, 0.114], np.float32)[:, None, None]
GREY, COLOURED = 0.015, 0.06  # mean chroma of the skin: none of a change's is taken, all is
_LIGHT = 0.12  # of the side: light falls off over as much
_BROAD = 0.8  # taken away of what tints more than half of that, as neither lips nor shadow do


def toned(change: np.ndarray, own: np.ndarray, skin: np.ndarray | None) -> np.ndarray:
    """A change (3, S, S) of a texture without its change of light and skin tone.

    The middle of the skin's change is taken away, and what differs smoothly between both halves
    of the face, which is where the light comes from, and most of what tints it broadly; of its
    colour as much stays as the face has.

    Args:
        own: (3, S, S) the face's texture in [-1, 1].
        skin: (S, S) where the tone is measured; None takes no tone away.
    """
    change = change.astype(np.float32)
    if skin is not None:
        change = change - _middle(change, skin)
        smooth = blurred(change, _LIGHT * change.shape[-1])
        change = change - (smooth - smooth[:, :, ::-1]) / 2
    grey = (LUMA * change).sum(0, keepdims=True)
    tint = change - grey
    if skin is not None:
        tint = tint - _BROAD * blurred(tint, _LIGHT / 2 * change.shape[-1])
    return grey + coloured(own, skin) * tint


def coloured(own: np.ndarray, skin: np.ndarray | None = None) -> float:
    """How much colour a face (3, S, S) has, from 0 for a grey one to 1."""
    chroma = np.abs(own - (LUMA * own).sum(0, keepdims=True)).mean(0)
    of = chroma[skin > 0.5] if skin is not None else chroma.ravel()
    return float(np.clip((np.mean(of) - GREY) / (COLOURED - GREY), 0, 1))


def _middle(change: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """The median change of the skin, (3, 1, 1)."""
    return np.median(change[:, skin > 0.5], axis=1)[:, None, None]
