"""How a peer's edit becomes a picture: added to the face's own pixels, inside the face's mask."""

from __future__ import annotations

from typing import Any

import torch

from istrc.photo.paste import face_mask


def put_back(x: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    """x + mask * change, of faces and changes (B, 3, S, S), in [-1, 1]."""
    mask = torch.from_numpy(face_mask(x.shape[-1])).to(x)
    return (x + mask * change.to(x)).clamp(-1, 1)


@torch.inference_mode()
def put_code_back(
    circle: Any, x: torch.Tensor, c: torch.Tensor, change: torch.Tensor
) -> torch.Tensor:
    """The faces x, of codes c, with c + change (B, C) instead: what both are drawn as differs."""
    return put_back(x, circle.decode_code(c + change) - circle.decode_code(c))
