"""Where hair is in a photograph, and where skin: by where a pixel lies and by its colour.

The colours of the parts are Gaussians, found by expectation maximisation from maps that say how
likely each part is at a place (istrc.training.hair).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from istrc.edit.tone import LUMA
from istrc.resample import blurred
from istrc.shape.regions import polygon

_ROUNDS = 6  # of expectation maximisation
_FOREHEAD = 0.42  # of the way from chin to eyes, that no background is above the brows
_SAFE, _NEVER = 0.85, 0.06  # hair's probability at most, and the rest's at least
_BARE = 0.85  # of a forehead, where no hair is likely, is skin
_FRINGE = 0.6  # ... and that of hair, where a fringe falls over it
_HAIR_SPREAD = 0.025  # most, that the variances of a head's hair sum to
NOISE, _BEHIND = 0.0015, 0.003  # variance that hair and skin have in any case, and the rest
_SELDOM = 10  # density of colours that the rest has anywhere
# Luma, and what blue and red are more than it
_LUMA = LUMA[:, 0, 0]
OPPONENT = np.stack([_LUMA, [0, 0, 1] - _LUMA, [1, 0, 0] - _LUMA]).astype(np.float32)


def segment(
    view: np.ndarray,
    points: np.ndarray,
    likely: np.ndarray,
    known: np.ndarray | None = None,
    near: np.ndarray | None = None,
    fringe: float = 0.0,
) -> np.ndarray:
    """How likely hair, skin and the rest are in a picture, (3, S, S).

    Args:
        view: (3, S, S) in [0, 1].
        points: (68, 2) of the face in it, in [-1, 1].
        likely: (2, S, S) how likely hair and skin are, wherever it is.
        known: (S, S) where there is a picture; None for everywhere.
        near: (S, S) where hair is learnt what colour it has; None for everywhere.
        fringe: how surely hair falls over the forehead, in [0, 1].
    """
    side = view.shape[-1]
    colours = OPPONENT @ view.reshape(3, -1)  # (3, N)
    brows, up = points[17:27], points[36:48].mean(0) - points[8]
    inner, high = (
        polygon(np.concatenate([points[:17], (brows + share * up)[::-1]]), side).ravel()
        for share in (0, _FOREHEAD)
    )
    hair, skin = likely.reshape(2, -1)
    over = fringe * (high - inner).clip(0)  # of a forehead, what a fringe may cover
    hair = np.maximum(hair, _FRINGE * over)
    skin = np.maximum(skin, _BARE * high * (1 - hair)) * (1 - _FRINGE * over)
    outer = 1 - inner + 1e-5
    hair = hair.clip(max=_SAFE)
    rest = (1 - hair - skin).clip(_NEVER) * (1 - 0.97 * np.maximum(high, inner))
    prior = np.stack(
        [hair * outer, np.maximum(skin, inner), *(rest * outer * _sides(side))]
    )  # (5, N): what is behind a head has other colours at either side of it, and below
    prior = _normalised(prior + 1e-4)
    seen, close = (np.ones(side * side) if x is None else x.ravel() for x in (known, near))
    shares = np.where(prior > 0.2, prior, 1e-4) * seen
    typical = colours[:, shares[0] * close > 0.6 * (shares[0] * close).max()]
    for round_ in range(_ROUNDS):
        densities = []
        for part, weights in enumerate(shares):
            weights = weights if part else weights * close
            middle = np.quantile(typical, 0.5, axis=1) if not round_ and not part else None
            off, variance = spread_of(colours, weights, middle)
            variance += (NOISE if part < 2 else _BEHIND) * np.eye(3)
            if not part:  # a head's hair is of one colour
                variance *= min(1, _HAIR_SPREAD / np.trace(variance))
            far = (off * (np.linalg.inv(variance) @ off)).sum(0)
            densities.append(-0.5 * (far + np.log(np.linalg.det(variance))))
        density = np.stack(densities)
        density[2:] = np.logaddexp(density[2:], np.log(_SELDOM))
        density -= density.max(0)
        # A pixel is likely what is around it
        around = _normalised(np.exp(density) * prior)
        around = blurred(around.reshape(5, side, side), side / 64).reshape(5, -1)
        shares = _normalised(np.exp(0.7 * density) * prior * (around + 1e-3) ** 2.5) * seen
    found = np.stack([*shares[:2], shares[2:].sum(0)])
    return found.reshape(3, side, side).astype(np.float32)


@lru_cache(maxsize=4)
def _sides(side: int) -> np.ndarray:
    """What lies to the left of a head, to its right, and below, (3, N), which sum to 1."""
    x, y = np.meshgrid(*2 * [(np.arange(side) + 0.5) * 2 / side - 1])
    return _normalised(np.exp(4 * np.stack([-x - y, x - y, 2 * y]).reshape(3, -1)))


def spread_of(
    colours: np.ndarray, weights: np.ndarray, mean: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """How far colours (3, N) are from their mean, weighted or given, and the covariance (3, 3)."""
    total = max(float(weights.sum()), 1e-3)
    off = colours - (colours @ weights / total if mean is None else mean)[:, None]
    return off, off * weights @ off.T / total


def _normalised(x: np.ndarray) -> np.ndarray:
    return x / x.sum(0).clip(min=1e-12)
