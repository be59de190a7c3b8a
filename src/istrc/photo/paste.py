"""Put a drawn face back into the photograph, feathered, at full resolution.

Only the square under THE CROP is computed, so that the cost is that of the face and not of the
photograph; every pixel outside it keeps its bytes.
"""

from __future__ import annotations

import numpy as np

from istrc.photo.align import Frame, around, compose
from istrc.resample import looked_up, places, resized
from istrc.shape.crop import CROP, CROP_SIDE

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


def paste_crop(
    pixels: np.ndarray, crop: np.ndarray, frame: Frame, whole: bool = False
) -> np.ndarray:
    """Replace the face of a photograph by a decoded one (modes `circle` and `anchored`).

    Args:
        pixels: (H, W, 3) uint8 RGB photograph.
        crop: (S, S, 3) float in [-1, 1], the new face under `frame`.
        frame: where the face is.
        whole: all of the crop is put there, up to its edges.

    Returns:
        (H, W, 3) uint8, a new array: crop * mask + photograph * (1 - mask).
    """
    crop = np.asarray(crop, np.float32)
    if crop.ndim != 3 or crop.shape[0] != crop.shape[1] or crop.shape[2] != 3 or not len(crop):
        raise ValueError(f"expected (S, S, 3), got {crop.shape}")
    if not np.isfinite(crop).all():
        raise ValueError("a face to paste holds values that are not finite")
    # Warped at the photograph's own size, up to _OVERSAMPLE times S
    side = max(1, min(round(frame.side), _OVERSAMPLE * len(crop)))
    mask = np.ones((side, side), np.float32) if whole else face_mask(side)
    mask = mask[None]  # (1, side, side)
    large = resized(np.ascontiguousarray(crop.transpose(2, 0, 1)), side)  # (3, side, side)
    # Multiplied by the mask before it is warped, as the photograph is faded by the warped mask
    layer = np.concatenate([(large + 1) * 127.5 * mask, mask])  # (4, side, side)
    result = np.array(pixels, copy=True)  # the photograph is the caller's
    height, width = pixels.shape[:2]
    left, top, right, bottom = around(frame.corners(), height, width)
    if left >= right or top >= bottom:
        return result

    scale = side / CROP_SIDE
    frame_to_layer = np.array([[scale, 0, -scale * CROP[0]], [0, scale, -scale * CROP[1]]])
    to_layer = compose(frame_to_layer, frame.matrix)
    # At the photograph's own resolution a linear kernel would blur; enlarged it does not show
    cubic = side / frame.side > 0.5
    rows = max(1, _STRIP // (right - left))
    for start in range(top, bottom, rows):
        end = min(bottom, start + rows)
        u, v = places(to_layer, (left, start, right, end))  # (h, w)
        sampled = looked_up(layer, u, v, cubic)  # (4, h, w)
        # The kernel reaches beyond the mask, the face must not: its outermost pixels are 0 already
        edge = -0.5 if whole else 0  # but of one that is put there up to its edges
        sampled *= (u > edge) & (u < side - 1 - edge) & (v > edge) & (v < side - 1 - edge)
        own = result[start:end, left:right].transpose(2, 0, 1).astype(np.float32)  # (3, h, w)
        own *= 1 - sampled[3]
        combined = np.rint(own + sampled[:3]).clip(0, 255).astype(np.uint8)  # (3, h, w)
        result[start:end, left:right] = combined.transpose(1, 2, 0)
    return result
