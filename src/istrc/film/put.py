"""How an edit gets into the frames of a film: as into photographs, many at once.

This is the only place of `istrc.film` that knows how a circle's edit becomes pixels. In mode photo
that is a motion of the picture's own pixels and a change of colour (istrc.photo.motion). The
motion is found in each frame by itself, and there it trembles; the mean over neighbouring frames
does not. The change of colour is what that mean leaves over, so that it fits the frame's own face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from istrc.circle import Circle
from istrc.photo.align import Frame
from istrc.photo.motion import moved
from istrc.photo.paste import layers, paste_change, paste_crop


@dataclass(frozen=True, eq=False)
class Layer:
    """The edit of one face, before it is put into its frame.

    Attributes:
        face: (3, S, S) the new face as it is (modes circle and anchored), or what changes.
        motion: (2, S, S) how the picture's pixels move; None moves nothing.
        before: (3, S, S) the decoded face that `motion` moves.
        whole: `face` is the face, not a change.
    """

    face: torch.Tensor
    motion: torch.Tensor | None = None
    before: torch.Tensor | None = None
    whole: bool = False


def make_layers(
    circle: Circle,
    x: torch.Tensor,
    z: torch.Tensor,
    z2: torch.Tensor,
    mode: str = "photo",
    moving: bool = False,
) -> list[Layer]:
    """The edits from z to z2 of B faces; arguments as of `Circle.rebuild`."""
    if mode != "photo":
        return [Layer(face, whole=True) for face in circle.rebuild(x, z, z2, mode).cpu()]
    # The picture's own mask feathers at full resolution: the change goes in unmasked
    change, motion = circle.split(x, z, z2, moving)
    if motion is None:
        return [Layer(one) for one in change.cpu()]
    before = circle.decode_code(circle.encode(x))
    each = zip(change.cpu(), motion.cpu(), before.cpu(), strict=True)
    return [Layer(*parts) for parts in each]


def steadied(layer: Layer, near: Sequence[Layer], weights: Sequence[float]) -> Layer:
    """A layer with the mean motion of its neighbours, itself among them."""
    if layer.motion is None or len(near) < 2:
        return layer
    share = torch.tensor(weights, dtype=torch.float32)
    motion = torch.einsum("n,ncij->cij", share / share.sum(), torch.stack([o.motion for o in near]))
    first, second = (moved(layer.before[None], u[None])[0] for u in (layer.motion, motion))
    return Layer(layer.face + first - second, motion, layer.before)


def paste(picture: np.ndarray, layer: Layer, frame: Frame) -> np.ndarray:
    """A picture (H, W, 3) uint8 with an edit in it, a new array."""
    if layer.whole:
        return paste_crop(picture, layer.face.permute(1, 2, 0).numpy(), frame)
    motion = None if layer.motion is None else layer.motion[None]
    [(change, shift)] = layers(layer.face[None], motion)
    return paste_change(picture, change, frame, shift)
