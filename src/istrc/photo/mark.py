"""A photograph with its faces framed and numbered, at a size at which the numbers can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from istrc.photo.align import Frame, transform

SIDES = (640, 2000)  # pixels: the least and the greatest longest side of a preview
_YELLOW, _INK = (255, 214, 10), (24, 24, 27)  # one of the two shows on any background
_Label = tuple[float, float, float, float]  # left, top, right, bottom
_SMALLEST, _LARGEST = 18, 1 / 16  # of a number: pixels; of the preview's longest side


def mark(
    pixels: np.ndarray, frames: Sequence[Frame], alpha: np.ndarray | None = None
) -> np.ndarray:
    """A preview: each frame's crop outlined, and its number, from 1, in a label beside it.

    Args:
        pixels: (H, W, 3) uint8 RGB photograph. Small ones are enlarged and large ones are shrunk
            until the longest side is within SIDES.
        frames: the faces, in the order of their numbers.
        alpha: (H, W) uint8; what is clear is shown white.

    Returns:
        (h, w, 3) uint8.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if alpha is not None:
        white = Image.new("RGB", picture.size, "white")
        picture = Image.composite(picture, white, Image.fromarray(alpha))
    longest = max(picture.size)
    scale = min(max(longest, SIDES[0]), SIDES[1]) / longest
    if scale != 1:
        size: Any = tuple(max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 400))
    # Frames first, and the smallest face's number last: it is the one that could be covered
    shapes = [transform(np.array([[scale, 0, 0], [0, scale, 0]]), f.corners()) for f in frames]
    for corners in shapes:
        outline = [tuple(corner) for corner in (*corners, corners[0], corners[1])]
        draw.line(outline, _INK, line + 2, joint="curve")
        draw.line(outline, _YELLOW, line, joint="curve")
    taken: list[_Label] = []
    for number, (corners, frame) in enumerate(zip(shapes, frames, strict=True), 1):
        points = min(max(_SMALLEST, frame.side * scale / 4), _LARGEST * max(picture.size))
        font = ImageFont.load_default(max(_SMALLEST, round(points)))
        place = _place(draw, str(number), font, corners, picture.size, taken)
        taken.append(place)
        draw.rectangle(place, _YELLOW, _INK, max(1, line // 2))
        middle = ((place[0] + place[2]) / 2, (place[1] + place[3]) / 2)
        draw.text(middle, str(number), _INK, font, anchor="mm")
    return np.asarray(picture)


def _place(
    draw: Any, text: str, font: Any, corners: np.ndarray, size: Sequence[int], taken: list[_Label]
) -> _Label:
    """Where a label goes: beside its frame, inside the picture, on no other label if possible."""
    left, top, right, bottom = draw.textbbox((0, 0), text, font, anchor="lt")
    pad = 0.25 * font.size
    width, height = right - left + 2 * pad, max(bottom - top, 0.7 * font.size) + 2 * pad
    (x0, y0), (x1, y1) = corners.min(0), corners.max(0)
    spots = [
        (x0, y0 - height), (x0, y0), (x1 - width, y0 - height), (x1 - width, y0),
        (x0, y1), (x0, y1 - height), (x1 - width, y1), (x1 - width, y1 - height),
    ]  # fmt: skip
    places = []
    for x, y in spots:
        x = min(max(x, 0), max(0, size[0] - 1 - width))
        y = min(max(y, 0), max(0, size[1] - 1 - height))
        places.append((x, y, x + width, y + height))
    free = [place for place in places if not any(overlap(place, other) for other in taken)]
    return (free or places)[0]


def overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two boxes (left, top, right, bottom) share a point."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
