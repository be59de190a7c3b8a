"""Parts of a face in the mean shape: masks of its texture, and the points that lie in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from istrc.resample import blurred
from istrc.shape.mesh import points

_LEFT, _RIGHT = [*range(36, 42), *range(17, 22)], [*range(42, 48), *range(22, 27)]
# Of each region: groups of points whose hull it is, how many times enlarged; the points that move
_HULLS = {
    "nose": ([[*range(27, 36)]], 1.7, [*range(27, 36)]),
    "mouth": ([[*range(48, 60)]], 1.6, [*range(48, 68)]),
    "eyes": ([_LEFT, _RIGHT], 1.4, [*range(17, 27), *range(36, 48)]),
    "upper lip": ([[*range(31, 36), *range(48, 55)]], 1.9, []),
    "moustache": ([[*range(31, 36), *range(48, 55)]], 1.45, []),  # one that grows
    "chin": ([[*range(5, 12), *range(55, 60)]], 1.4, []),
    "eyes and mouth": ([_LEFT, _RIGHT, [*range(48, 60)]], 1.4, [*range(17, 27), *range(36, 68)]),
    "hair": ([], 1.0, []),  # which lies beyond the face (istrc.edit.hair_colour)
}
_CHEEK = 8  # points of the jaw, from either ear to the chin, that go the more: it turns there
_LOWER_LIP = 57  # the point below its middle
_JAW = 0.8  # of what the lower lip goes, that the chin does where mouths open
_EDGE = 0.035  # of the side, over which a region fades
_SIDES = 0.07  # ... and the face beside the eyes


def region_mask(mean: np.ndarray, names: Iterable[str], size: int) -> np.ndarray:
    """Where regions lie in the mean frame, together: (S, S) float32 in [0, 1].

    Args:
        mean: (68, 2) the mean shape.
    """
    whole = np.zeros((size, size), np.float32)
    rows = ((np.arange(size) + 0.5) * 2 / size - 1)[:, None]
    for name in names:
        if name in _HULLS:
            groups, times, _ = _HULLS[name]
            parts = (polygon(_hull(enlarged(mean[group], times)), size) for group in groups)
            made: Any = sum(parts, np.zeros_like(whole))
            made = blurred(made.clip(0, 1)[None], _EDGE * size)[0]
        else:
            brows = mean[17:27, 1].min() - 0.05
            top = brows if name == "below the brows" else mean[27:31, 1].mean()
            made = np.broadcast_to(((rows - top) / (4 * _EDGE) + 0.5).clip(0, 1), whole.shape)
        whole = np.maximum(whole, made.astype(np.float32))
    return whole


def movement(names: Iterable[str]) -> np.ndarray:
    """What an edit of these regions alone keeps of a shape's displacement: (68, 68).

    Of a nose, a mouth, eyes or a jaw their own points move. Of an expression the mouth does, the
    jaw goes with the lower lip, which hangs from it, and eyes change their form in their places
    where it shows below the brows; nose and brows lie still.
    """
    names, kept = set(names), np.zeros((68, 68), np.float32)
    ear = np.minimum(np.arange(17), np.arange(17)[::-1])
    below = np.minimum(ear / _CHEEK, 1)
    if "jaw" in names:
        kept[:17, :17] = np.diag(below)
    if names & {"lower face", "below the brows"}:
        kept[:17, _LOWER_LIP] = _JAW * below
        kept[48:, 48:] = np.eye(20)
    if "below the brows" in names:
        for eye in (slice(36, 42), slice(42, 48)):
            kept[eye, eye] = np.eye(6) - 1 / 6
    for name in names:
        if name in _HULLS:
            own = [point for point in _HULLS[name][2] if not kept[point].any()]
            kept[own, own] = 1
    return kept


def polygon(corners: np.ndarray, size: int) -> np.ndarray:
    """A polygon (N, 2) filled, smooth at its edge: (S, S) float32 in [0, 1]."""
    from PIL import Image, ImageDraw

    picture = Image.new("L", (4 * size, 4 * size))
    places = [tuple(place) for place in (corners + 1) * (2 * size)]
    ImageDraw.Draw(picture).polygon(places, fill=255)
    small = picture.resize((size, size), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


def outline(mean: np.ndarray, size: int, jaw: bool = False) -> np.ndarray:
    """The face from the jaw to the forehead in the mean frame, fading out inside of its edge:
    (S, S) float32 in [0, 1].

    Args:
        jaw: of what grows on the jaw: it fades out beyond the edge.
    """
    inside, soft = _inside(mean, size)
    faded = ((soft - 0.25) * 4 if jaw else (soft - 0.5) * 2).clip(0, 1)
    # Beside the eyes hair begins, and fades in from further inside
    sides = ((blurred(inside[None], _SIDES * size)[0] - 0.5) * 2).clip(0, 1)
    rows = ((np.arange(size) + 0.5) * 2 / size - 1)[:, None]
    high = ((mean[31:36, 1].mean() - rows) / (4 * _EDGE) + 0.5).clip(0, 1)  # above the nose's base
    faded = faded * (1 + high * (sides - 1))
    upper = points(mean)[68 + 27 + 17 : 68 + 54]  # above the brows
    line = np.minimum(np.arange(size), np.arange(size)[::-1])
    down = np.arange(size) if jaw else line  # a beard goes on beneath the crop
    edge = np.minimum(down[:, None], line[None]) / ((2 - jaw) * _EDGE * size)  # none at the crop's
    # The forehead, over which hair may fall, fades over a fifth of the side
    top = ((np.arange(size)[:, None] / size - (upper[:, 1].min() + 1) / 2) / 0.2).clip(0, 1)
    return (np.sqrt(faded) * edge.clip(0, 1) * top).astype(np.float32)


def jawed(mean: np.ndarray, size: int) -> np.ndarray:
    """The face, also at the crop's lower edge, fading out over the inner half of its own: (S, S)
    float32 in [0, 1].
    """
    return ((_inside(mean, size)[1] - 0.5) * 4).clip(0, 1)


def _inside(mean: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The face from the jaw to above the brows, (S, S); and the same, a half at its edge."""
    around = points(mean)
    upper = around[68 + 27 + 17 : 68 + 54][::-1]  # from right to left
    inside = polygon(np.concatenate([around[:17], upper]), size)
    return inside, blurred(inside[None], _EDGE * size)[0]


def skin(mean: np.ndarray, size: int) -> np.ndarray:
    """Cheeks, nose and forehead in the mean frame: (S, S) in [0, 1]."""
    around = points(mean)
    inside = polygon(np.concatenate([around[:17], around[68 + 17 : 68 + 27][::-1]]), size)
    return inside * featureless(mean, size, 1.5)


def featureless(mean: np.ndarray, size: int, around: float, lips: bool = True) -> np.ndarray:
    """Where in the mean frame are no brows and eyes, and no lips, `around` times their size:
    (S, S).
    """
    left = np.ones((size, size), np.float32)
    parts = slice(36, 42), slice(42, 48), slice(17, 22), slice(22, 27), slice(48, 60)
    for part in parts if lips else parts[:-1]:
        left = left * (1 - polygon(enlarged(mean[part], around), size))
    return left


def above(height: float, size: int) -> np.ndarray:
    """What lies above a height of the mean frame: (S, S) in [0, 1], each row alike."""
    rows = ((np.arange(size) + 0.5) * 2 / size - 1)[:, None]
    faded = ((height - rows) / (3 * _EDGE) + 0.5).clip(0, 1)
    return np.broadcast_to(faded, (size, size)).astype(np.float32)


def enlarged(corners: np.ndarray, times: float) -> np.ndarray:
    """Points (N, 2), `times` as far from their mean."""
    middle = corners.mean(0)
    return middle + times * (corners - middle)


def _hull(corners: np.ndarray) -> np.ndarray:
    """The convex hull of points (N, 2), in order round it (Andrew's monotone chain)."""
    ordered = sorted(map(tuple, corners))

    def half(places: Iterable[Any]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for x, y in places:
            while len(kept) > 1 and (kept[-1][0] - kept[-2][0]) * (y - kept[-2][1]) <= (
                kept[-1][1] - kept[-2][1]
            ) * (x - kept[-2][0]):
                kept.pop()
            kept.append((x, y))
        return kept[:-1]

    return np.array(half(ordered) + half(ordered[::-1]))
