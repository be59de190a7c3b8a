"""Ten transformations of one face, 500 steps each, pictures included (paper section 6.1)."""

from __future__ import annotations

from typing import Any

import torch

from istrc.circle import TRANSFORMATIONS
from istrc.edit import holding
from istrc.edit import walk as walking
from istrc.evaluation import plain
from istrc.evaluation.speed.machine import Clock
from istrc.evaluation.speed.stages import PRECISIONS

# The paper's ten: its beard and mustache are one, and makeup is not among them
TEN = tuple(name for name in TRANSFORMATIONS if name not in ("mustache", "makeup"))
STEPS = 500
PICTURES = 10  # of each walk, evenly spaced, where not all are drawn
FAR = 1e3  # logits, that nothing arrives before the last step


def names_for(circle: Any, count: int = 10) -> list[str]:
    """The attributes that are walked: the paper's ten, or of those that there are the first."""
    known = [name for name in TEN if name in circle.attributes.names]
    known += [name for name in circle.attributes.names if name not in known]
    return known[:count]


def long_walks(
    circle: Any,
    z: torch.Tensor,  # (B, D)
    names: list[str],
    steps: int = STEPS,
    *,
    metric: str = "data",
    held: bool = True,  # as every edit holds (istrc.edit.holding); False as the paper
) -> torch.Tensor:
    """All walks in one batch, none of which ends early: points (T+1, E, B, D)."""
    classifiers = circle.classifiers
    edits = []
    for name in names:
        kept = [n for n in holding.held([name]) if n in circle.attributes.names] if held else []
        edits.append(([classifiers.names.index(name)], [classifiers.names.index(n) for n in kept]))
    with torch.inference_mode():
        wanted = [z.new_full((len(z), 1), FAR) for _ in names]
        walks = walking.walk_each(
            z,
            classifiers,
            wanted,
            edits,
            metric=metric,
            step=circle.bound / steps,
            bound=torch.pi,
            steps=steps,
        )
        return torch.stack([one.points for one in walks], 1)


def pictures(circle: Any, points: torch.Tensor, count: int | None = PICTURES) -> torch.Tensor:
    """Pictures of points (T+1, ..., D), `count` evenly spaced after the first or all of them."""
    if count is not None:
        last = len(points) - 1
        points = points[torch.linspace(last / count, last, count).round().long()]
    else:
        points = points[1:]
    return circle.decode(points.reshape(-1, points.shape[-1]))


def time_walks(
    circle: Any,
    z: torch.Tensor,  # (1, D)
    clock: Clock,
    *,
    steps: int = STEPS,
    sample: int = 25,  # steps of one attribute that the plain reading is timed on
    all_pictures: bool = True,
    precision: str = "float32",  # of the networks that draw, one of stages.PRECISIONS
) -> dict[str, Any]:
    """Seconds of the ten walks, with pictures at the stated frames and with all of them.

    The plain reading draws in single precision, whatever ours is.
    """
    names = names_for(circle)
    points = long_walks(circle, z, names, steps)
    found: dict[str, Any] = {
        "attributes": names,
        "steps": steps,
        "pictures_each": PICTURES,
        "walks_s": clock.seconds(lambda: long_walks(circle, z, names, steps)),
        "paper_walks_s": clock.seconds(
            lambda: long_walks(circle, z, names, steps, metric="euclidean", held=False)
        ),
        "pictures_float32_s": clock.seconds(lambda: pictures(circle, points)),
        "precision": precision,
    }
    few = points[: max(2, len(points) // 10)] if not all_pictures else points
    kept = circle.precision
    try:
        circle.precision = PRECISIONS[precision]
        found["pictures_s"] = clock.seconds(lambda: pictures(circle, points))
        every = clock.seconds(lambda: pictures(circle, few, None))
    finally:
        circle.precision = kept
    every *= (len(points) - 1) / (len(few) - 1)
    found["all_pictures_projected_from"] = (len(few) - 1) / (len(points) - 1)
    found["all_pictures_s"] = every
    found["s"] = found["walks_s"] + found["pictures_s"]
    found["float32_s"] = found["walks_s"] + found["pictures_float32_s"]
    found["with_all_pictures_s"] = found["walks_s"] + every

    # The plain reading, on a fraction of its steps: each costs what every other costs
    length, one = circle.bound / steps, names[:1]
    whole = steps * len(names) / sample
    classifier = plain.Classifier(circle.attributes, one[0])
    walked = clock.seconds(lambda: plain.walk(z, classifier, 1.0, sample, length))
    drawn = clock.seconds(lambda: plain.transform(circle, z, one, sample, length))
    found["plain"] = {
        "projected_from_steps": sample,
        "walks_s": walked * whole,
        "with_all_pictures_s": drawn * whole,
        "with_pictures_s": walked * whole + (drawn - walked) / sample * PICTURES * len(names),
    }
    found["speedup_vs_plain"] = found["plain"]["with_all_pictures_s"] / found["s"]
    found["speedup_same_pictures"] = found["plain"]["with_pictures_s"] / found["s"]
    found["speedup_all_pictures"] = (
        found["plain"]["with_all_pictures_s"] / found["with_all_pictures_s"]
    )
    return found
