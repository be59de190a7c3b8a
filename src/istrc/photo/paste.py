"""Put an edit back into the photograph: the change of the face, feathered, at full resolution.

Only the square under THE CROP is computed, so that the cost is that of the face and not of the
photograph; every pixel outside it, and every pixel that the change leaves alone, keeps its bytes.
"""

from __future__ import annotations

import numpy as np

from istrc.photo.align import CROP, CROP_SIDE, Frame, compose
from istrc.resample import looked_up, places, resized

FULL = 0.72  # radius up to which the mask is 1; the crop's edges are at 1
ROUNDNESS = 2.6  # exponent of the superellipse: 2 is an ellipse, more reaches into the corners
_OVERSAMPLE = 4  # a layer is enlarged this much by a cubic kernel; beyond that, linear is as smooth
_STRIP = 1 << 18  # photograph pixels computed at once: bounds memory, stays in cache


def face_mask(size: int) -> np.ndarray:
    """Where an edit may show: float32 (S, S) in [0, 1], 1 on the face, 0 on the crop's border.

    A superellipse with a smooth edge, |u|^p + |v|^p with u, v in [-1, 1] across the crop: eyes,
    nose, mouth and cheeks are well inside; the fall to 0 has zero slope and zero curvature at
    both of its ends (smootherstep), so that no seam can be seen.
    """
    if size < 3:
        return np.zeros((size, size), np.float32)
    # The outermost pixels' centres are at exactly -1 and 1
    axis = np.abs(np.linspace(-1, 1, size)) ** ROUNDNESS
    radius = (axis[:, None] + axis[None, :]) ** (1 / ROUNDNESS)  # (S, S)
    t = np.clip((1 - radius) / (1 - FULL), 0, 1)
    return (t * t * t * (t * (6 * t - 15) + 10)).astype(np.float32)


def paste_change(pixels: np.ndarray, change: np.ndarray, frame: Frame) -> np.ndarray:
    """Add a change of the face to a photograph (mode `photo`).

    Args:
        pixels: (H, W, 3) uint8 RGB photograph.
        change: (S, S, 3) float, edited minus original face in units of the [-1, 1] image range:
            2 takes black to white. Or an overlay (S, S, 4), see istrc.photo.cover, whose last
            channel says how much of the photograph's own pixels goes.
        frame: where the face is.

    Returns:
        (H, W, 3) uint8, a new array; rounded once; bytes outside the mask are the photograph's,
        and a change of zero gives them all back.
    """
    change = _square(change, 4 if np.shape(change)[-1:] == (4,) else 3)
    side = _layer_side(len(change), frame)
    mask = _mask(side)
    layer = _layer(change, side) * mask  # (3 or 4, side, side)
    added, gone = layer[:3], layer[3:]
    # Black is -1 here and 0 in the photograph
    layer = np.concatenate([(added + gone) * 127.5 if len(gone) else added * 127.5, gone])
    return _apply(pixels, layer, frame)


def paste_crop(pixels: np.ndarray, crop: np.ndarray, frame: Frame) -> np.ndarray:
    """Replace the face of a photograph by a decoded one (modes `circle` and `anchored`).

    Args:
        pixels: (H, W, 3) uint8 RGB photograph.
        crop: (S, S, 3) float in [-1, 1], the new face under `frame`.
        frame: where the face is.

    Returns:
        (H, W, 3) uint8, a new array: crop * mask + photograph * (1 - mask).
    """
    crop = _square(crop)
    side = _layer_side(len(crop), frame)
    mask = _mask(side)
    # Multiplied by the mask before it is warped, as the photograph is faded by the warped mask
    layer = np.concatenate([(_layer(crop, side) + 1) * 127.5 * mask, mask])  # (4, side, side)
    return _apply(pixels, layer, frame)


def _square(face: np.ndarray, channels: int = 3) -> np.ndarray:
    face = np.asarray(face, np.float32)
    shape = face.shape
    if face.ndim != 3 or shape[0] != shape[1] or shape[2] != channels or not len(face):
        raise ValueError(f"expected (S, S, {channels}), got {shape}")
    if not np.isfinite(face).all():
        raise ValueError("a face to paste holds values that are not finite")
    return face


def _layer_side(size: int, frame: Frame) -> int:
    """The side at which a layer is warped: the photograph's own, up to _OVERSAMPLE times S."""
    return max(1, min(round(frame.side), _OVERSAMPLE * size))


def _layer(face: np.ndarray, side: int) -> np.ndarray:
    """(S, S, C) -> (C, side, side)."""
    return resized(np.ascontiguousarray(face.transpose(2, 0, 1)), side)


def _mask(side: int) -> np.ndarray:
    return face_mask(side)[None]  # (1, side, side)


def _apply(pixels, layer: np.ndarray, frame: Frame) -> np.ndarray:
    """Warp a layer of THE CROP onto the photograph and add it there: (H, W, 3) uint8.

    `layer`: (3, n, n) in levels of 0..255; or (4, n, n), whose last channel in [0, 1] says how
    much of the photograph's own pixels goes before the rest is added.
    """
    result = np.array(pixels, copy=True)  # the photograph is the caller's
    height, width = pixels.shape[:2]
    corners = frame.corners()
    left, top = (int(v) for v in np.clip(np.floor(corners.min(0)), 0, (width, height)))
    right, bottom = (int(v) for v in np.clip(np.ceil(corners.max(0)), 0, (width, height)))
    if left >= right or top >= bottom:
        return result

    side = layer.shape[-1]
    scale = side / CROP_SIDE
    frame_to_layer = np.array([[scale, 0, -scale * CROP[0]], [0, scale, -scale * CROP[1]]])
    to_layer = compose(frame_to_layer, frame.matrix)
    # At the photograph's own resolution a linear kernel would blur; enlarged it does not show
    cubic = side / frame.side > 0.5
    rows = max(1, _STRIP // (right - left))
    for start in range(top, bottom, rows):
        end = min(bottom, start + rows)
        u, v = places(to_layer, (left, start, right, end))  # (h, w)
        sampled = looked_up(layer, u, v, cubic)  # (C, h, w)
        # The kernel reaches beyond the mask, an edit must not: its outermost pixels are 0 already
        sampled *= (u > 0) & (u < side - 1) & (v > 0) & (v < side - 1)
        own = result[start:end, left:right].transpose(2, 0, 1).astype(np.float32)  # (3, h, w)
        if len(sampled) == 4:
            own *= 1 - sampled[3]
        combined = np.rint(own + sampled[:3]).clip(0, 255).astype(np.uint8)  # (3, h, w)
        result[start:end, left:right] = combined.transpose(1, 2, 0)
    return result
