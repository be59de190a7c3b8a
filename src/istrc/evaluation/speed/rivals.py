"""An edit of ours beside those of the peers, on the same faces in the same run."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from istrc.data.prepared import Prepared
from istrc.evaluation.peers.dfi import dfi
from istrc.evaluation.peers.examples import Examples
from istrc.evaluation.peers.linear import boundary
from istrc.evaluation.speed.faces import Drawn
from istrc.evaluation.speed.machine import Clock


def time_rivals(
    circle: Any,
    x: torch.Tensor,  # (B, 3, S, S)
    clock: Clock,
    *,
    attribute: str = "smile",
    prepared: Prepared | None = None,
    pool: int = 500,  # faces of each side that DFI seeks its neighbours among
    iterations: int = 40,  # of its L-BFGS
) -> dict[str, Any]:
    """Seconds an edit of one face, in batches of B, all with pictures of their own faces put back.

    DFI's features of the pool are computed before the clock starts, and so is the boundary: what
    is timed is what every further face costs. DFI cannot be had with an outside recogniser.
    """
    if prepared is None:
        examples: Examples = Drawn(circle, 2 * pool + 24)
    else:
        examples = Examples(circle, prepared, faces=6 * pool)
    asked = {attribute: 1.0}
    one, count = x[:1], len(x)
    z = circle.embed(x)
    end = circle.walk(z, asked).end

    ways = {
        "ours": lambda: circle.edit(x, asked),
        "ours, where z alone says how far": lambda: circle.rebuild(x, z, circle.walk(z, asked).end),
        "ours, one more picture of a walk": lambda: circle.rebuild(x, z, end),
    }
    found: dict[str, Any] = {"attribute": attribute, "faces": count}
    found["s"] = {name: clock.seconds(way) / count for name, way in ways.items()}
    found["alone_s"] = {"ours": clock.seconds(lambda: circle.edit(one, asked))}
    peers = {"boundary": boundary(circle, examples, [attribute])}
    if circle.facenet is not None and circle.facenet.size == circle.size:
        peers["dfi"] = dfi(circle, examples, [attribute], pool=pool, iterations=iterations)
        found["dfi"] = {"pool": pool, "iterations": iterations, "neighbours": 100}
    for name, edit in peers.items():
        edit(one, asked)  # what it learns once
        found["s"][name] = clock.seconds(partial(edit, x, asked)) / count
    return found
