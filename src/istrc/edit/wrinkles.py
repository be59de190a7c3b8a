"""Wrinkles, which grow along lines.

Where skin is smooth, its own detail made stronger (istrc.edit.detail) is noise. What older faces
have there are lines, in the same direction in all of them: across a forehead, upright between the
brows, away from the corners of eyes and of the nose. So what detail is to grow by is also noise
that runs along these (line integral convolution, Cabral and Leedom 1993).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from istrc.arrays import numpy
from istrc.edit.detail import BANDS, bands, power
from istrc.edit.tone import LUMA
from istrc.resample import blurred, resized

# Of what an edit's gains ask for, at each band, finest first. Lines twice as strong and as long
# were scratches to strangers who did not know which was which: of 12 faces they believed 5 with
# these, and 1 with those
_SHARES = (0.35, 0.7, 0.7)
_LENGTH = 8 / 128  # of the side, that a line reaches to either side
_STEEP = 1.5  # over how much of that it ends
_ALIKE = 1.0  # how much of direction older faces have in common, from which on lines are whole
_MIRRORED = 0.7  # of one half of a face, that the other is like it
_LIGHT = 0.25  # times what is lighter: a wrinkle is dark
_BOUND = 2.0  # standard deviations, that no line goes far beyond
_PATCHY, _PATCH = 0.25, 5 / 128  # log amplitude that lines differ by, over so much of the side
_LEAST = 0.006  # of the skin's light, that its amplitude counts at least
_MOST = 1.0  # log, that an amplitude grows at most


def wrinkles(probes: Any, edits: Any) -> bool:
    """Whether an edit draws lines: it makes people older, and how these run is known."""
    ages = isinstance(edits, Mapping) and edits.get("young", 0) < 0
    return ages and probes is not None and bool(probes.config.get("wrinkles"))


def wrinkled(texture: np.ndarray, gain: np.ndarray, light: np.ndarray, probes: Any) -> np.ndarray:
    """What lines change of a texture (3, S, S) whose detail grows by log gains (BANDS, S, S): as
    much as its own detail would, or, where that is strong already, as that of the mean face.

    Args:
        light: (1, 1) its skin's, see `istrc.edit.detail.lit`.
    """
    size = texture.shape[-1]
    found = bands((LUMA * texture).sum(0)[None] / light)[0]
    own = 0.5 * np.log(power(found) + _LEAST**2)
    own = np.minimum(own, resized(numpy(probes.detail_mean), size, linear=True))
    ways = np.ascontiguousarray(numpy(probes.wrinkles))
    grown = np.exp(own) * np.sqrt(np.expm1(2 * gain.clip(0, _MOST)))
    return (grown * lines(ways.tobytes(), ways.shape[-1], size)).sum(0) * (texture + 1)


@lru_cache(maxsize=4)
def lines(ways: bytes, side: int, size: int) -> np.ndarray:
    """How much lighter and darker lines are, (BANDS, size, size): of mean 0 and deviation 1, but
    for how alike they run and `_SHARES`. For all faces the same.

    Args:
        ways: (2, side, side) float32: cosine and sine of twice their angle, times how alike that is
            among older faces, in [0, 1].
    """
    known = np.frombuffer(ways, np.float32).reshape(2, side, side)
    cosine, sine = resized(known, size, linear=True)
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, (size, size)).astype(np.float32)
    line = along(noise + _MIRRORED * noise[:, ::-1], 0.5 * np.arctan2(sine, cosine))
    patches = blurred(rng.normal(0, 1, (1, size, size)).astype(np.float32), _PATCH * size)[0]
    alike = (np.hypot(cosine, sine) / _ALIKE).clip(0, 1)
    weights = alike * np.exp(_PATCHY * patches / patches.std())
    found = bands(line[None])[0]
    found /= found.std((1, 2), keepdims=True).clip(min=1e-6)
    found = np.tanh(found / _BOUND) * _BOUND
    found = np.where(found < 0, found, _LIGHT * found)
    found = found - found.mean((1, 2), keepdims=True)
    found /= found.std((1, 2), keepdims=True).clip(min=1e-6)
    return (np.reshape(_SHARES, (BANDS, 1, 1)) * weights * found).astype(np.float32)


def along(noise: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Noise (S, S) convolved along lines whose angle (S, S) at each place is known but for half a
    turn.
    """
    size = len(noise)
    reach = round(_LENGTH * size)
    cosine, sine, total = np.cos(angle), np.sin(angle), noise.copy()
    v, u = np.mgrid[:size, :size].astype(np.float32)
    for turn in (-1, 1):
        x, y, across, down = u, v, turn * cosine, turn * sine
        for step in range(reach):
            x, y = x + across, y + down
            at = tuple(np.rint(one).clip(0, size - 1).astype(np.intp) for one in (y, x))
            total += noise[at] * np.exp(-np.square(_STEEP * step / reach))
            same = np.sign(across * cosine[at] + down * sine[at])
            across, down = same * cosine[at], same * sine[at]
    return total
