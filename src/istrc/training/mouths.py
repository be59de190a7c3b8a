"""How mouths look that speak, and do not smile; see istrc.edit.mouth.

The mean of open mouths is the mouth of nobody: it is grey, where some show teeth and others the
dark behind them. One kind of them is taken instead: those that show teeth above and the dark below.
"""

from __future__ import annotations

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.edit.detail import lit
from istrc.models.probes import Probes
from istrc.shape.measures import COUNT, MEASURED, measures
from istrc.shape.regions import polygon, skin

MOST = 4_000  # mouths that are looked at
NEAR = 0.5  # of a usual opening: by how much theirs may differ from it
SHARE = 0.2  # of them are of the kind: their upper part is lightest beside their lower one
ABOVE, BELOW = 0.45, 0.75  # of the way from the upper lip to the lower one, where these end


def needed(names: tuple[str, ...]) -> bool:
    """Whether attributes tell mouths that speak."""
    return {"smile", "mouth_open"} <= {*names}


@torch.no_grad()
def measure_speaking(
    net: Probes,
    straight: Prepared,
    rows: np.ndarray,
    codes: torch.Tensor,
) -> None:
    """Fill in `speaking` from faces of these rows, whose `ranges` are measured; without enough of
    them it stays 0.

    Args:
        straight: the faces in the mean shape.
        codes: (2, N, C) of the rows, and of their mirror images.
    """
    usual = float(net.ranges[net.measures.index("mouth_open"), 0, 0])
    found = measures(codes[0][:, -2 * COUNT :].reshape(-1, COUNT, 2))[MEASURED["mouth_open"]]
    labels = {name: straight.attributes[rows, at] for at, name in enumerate(net.names)}
    some = (labels["mouth_open"] == 1) & (labels["smile"] == 0)
    some = np.flatnonzero(some & (abs(found.numpy() - usual) < NEAR * usual))[:MOST]
    if len(some) < 1 / SHARE:
        return
    reference = np.array(straight.info["shape_free"]["reference"])
    mask, differ = skin(reference, straight.size), []
    above, below = _parts(reference, straight.size)
    for x in straight.batches(rows[some], 64):
        luma = lit(x.numpy(), mask)[0]
        differ.append(luma[:, above].mean(1) - luma[:, below].mean(1))
    differ = np.concatenate(differ)  # (N,)
    of_it = torch.from_numpy(differ >= np.quantile(differ, 1 - SHARE))
    textures = codes[:, some, : net.config["speaking"]].mean(0)
    net.speaking.copy_(textures[of_it].mean(0) - textures.mean(0))


def _parts(reference: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the upper and the lower part of an open mouth are in the mean frame, (S, S) bool."""
    inside = polygon(reference[60:68], size) > 0.5
    deep = np.cumsum(inside, 0) / inside.sum(0).clip(min=1)  # in each column, from 0 to 1
    return inside & (deep < ABOVE), inside & (deep > BELOW)
