"""What may happen to a face before it is seen: one batched pass, no state."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from istrc.training import processes


def augment(
    x: torch.Tensor,
    *,
    move: float = 1.0,
    rotate: float = 8.0,
    scale: float = 0.1,
    shift: float = 0.05,
    light: float = 0.25,
    grey: float = 0.05,
    erase: float = 0.15,
) -> torch.Tensor:
    """Flip, move, re-light, grey and partly hide faces (B, 3, S, S) in [-1, 1].

    Every face gets its own draw from torch's global generator, which the training loop seeds
    for each step.

    Args:
        move: share of faces that are turned, scaled and shifted; the others keep their pixels
            exactly (mirrored or not), so that an auto-encoder's targets are not all resampled.
        rotate: largest turn, degrees.
        scale: largest change of size, as a share.
        shift: largest shift, as a share of S.
        light: largest change of brightness, contrast and saturation, as a share.
        grey: share of faces turned grey.
        erase: share of faces with one rectangle hidden.
    """
    b, device = len(x), x.device

    def draw(low: float, high: float) -> torch.Tensor:
        whole = torch.empty(b * processes.world_size(), device=device).uniform_(low, high)
        return processes.shard(whole)  # (B,)

    # Geometry: mirror, turn, scale and shift in one resampling
    moved = (draw(0, 1) < move).float()
    angle = draw(-rotate, rotate) * (math.pi / 180) * moved
    zoom = torch.exp(draw(-scale, scale) * moved)
    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    dx, dy = draw(-2 * shift, 2 * shift) * moved, draw(-2 * shift, 2 * shift) * moved
    theta = torch.stack([cos * mirror, -sin, dx, sin * mirror, cos, dy], 1).view(b, 2, 3)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    # Light: contrast about the face's mean, brightness, saturation about its grey
    def column(value: torch.Tensor) -> torch.Tensor:
        return value.view(b, 1, 1, 1)

    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * column(1 + draw(-light, light)) + column(draw(-light, light))
    luma = x.mean(1, keepdim=True)
    colour = 1 + draw(-light, light)
    colour = torch.where(draw(0, 1) < grey, 0.0, colour)
    x = luma + (x - luma) * column(colour)

    # Hide one rectangle of up to a third of the side
    s = x.shape[-1]
    high, wide = draw(0.1, 0.35) * s, draw(0.1, 0.35) * s
    top, left = draw(0, 1) * (s - high), draw(0, 1) * (s - wide)
    rows = torch.arange(s, device=device)
    inside_rows = (rows >= top[:, None]) & (rows < (top + high)[:, None])  # (B, S)
    inside_columns = (rows >= left[:, None]) & (rows < (left + wide)[:, None])  # (B, S)
    hidden = inside_rows[:, :, None] & inside_columns[:, None, :]  # (B, S, S)
    hidden = hidden & (draw(0, 1) < erase)[:, None, None]
    x = torch.where(hidden[:, None], column(draw(-1, 1)), x)
    return x.clamp(-1, 1)
