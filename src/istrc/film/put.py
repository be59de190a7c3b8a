"""How an edit gets into the frames of a film: as into photographs, many at once.

This is the only place of `istrc.film` that knows how a circle's edit becomes pixels.
"""

from __future__ import annotations

import numpy as np
import torch

from istrc.circle import Circle
from istrc.edit.render import Layers, Rendering, put
from istrc.film.direction import Direction
from istrc.photo.align import Frame
from istrc.photo.paste import paste_crop

Layer = Layers | np.ndarray  # what is put into a frame: an edit's layers, or a face (S, S, 3)


def make_layers(
    circle: Circle,
    x: torch.Tensor,
    z: torch.Tensor,
    points: torch.Tensor | None,
    direction: Direction,
    mode: str = "photo",
) -> list[Layer]:
    """The edit of a clip, of B faces x with embeddings z and points (B, 68, 3)."""
    z2 = direction.of(z)
    if mode == "circle":
        drawn = circle.decode(z2)
    else:
        rendering = Rendering.of(circle, x, points)
        change = direction.further * circle.map_change(rendering.c, z, z2)
        if direction.rest is not None:
            change = change + direction.rest.to(change)
        if mode == "photo":
            return rendering.layers(change, direction.edits)
        drawn = rendering.drawn(change, mode, direction.edits)
    return list(drawn.permute(0, 2, 3, 1).cpu().numpy())


def paste(circle: Circle, picture: np.ndarray, layer: Layer, frame: Frame) -> np.ndarray:
    """A picture (H, W, 3) uint8 with an edit in it, a new array."""
    if isinstance(layer, np.ndarray):
        return paste_crop(picture, layer, frame)
    return put(picture, layer, frame, circle.mesh)
