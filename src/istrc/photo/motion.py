"""What moves in an edit, as a displacement field; what a field cannot say stays a change of colour.

A smile moves lips that are there; make-up moves nothing. Added as a plain change of colour, moved
lips are drawn blurred over sharp ones. So the change from one decoded face to another is split,

    after(p) = before(p + u(p)) + residual(p),

and in the photograph its own sharp pixels move by u, and the residual is added. u is found as
Lucas and Kanade do (1981): steps of least squares in Gaussian windows, from coarse to fine.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.nn import functional as F

# Edits that move what is there; the others lay something on it, or take it off
MOVING = frozenset(
    {"smile", "mouth_open", "wide_mouth", "big_eyes", "big_nose", "high_cheekbones", "narrow_eyes"}
)
FURTHEST = 6 / 64  # of the side; lips move less, and what seems to move further does not
_WINDOW = 2.0 / 64  # standard deviation of the windows, of the side
_STEPS = 6  # of least squares, at each scale
_FLAT = 2e-3  # added to the squared gradients: where nothing can be followed, nothing moves
_GAIN = 0.35  # share of a change that moving must explain before it is believed in full


def moves(names: Iterable[str]) -> bool:
    """Whether an edit of these attributes is put back as a motion and a change of colour."""
    return not MOVING.isdisjoint(names)


def displacement(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """How `before` moves to become `after`, as far as moving explains it.

    Args:
        before, after: (B, 3, S, S) in [-1, 1].

    Returns:
        u (B, 2, S, S) in shares of the side, x first: after(p) is about before(p + u(p)). Where
        moving explains no more of the change than colour would, u fades to 0.
    """
    sizes = [before.shape[-1]]
    while sizes[0] > 16:
        sizes.insert(0, sizes[0] // 2)
    u = before.new_zeros(len(before), 2, sizes[0], sizes[0])
    for size in sizes:
        u = F.interpolate(u, size=(size, size), mode="bilinear", align_corners=False)
        first, second = (_shrunk(x, size) for x in (before, after))
        for _ in range(_STEPS):
            u = u + _least_squares(moved(first, u), second)
            u = blurred(u, _WINDOW * size / 2)
            length = u.norm(dim=1, keepdim=True)
            u = u * (FURTHEST / length.clamp(min=FURTHEST))
    return u * _believed(before, after, moved(before, u))


def moved(x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """x(p + u(p)) for pictures x (B, C, S, S) and displacements u (B, 2, S, S)."""
    size = x.shape[-1]
    axis = (torch.arange(size, device=x.device) + 0.5) * (2 / size) - 1
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)  # (S, S, 2)
    grid = grid + 2 * u.permute(0, 2, 3, 1)
    return F.grid_sample(x, grid, mode="bicubic", padding_mode="border", align_corners=False)


def blurred(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian of `sigma` pixels over the last two dimensions, edges repeated."""
    radius = max(1, round(3 * sigma))
    at = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (at / max(sigma, 1e-3)) ** 2)
    kernel = kernel / kernel.sum()
    flat = F.pad(x.flatten(0, 1)[:, None], [radius] * 4, mode="replicate")
    flat = F.conv2d(F.conv2d(flat, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))
    return flat.view_as(x)


def _least_squares(now: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The step of u (B, 2, S, S) that brings `now` nearest to `wanted` in every window."""
    size = now.shape[-1]
    padded = F.pad(now, [1] * 4, mode="replicate")
    dx = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / 2  # a pixel
    dy = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / 2
    error = wanted - now
    sums = [(a * b).sum(1) for a, b in ((dx, dx), (dx, dy), (dy, dy), (dx, error), (dy, error))]
    xx, xy, yy, xe, ye = blurred(torch.stack(sums, 1), _WINDOW * size).unbind(1)
    xx, yy = xx + _FLAT, yy + _FLAT
    det = xx * yy - xy * xy
    step = torch.stack([yy * xe - xy * ye, xx * ye - xy * xe], 1) / det[:, None]
    return step.clamp(-1, 1) / size


def _believed(before, after, predicted) -> torch.Tensor:
    """0 where moving explains nothing of the change, 1 where it explains much: (B, 1, S, S)."""
    sigma = 1.5 * _WINDOW * before.shape[-1]
    change = blurred((after - before).square().sum(1, keepdim=True), sigma)
    left = blurred((after - predicted).square().sum(1, keepdim=True), sigma)
    share = (change - left) / (change + 1e-3)
    return blurred((share / _GAIN).clamp(0, 1), sigma)


def _shrunk(x: torch.Tensor, size: int) -> torch.Tensor:
    return x if x.shape[-1] == size else F.interpolate(x, size=(size, size), mode="area")
