"""How time and memory grow: with faces, attributes, steps, and the size of a picture.

    python -m istrc.evaluation.speed.growth MODEL SERIES,COUNT,COUNT... ...

One series a process, in ascending order, so that the peak of memory belongs to the largest so far.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch

from istrc.evaluation.speed.photograph import child, peak_mb

# Series: what is counted, and the counts, few for --quick
SERIES = {
    "mapped": (
        "faces: F(z) and all scores",
        (1, 10, 100, 1_000, 10_000, 100_000),
        (1, 100, 10_000),
    ),
    "decoded": ("faces drawn", (1, 10, 100, 1_000, 5_000), (1, 10, 60)),
    "embedded": ("faces embedded", (1, 10, 100, 1_000, 5_000), (1, 40)),
    "attributes": ("attributes walked at once, 100 steps", (1, 2, 5, 10, 20, 40), (1, 5, 20)),
    "steps": ("steps of ten walks", (10, 50, 100, 250, 500, 1_000), (10, 50, 100)),
    "size": ("pixels a side, faces drawn", (32, 64, 128, 256), (32, 64)),
}
BLOCK = 256  # faces at once, as any caller with many would have it


def grow(model: str, quick: bool, say: Callable[[str], None] = lambda name: None) -> dict[str, Any]:
    """Seconds and peak memory of every series, and the exponent of its growth at the end.

    An exponent of 1 is a straight line: twice as many take twice as long.
    """
    asked = {
        name: [name, *map(str, few if quick else counts)]
        for name, (_, counts, few) in SERIES.items()
        if not (quick and name == "embedded")
    }
    # Loading the model takes longer than all that is measured quickly: one process does it all
    processes = [list(asked)] if quick else [[name] for name in asked]
    found = {}
    for names in processes:
        say(f"bench: growth of {', '.join(names)} ...")
        series = child(__name__, [model, *(",".join(asked[name]) for name in names)])
        for number, name in enumerate(names):
            points = series[name]
            if number:  # the peak is that of the series before
                points = [{**point, "peak_mb": None} for point in points]
            what = SERIES[name][0]
            found[name] = {"what": what, "points": points, "exponent": exponent(points)}
    return found


def exponent(points: Sequence[dict[str, float]]) -> float | None:
    """The slope between the last two points, in logarithms; None where there is no growth."""
    (a, b) = points[-2:]
    if not (a["s"] > 0 and b["s"] > 0) or a["count"] == b["count"]:
        return None
    return math.log(b["s"] / a["s"]) / math.log(b["count"] / a["count"])


def work_for(circle: Any, series: str) -> Callable[[int], Callable[[], Any]]:
    """A function that makes, for a count, the work to be timed."""
    from istrc.evaluation.speed.faces import drawn, embedded
    from istrc.evaluation.speed.walks import long_walks, names_for
    from istrc.models.began import AutoEncoder
    from istrc.models.quick import Drawing

    def blocks(stage: Callable[[torch.Tensor], Any], parts: torch.Tensor) -> Callable[[], None]:
        def work() -> None:  # what is made is handed on, not kept
            for part in parts.split(BLOCK):
                stage(part)

        return work

    def mapped(part: torch.Tensor) -> None:
        circle.map(part)
        circle.scores(part)

    def faces(count: int) -> torch.Tensor:
        few = drawn(circle, min(count, BLOCK))
        return few.repeat(-(-count // len(few)), 1, 1, 1)[:count]

    def sized(side: int) -> Callable[[], Any]:
        config = {**circle.autoencoder.config, "size": side, "linear": 0}
        draw = Drawing(AutoEncoder(**config).eval().to(circle.device))
        h = torch.randn(16, config["code"], device=circle.device)
        return lambda: draw(h)

    one = embedded(circle, 1)
    return {
        "mapped": lambda count: blocks(mapped, embedded(circle, count)),
        "decoded": lambda count: blocks(circle.decode, embedded(circle, count)),
        "embedded": lambda count: blocks(circle.embed, faces(count)),
        "attributes": lambda count: lambda: long_walks(circle, one, names_for(circle, count), 100),
        "steps": lambda count: lambda: long_walks(circle, one, names_for(circle), count),
        "size": sized,
    }[series]


@torch.inference_mode()
def main(model: str, *asked: str) -> dict[str, list[dict[str, Any]]]:
    from istrc.circle import Circle
    from istrc.evaluation.speed.clock import Clock

    circle = Circle.from_pretrained(model)
    clock = Clock(circle.device, runs=3, budget=0.5)
    found = {}
    for series, *counts in (words.split(",") for words in asked):
        make = work_for(circle, series)
        found[series] = []
        for count in map(int, counts):
            seconds = clock.seconds(make(count))
            found[series].append({"count": count, "s": seconds, "peak_mb": peak_mb()})
    return found


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
