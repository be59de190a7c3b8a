"""How an edit gets into the frames of a film: as into photographs, many at once.

This is the only place of `istrc.film` that knows how a circle's edit becomes pixels.
"""

from __future__ import annotations

import numpy as np
import torch

from istrc.circle import Circle
from istrc.photo.align import Frame
from istrc.photo.paste import paste_change, paste_crop


def make_layers(
    circle: Circle, x: torch.Tensor, z: torch.Tensor, z2: torch.Tensor, mode: str = "photo"
) -> list[np.ndarray]:
    """The edits from z to z2 of B faces, as `paste` takes them; arguments as of `Circle.rebuild`.

    In mode photo the picture's own mask feathers at full resolution: overlays go in unmasked.
    """
    made = circle.overlay(x, z, z2) if mode == "photo" else circle.rebuild(x, z, z2, mode)
    return list(made.permute(0, 2, 3, 1).cpu().numpy())


def paste(picture: np.ndarray, layer: np.ndarray, frame: Frame) -> np.ndarray:
    """A picture (H, W, 3) uint8 with an edit in it, a new array."""
    return (paste_change if layer.shape[-1] == 4 else paste_crop)(picture, layer, frame)
