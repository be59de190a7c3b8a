"""How a peer's code becomes a picture: with our own put-back, so that only the edit is compared."""

from __future__ import annotations

from typing import Any

import torch

from istrc.photo.cover import overlay


@torch.inference_mode()
def put_back(circle: Any, x: torch.Tensor, h: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    """The faces x, of codes h = E(x), with h + change (B, H) instead: (B, 3, S, S) in [-1, 1].

    x + decode(h + change) - decode(h) inside the face's mask, covering what has gone: `photo`
    mode (Circle.rebuild).
    """
    drawn = circle.autoencoder.decode(h)
    return circle.put_change(x, overlay(circle.autoencoder.decode(h + change) - drawn, drawn))
