"""An edit's layers put into a photograph, at the photograph's own resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from istrc.edit.detail import unlike_edges
from istrc.edit.hair import strands
from istrc.edit.hair_colour import HairColour, recolour
from istrc.edit.tone import LUMA, quantile
from istrc.photo.align import Frame, around, invert, transform
from istrc.resample import blurred, looked_up, places
from istrc.shape.crop import CROP_CENTRE, CROP_SIDE
from istrc.shape.mesh import Mesh

FINEST = 1024  # pixels of a side over which a mesh is drawn; larger faces are looked up between
REACHED = 3  # pixels, as far as a cubic kernel reaches beside a place, and one more
BELOW = 0.16  # of half the crop's side, beneath it, over which a beard ends
EDGE = 24  # levels from which on what stands out of a texture is no detail of the skin
# Where a photograph is finer than a texture, what is drawn anew is sharpened: for each time that a
# texel is halved, so often at most, by how much, and against which blur, in texels
_FINER, _SHARPER, _SOFT = 2, 0.6, 0.9
STILL = 0.02  # pixels that count as not moved


Drawn = tuple[np.ndarray, np.ndarray]  # a texture (3, S, S), and how much of it shows (S, S)


@dataclass(frozen=True)
class Layers:
    """What an edit of one face lays over its photograph. S pixels a side, the mean frame.

    Attributes:
        change: (3, S, S) of the texture, in units of the [-1, 1] range, masked.
        mask: (S, S) where the edit may show.
        inside: (3, S, S) the new texture, for what has opened or lost its hair; None where nothing
            has.
        lips: (S, S) how much of `inside` shows.
        before, after: (P, 2) the meshes of both shapes; None where all shapes are the same.
        detail: (2, S, S) how many times more of what is finer than the texture is seen, and the
            photograph's luma in the texture, in units of the [-1, 1] range; None for no more.
        hair: (S, S) how unevenly the change falls on strands, for hair, which may end beneath the
            crop; None where none grows or is taken away.
        hair_colour: what becomes of the hair around the face; None where it stays.
        blur: of the photograph at the face (istrc.edit.detail); 0 in focus.
    """

    change: np.ndarray
    mask: np.ndarray
    inside: np.ndarray | None = None
    lips: Any = None  # an array, or None
    before: np.ndarray | None = None
    after: np.ndarray | None = None
    detail: np.ndarray | None = None
    hair: np.ndarray | None = None
    hair_colour: HairColour | None = None
    blur: float = 0.0


def over(below: Drawn | None, above: Drawn | None) -> Drawn | None:
    """What is drawn anew, where one such drawing lies over another."""
    if below is None or above is None:
        return above or below
    (under, lips), (texture, share) = below, above
    both = 1 - (1 - lips) * (1 - share)
    return under + share / both.clip(min=1e-6) * (texture - under), both


def put(pixels: np.ndarray, layers: Layers, frame: Frame, mesh: Any) -> np.ndarray:
    """A photograph with an edit's layers over the face under a frame.

    Args:
        pixels: (H, W, 3) in levels of 0..255, uint8 or floating.
        mesh: of the layers' meshes.

    Returns:
        (H, W, 3) of the same type, a new array. Pixels that the edit neither moves nor shades keep
        their values, and an edit of nothing gives them all back.
    """
    height, width = pixels.shape[:2]
    half = CROP_SIDE / 2
    to_crop = np.column_stack([frame.matrix[:, :2], frame.matrix[:, 2] - CROP_CENTRE]) / half
    result = np.array(pixels, copy=True)
    if layers.hair_colour is not None:  # before a face covers some of it, that becomes wider
        recolour(result, to_crop, layers.hair_colour)
    from_crop = invert(to_crop)
    corners = transform(from_crop, [[-1, -1], [1, -1], [1, 1], [-1, 1]])
    if layers.after is not None:
        corners = np.concatenate([corners, transform(from_crop, layers.after[mesh.around])])
    box = left, top, right, bottom = around(corners, height, width)
    if left >= right or top >= bottom:
        return result
    if layers.after is None:
        at, moved = np.stack(places(to_crop, box)) + 0.5, None
    else:
        at, moved = _through_mesh(mesh, layers, from_crop, box)

    # The photograph's own pixels, moved
    own = result[top:bottom, left:right].astype(np.float32)  # (h, w, 3)
    if moved is not None:
        far = np.abs(moved).max(0)
        rows, columns = np.nonzero((far > STILL) & (far < np.inf))
        if len(rows):
            x, y = columns + left, rows + top
            aside = moved[:, rows, columns]
            if mesh.facial:
                # Nothing is known beyond the picture: to its edge it is squeezed, at most by half
                most = (width - 1 - x) / 2, (height - 1 - y) / 2
                aside = np.clip(aside, (-x / 2, -y / 2), most)
            u, v = x + aside[0], y + aside[1]
            # Of a great photograph, the part that is looked at
            x0, y0 = (
                int(np.clip(np.floor(at_.min()) - REACHED, 0, end - 1))
                for at_, end in ((u, width), (v, height))
            )
            x1, y1 = (int(np.ceil(at_.max())) + REACHED + 1 for at_ in (u, v))
            window = result[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].transpose(2, 0, 1)
            own[rows, columns] = looked_up(window, u - x0, v - y0).T

    # The texture's change, and what has opened
    end = 1 if layers.hair is None else 1 + BELOW
    covered = (np.abs(at[0]) < 1) & (at[1] > -1) & (at[1] < end)
    stack = [layers.change * np.float32(127.5)]
    shows: Any = layers.change.any(0)
    if layers.detail is not None:
        stack.append(layers.detail)
        shows = shows | (layers.detail[0] != 0)
    if layers.inside is not None:
        shows = shows | (layers.lips > 0)
    rows, columns = np.nonzero(covered & _near(at, shows))
    here, before = at[:, rows, columns], own[rows, columns]
    seen = looked_up(np.concatenate(stack), *_texels(here, size := len(shows)))  # (3 or 5, N)
    change = seen[:3].T
    if layers.hair is not None:
        change = change * _on_strands(layers.hair, here, from_crop)[:, None]
    shaded = before + change
    if layers.detail is not None:
        more, coarse = seen[3:]
        finer = (before @ LUMA[:, 0, 0] / 127.5 - 1 - coarse) * np.float32(127.5)
        shaded += (more * finer * unlike_edges(finer, more, EDGE))[:, None]
    if layers.inside is not None:
        some = _near(here, layers.lips > 0)
        halvings = float(np.clip(np.log2(_side(from_crop) / size), 0, _FINER))
        inside = layers.inside
        if sharper := _SHARPER * halvings * max(1 - layers.blur, 0):
            inside = inside + sharper * (inside - blurred(inside, _SOFT))
        stack = [(inside + 1) * np.float32(127.5), layers.lips[None]]
        seen = looked_up(np.concatenate(stack), *_texels(here[:, some], size))  # (4, M)
        share = (seen[3] * _end(here[:, some])).clip(0, 1)[:, None]
        drawn = seen[:3].T
        if halvings:
            noise = np.random.default_rng(0).standard_normal((len(share), 1), np.float32)
            drawn = drawn + min(halvings, 1) * grain(own) * noise
        shaded[some] += share * (drawn - shaded[some])
    own[rows, columns] = shaded
    if np.issubdtype(pixels.dtype, np.integer):
        own = np.rint(own)
    result[top:bottom, left:right] = own.clip(0, 255).astype(pixels.dtype)
    return result


def _texels(at: np.ndarray, size: int) -> np.ndarray:
    """Places (2, ...) of the crop in pixels of a texture of so many a side."""
    return (at + 1) * size / 2 - 0.5


def _near(at: np.ndarray, shows: np.ndarray) -> np.ndarray:
    """Which places (2, ...) of the crop may see something of a texture that is not 0 where it
    shows, (S, S) bool: those in the box around that, and two pixels, as far as a cubic kernel
    reaches. Beyond the texture its last row goes on.
    """
    near = np.ones(at.shape[1:], bool)
    for along, lines in zip(at, (shows.any(0), shows.any(1)), strict=True):
        some = np.flatnonzero(lines)
        if not len(some):
            return ~near
        low, high = (some[[0, -1]] + [-1.5, 2.5]) * 2 / len(shows) - 1
        near &= (along >= low) & (along <= (high if some[-1] < len(shows) - 1 else np.inf))
    return near


def grain(pixels: np.ndarray) -> float:
    """The standard deviation of the noise in pixels (h, w, 3), in levels of luma: what most of them
    are off the mean of the four beside them has sqrt(5) / 2 times that.
    """
    luma = pixels @ LUMA[:, 0, 0]
    near = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    off = np.abs(luma[1:-1, 1:-1] - near / 4)
    return float(1.4826 * quantile(off.ravel(), 0.5) / np.sqrt(1.25)) if off.size else 0.0


def _side(from_crop: np.ndarray) -> float:
    """The crop's side in a photograph's pixels."""
    return 2 * float(np.sqrt(abs(np.linalg.det(from_crop[:, :2]))))


def _on_strands(hair: np.ndarray, at: np.ndarray, from_crop: np.ndarray) -> np.ndarray:
    """How many times a change is seen at places (2, N) of the crop, (N,): see `Layers.hair`."""
    finest = int(2 ** np.clip(np.round(np.log2(_side(from_crop))), 6, 10))
    (u, v), (x, y) = (_texels(at, side) for side in (finest, len(hair)))
    uneven = looked_up(strands(finest)[None], u, v, cubic=False)[0]
    share = looked_up(hair[None], x, y, cubic=False)[0]
    return (1 + share * uneven).clip(0) * _end(at)


def _end(at: np.ndarray) -> np.ndarray:
    """How much of an edit is seen at places (2, N) of the crop, which may lie beneath it: (N,)."""
    return ((1 + BELOW - at[1]) / BELOW).clip(0, 1)


def _through_mesh(
    mesh: Mesh, layers: Layers, from_crop: np.ndarray, box: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where a photograph's pixels lie in the mean frame, and by how many pixels they look aside.

    Returns two (2, h, w); pixels outside of the mesh are nowhere, and do not move.
    """
    left, top, right, bottom = box
    height, width = bottom - top, right - left
    step = max(1, int(np.ceil(max(height, width) / FINEST)))
    shape = (-(-height // step), -(-width // step))
    region = (left, top, left + shape[1] * step, top + shape[0] * step)
    before, after = transform(from_crop, layers.before), transform(from_crop, layers.after)
    found, weights = mesh.drawn(after, region, shape, inner=True)
    both = mesh.places(np.concatenate([mesh.centre, before - after], 1), found, weights)
    both[found < 0] = [9.0, 9.0, 0.0, 0.0]
    both = both.transpose(2, 0, 1)
    if step > 1:
        v, u = np.mgrid[0:height, 0:width]
        finer = (u + 0.5) / step - 0.5, (v + 0.5) / step - 0.5
        both = looked_up(both, *finer, cubic=False)
    return both[:2], both[2:]
