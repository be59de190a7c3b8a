"""How wrinkles run; see istrc.edit.wrinkles."""

from __future__ import annotations

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.edit.detail import bands, lit
from istrc.models.probes import Probes
from istrc.resample import blurred, resized
from istrc.shape.regions import skin

FACES = 3_000  # of either age
HIDING = ("eyeglasses", "blurry")  # that have edges of their own, or hide those of the skin
WEIGHTS = 1, 2  # of the two finest bands: the coarser one has as much energy over its pixels
EDGE = 0.12  # of the skin's light, that a line stands out at most
SMOOTH = 2.5 / 128  # of the side, over which lines run alike


@torch.no_grad()
def measure_wrinkles(net: Probes, straight: Prepared, rows: np.ndarray, seed: int = 0) -> None:
    """Fill in `wrinkles` from faces of these rows.

    Args:
        straight: the faces in the mean shape.
    """
    labels = {name: straight.attributes[rows, at] for at, name in enumerate(net.names)}
    clear = np.all([labels[name] != 1 for name in HIDING if name in labels], axis=0)
    rng = np.random.default_rng(seed)
    old, young = (
        _tensors(straight, rng.permutation(rows[(labels["young"] == value) & clear])[:FACES])
        for value in (0, 1)
    )
    xx, xy, yy = blurred(old - young, SMOOTH * straight.size)
    xx, yy = ((one + one[:, ::-1]) / 2 for one in (xx, yy))
    xy = (xy - xy[:, ::-1]) / 2
    # A line runs across the gradient, twice whose angle has these cosine and sine; where older
    # faces have no more of it, they have nothing in common
    ways = -np.stack([xx - yy, 2 * xy]) / np.maximum(xx + yy, 1e-9)
    ways *= (xx + yy > 0) / np.maximum(np.hypot(*ways), 1)
    side = net.config["wrinkles"]
    net.wrinkles.copy_(torch.from_numpy(resized(ways.astype(np.float32), side, linear=True)))


def _tensors(straight: Prepared, rows: np.ndarray) -> np.ndarray:
    """The mean structure tensor of faces' detail, (3, S, S): xx, xy and yy."""
    mask = skin(np.array(straight.info["shape_free"]["reference"]), straight.size)
    total = np.zeros((3, straight.size, straight.size))
    for x in straight.batches(np.sort(rows), 64):
        found = bands(lit(x.numpy(), mask)[0])
        for band, weight in enumerate(WEIGHTS):
            line = found[:, band] * np.exp(-((found[:, band] / EDGE) ** 2))
            down, across = np.gradient(line, axis=(1, 2))
            total += weight * np.stack([across**2, across * down, down**2]).sum(1)
    return (total / max(len(rows), 1)).astype(np.float32)
