"""How mouths look that open, which speak or smile; see istrc.edit.mouth and istrc.edit.teeth.

The mean of open mouths is the mouth of nobody: it is grey, where some show teeth and others the
dark behind them. Of those that speak one kind is taken instead: those that show teeth above and the
dark below; of those that smile, the half whose upper part is lightest.
"""

from __future__ import annotations

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.edit.detail import lit
from istrc.edit.teeth import APART, ASIDE, HEIGHTS, cells, knots
from istrc.models.probes import Probes
from istrc.shape.measures import COUNT, MEASURED, measures
from istrc.shape.regions import polygon, skin

MOST = 6_000  # mouths of either expression that are looked at
NEAR = 0.5  # of a usual opening: by how much theirs may differ from it
# Of those that speak and that smile, this share is of the kind that is taken: their upper part is
# lightest beside their lower one; and beside their skin
SHARES = (0.2, 0.5)
ABOVE, BELOW = 0.45, 0.75  # of the way from the upper lip to the lower one, where these end
KNOTS = (len(APART), len(HEIGHTS) * len(ASIDE))
_WIDE = (0.02, 0.3)  # distances of the eyes, between which lips are apart that are measured
_FEWEST = 3  # mouths of a kind, below which nothing is said of an opening
_DARK = 0.35  # luma, below which skin is too dark for a mouth to be seen


def needed(names: tuple[str, ...]) -> bool:
    """Whether attributes tell mouths that speak."""
    return {"smile", "mouth_open"} <= {*names}


@torch.no_grad()
def measure_mouths(
    net: Probes,
    straight: Prepared,
    rows: np.ndarray,
    codes: torch.Tensor,
) -> None:
    """Fill in `speaking` and `mouth_light` from faces of these rows, whose `ranges` are measured;
    without enough of them they stay 0.

    Args:
        straight: the faces in the mean shape.
        codes: (2, N, C) of the rows, and of their mirror images.
    """
    opened = measures(codes[0][:, -2 * COUNT :].reshape(-1, COUNT, 2))[MEASURED["mouth_open"]]
    opened = opened.numpy()
    labels = {name: straight.attributes[rows, at] for at, name in enumerate(net.names)}
    usual, (low, high) = float(net.ranges[net.measures.index("mouth_open"), 0, 0]), _WIDE
    for smiles in (0, 1):
        some = (labels["mouth_open"] == 1) & (labels["smile"] == smiles)
        some = np.flatnonzero(some & (opened > low) & (opened < high))[:MOST]
        if len(some) < 1 / SHARES[smiles]:
            continue
        luma, light, upper, lower = _looked_at(straight, rows[some])
        differ = upper if smiles else upper - lower
        if not smiles:
            near = abs(opened[some] - usual) < NEAR * usual
            if near.sum() >= 1 / SHARES[0]:
                of_it = near & (differ >= np.quantile(differ[near], 1 - SHARES[0]))
                textures = codes[:, some, : net.config["speaking"]].mean(0)
                net.speaking.copy_(textures[of_it].mean(0) - textures[near].mean(0))
        table = _fitted(luma, light, opened[some], differ, SHARES[smiles])
        net.mouth_light[smiles] = torch.from_numpy(table)


def _looked_at(straight: Prepared, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of each of N faces the luma of the cells of its mouth, from 0 to 2, (N, C), the light of its
    skin, (N,), and that of its upper and of its lower part in units of it, (N,).
    """
    reference = np.array(straight.info["shape_free"]["reference"])
    mask, where = skin(reference, straight.size), cells(reference, straight.size)
    where = where.reshape(len(where), -1) / where.sum((1, 2)).clip(min=1e-3)[:, None]
    above, below = _parts(reference, straight.size)
    found = []
    for x in straight.batches(rows, 64):
        luma, light = lit(x.numpy(), mask)
        parts = [luma[:, part].mean(1) for part in (above, below)]
        light = light[:, 0, 0]
        found.append((light[:, None] * luma.reshape(len(luma), -1) @ where.T, light, *parts))
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def _fitted(
    luma: np.ndarray, light: np.ndarray, opened: np.ndarray, differ: np.ndarray, share: float
) -> np.ndarray:
    """A line by the skin's light for each cell (`Probes.mouth_light`), at each opening:
    (APART, C, 2). Of mouths that are as open, the share counts that differs most. Where there are
    too few, it is that of the nearest opening; 0 where there are too few anywhere.
    """
    table, found = np.zeros((*KNOTS, 2), np.float32), dict[int, np.ndarray]()
    for at, weights in enumerate(knots(opened, APART)):
        weights = weights * (light > _DARK)
        if weights.any():
            weights *= differ >= np.quantile(differ[weights > 0], 1 - share)
        if (weights > 0).sum() >= _FEWEST:
            line = np.stack([np.ones_like(light), light], 1) * np.sqrt(weights)[:, None]
            found[at] = np.linalg.lstsq(line, luma * np.sqrt(weights)[:, None], rcond=None)[0].T
    for at in range(len(APART)) if found else ():
        table[at] = found[min(found, key=lambda other: abs(other - at))]
    return table


def _parts(reference: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the upper and the lower part of an open mouth are in the mean frame, (S, S) bool."""
    inside = polygon(reference[60:68], size) > 0.5
    deep = np.cumsum(inside, 0) / inside.sum(0).clip(min=1)  # in each column, from 0 to 1
    return inside & (deep < ABOVE), inside & (deep > BELOW)
