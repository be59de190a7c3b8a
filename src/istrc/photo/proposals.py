"""Proposals of small faces: a small network that looks at a whole photograph, a strip at a time.

To show dlib's detector faces of 40 pixels in a photograph of 12 megapixels, that would have to be
enlarged to 90, and searched for many seconds. The network sees faces of 20 to 40 pixels and answers
at every eighth pixel: it looks at the photograph at half its size, and at half of that again, until
the detector's own look takes over. What it proposes is not believed: the detector sees each
place enlarged (istrc.photo.detect). How it was trained: studies/sieve.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from istrc.shipped import WEIGHTS

SIDES = (20.0, 28.3, 40.0)  # sides of THE CROP, pixels: each head answers from one to the next
STRIDE = 8  # pixels of a cell of its answer
LOGIT = -1.0  # of a place that is looked at again
_STRIP = 1_500_000  # pixels of a strip, so that memory does not grow with the photograph
_AROUND = 32  # further rows of its neighbours: a cell sees 24 pixels to every side


@dataclass(frozen=True)
class Proposal:
    """Where a face may be: (x, y) of its centre and the side of its crop, photograph pixels."""

    x: float
    y: float
    side: float
    logit: float


def proposals(picture: Image.Image, smallest: float, largest: float) -> list[Proposal]:
    """Places of faces with crops of `smallest` to `largest` pixels a side, the likeliest first.

    Args:
        picture: RGB, the whole photograph.
    """
    found: list[Proposal] = []
    scale = smallest / SIDES[0]  # photograph pixels per pixel that the network sees
    grey = None
    while SIDES[0] * scale < largest:
        size = (round(picture.width / scale), round(picture.height / scale))
        if min(size) < STRIDE:
            break
        if grey is None:
            # Whole factors first, of bytes that lie side by side: half the time of one resize
            factor = max(1, int(scale))
            grey = (picture.reduce(factor) if factor > 1 else picture).convert("L")
        grey = grey.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        across, down = picture.width / size[0], picture.height / size[1]
        for head, row, column, logit in _peaks(_logits(np.asarray(grey))):
            x, y = (column + 0.5) * STRIDE * across, (row + 0.5) * STRIDE * down
            side = math.sqrt(SIDES[head] * SIDES[head + 1]) * scale
            found.append(Proposal(x, y, side, logit))
        scale *= SIDES[-1] / SIDES[0]
    return _apart(found)


def _apart(found: list[Proposal]) -> list[Proposal]:
    """The likeliest first, without those that a likelier one stands for."""
    kept: list[Proposal] = []
    for proposal in sorted(found, key=lambda proposal: -proposal.logit):
        if not any(
            math.dist((proposal.x, proposal.y), (other.x, other.y))
            < 0.5 * min(proposal.side, other.side)
            and 0.6 < proposal.side / other.side < 1.7
            for other in kept
        ):
            kept.append(proposal)
    return kept


def _logits(grey: np.ndarray) -> np.ndarray:
    """(H, W) uint8 -> (heads, ceil(H/8), ceil(W/8)) float32."""
    net, (height, width) = _net(), grey.shape
    rows = max(1, _STRIP // (width * STRIDE)) * STRIDE
    parts = []
    for top in range(0, height, rows):
        begin, end = max(0, top - _AROUND), min(height, top + rows + _AROUND)
        strip = grey[begin:end].astype(np.float32)[None, None]  # (1, 1, h, W)
        seen = net.run(["logits"], {"grey": strip})[0][0]  # (heads, h/8, W/8)
        first = (top - begin) // STRIDE
        parts.append(seen[:, first : first + rows // STRIDE])
    return np.concatenate(parts, 1)


def _peaks(logits: np.ndarray) -> list[tuple[int, int, int, float]]:
    """(head, row, column, logit) of cells above LOGIT that no cell beside them exceeds."""
    padded = np.pad(logits, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    window: Any = np.lib.stride_tricks.sliding_window_view  # typed for one axis alone
    around = window(padded, (3, 3), (1, 2)).max((3, 4))
    peaks = np.argwhere((logits >= LOGIT) & (logits == around))
    return [(int(h), int(r), int(c), float(logits[h, r, c])) for h, r, c in peaks]


@cache
def _net() -> Any:
    from istrc.onnx_runtime.graphs import open_graph

    return open_graph(WEIGHTS / "sieve" / "sieve.onnx", remedy="install the package again")
