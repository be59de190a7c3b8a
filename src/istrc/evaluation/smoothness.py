"""Is the sphere smooth and connected (paper section 4.1)? As numbers, not as an adjective.

Two claims. What is decoded changes evenly with the angle: along the paths between faces, and in
all directions round one (its figures 5 and 6). And what lies between two faces is a face of theirs:
it has what both have, and of what only one has, something between.

A change is the mean absolute difference of pixels, in levels of 0..255; a ratio is that over the
angle, levels a radian.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation.embedding import Progress, drawn_rows, embed_rows, silent
from istrc.evaluation.judges import MEASURED, Judge, finite_mean
from istrc.evaluation.results import circle_checksum, markdown_table

PATHS = {"slerp": sphere.slerp, "lerp": sphere.lerp}
LEVELS = 127.5  # 8-bit levels in a unit of the pictures' range [-1, 1]
ANGLES = (0.05, 0.2, 0.5)  # radians of the noise
BETWEEN = 0.05  # probability; so far outside of its parents' a face still lies between them


def change(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of faces (..., 3, S, S), levels of 0..255: (...)."""
    return (x - y).abs().mean((-3, -2, -1)) * LEVELS


def ratios(changes: torch.Tensor, angles: torch.Tensor) -> dict[str, float]:
    """Of changes and angles (steps, B): the mean ratio, the largest, and how uneven it is.

    `mean` is all change over all angle, and `largest` over every step of every path;
    `max_over_mean` is taken in each path (column) and then averaged: 1 is perfectly even.
    """
    every = changes / angles.clamp(min=1e-12)
    each = changes.sum(0) / angles.sum(0)
    return {
        "mean": float(changes.sum() / angles.sum()),
        "largest": float(every.max()),
        "max_over_mean": float((every.max(0).values / each.clamp(min=1e-12)).mean()),
    }


def kept_and_between(
    ends: np.ndarray,  # (2, B, A) probabilities of the parents
    inner: np.ndarray,  # (T, B, A) of what lies between
) -> tuple[np.ndarray, np.ndarray]:
    """Of each attribute (A,), the share of in-between faces that are as their parents let expect.

    Where both parents have it or both lack it (by 0.5): that the face does as well. Where they
    differ: that its probability lies between theirs, or less than BETWEEN outside. NaN where no
    pair of parents agrees, or none differs.
    """
    has = ends >= 0.5
    agree = has[0] == has[1]  # (B, A)
    keeps = (inner >= 0.5) == has[0]
    low, high = ends.min(0) - BETWEEN, ends.max(0) + BETWEEN
    lies = (inner >= low) & (inner <= high)
    with np.errstate(invalid="ignore"):
        count = len(inner) * agree.sum(0)
        kept = (keeps & agree).sum((0, 1)) / count
        between = (lies & ~agree).sum((0, 1)) / (len(inner) * (~agree).sum(0))
    return kept, between


@torch.inference_mode()
def evaluate_smoothness(
    *,
    circle: Any,
    prepared: Prepared,
    judge: Judge,
    split: str = "valid",
    pairs: int = 100,  # of faces of different people
    steps: int = 16,  # of a path
    angles: Sequence[float] = ANGLES,  # of the noise, radians
    neighbours: int = 16,  # of a face, at each angle
    limit: int | None = None,  # only so many faces to choose from
    progress: Progress = silent,
    seed: int = 0,
) -> dict[str, Any]:
    """Evenness of what is decoded, and what in-between faces keep of their parents.

    The parents are decode(F(z)) of two faces' embeddings, judged like what lies between them.
    `strangers` asks the same of the in-between faces of other pairs: what is kept by chance, since
    most attributes are rare. Raises InputError for fewer than two people.
    """
    rows = drawn_rows(prepared, split, limit, seed)
    rows = np.random.default_rng([seed, 1]).permutation(rows)
    first, second = _parents(rows, prepared.identity, pairs)
    z = embed_rows(circle, prepared, np.concatenate([first, second]))
    a, b = z[: len(first)].to(circle.device), z[len(first) :].to(circle.device)  # (B, D)
    names = [name for name in judge.attribute_names if name not in MEASURED]
    columns = [judge.column(name) for name in names]
    share = torch.linspace(0, 1, steps + 1, device=a.device)
    total, found = len(PATHS) + len(angles), {"paths": {}, "noise": {}}

    for number, (name, between) in enumerate(PATHS.items()):
        points = between(a, b, share[:, None])  # (steps + 1, B, D)
        x = torch.stack([circle.decode(point) for point in points])
        turned = sphere.angle(points[1:], points[:-1])  # (steps, B)
        seen = np.stack([judge.probabilities(step)[:, columns] for step in x])
        ends, inner = seen[[0, -1]], seen[1:-1]
        measures = {"pairs": kept_and_between(ends, inner)}
        # The in-between faces of the next pair, judged by this pair's parents
        measures["strangers"] = kept_and_between(ends, np.roll(inner, 1, axis=1))
        found["paths"][name] = {
            "change": ratios(change(x[1:], x[:-1]), turned),
            "angle_of_steps_max_over_mean": float((turned.max(0).values / turned.mean(0)).mean()),
            "attributes": {
                attribute: {"kept": kept, "between": lies}
                for attribute, kept, lies in zip(names, *measures["pairs"], strict=True)
            },
            **{
                f"{what}{suffix}": finite_mean(list(values))
                for who, suffix in (("pairs", ""), ("strangers", "_strangers"))
                for what, values in zip(("kept", "between"), measures[who], strict=True)
            },
        }
        progress(number + 1, total)

    generator = torch.Generator().manual_seed(seed)
    centre = circle.decode(a)
    for number, angle in enumerate(angles):
        near = sphere.noise(a, angle, neighbours, generator)  # (neighbours, B, D)
        x = torch.stack([circle.decode(points) for points in near])
        found["noise"][f"{angle:g}"] = ratios(change(x, centre), torch.full(x.shape[:2], angle))
        progress(len(PATHS) + number + 1, total)
    return {
        **found,
        "pairs": len(a),
        "steps": steps,
        "neighbours": neighbours,
        "mean_angle": float(sphere.angle(a, b).mean()),
        "mean_change": float(change(circle.decode(a), circle.decode(b)).mean()),
        "unit": "levels of 0..255 a radian",
        "split": split,
        "seed": seed,
        "judge": judge.checksum,
        "weights": circle_checksum(circle),
    }


def _parents(rows: np.ndarray, identity: np.ndarray, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows of different people, no row in two of them: (B,) and (B,)."""
    first, second = rows[0 : len(rows) // 2 * 2 : 2], rows[1::2]
    people = identity[first], identity[second]
    different = (people[0] != people[1]) | (people[0] < 0)
    first, second = first[different][:pairs], second[different][:pairs]
    if len(first) < 2:
        raise InputError(
            "smoothness needs at least two pairs of faces of different people; use more faces"
        )
    return first, second


def smoothness_markdown(found: Mapping[str, Any]) -> str:
    """How even, what is kept, and then attribute by attribute along the slerp."""
    header = ["where", "change a radian", "largest", "largest over mean", "kept", "between"]
    header += ["kept, strangers", "between, strangers"]
    rows = []
    for name, one in found["paths"].items():
        keys = ("kept", "between", "kept_strangers", "between_strangers")
        rows.append([name, *one["change"].values(), *(one[key] for key in keys)])
    for angle, one in found["noise"].items():
        rows.append([f"noise, {angle} rad", *one.values(), *[None] * 4])
    text = markdown_table(header, rows)
    each = found["paths"]["slerp"]["attributes"]
    text += "\n" + markdown_table(
        ["attribute, slerp", "kept", "between"],
        [[name, one["kept"], one["between"]] for name, one in each.items()],
    )
    return (
        f"{text}\n{found['pairs']} pairs {found['mean_angle']:.2f} rad apart on average, "
        f"{found['steps']} steps, {found['neighbours']} neighbours a face; changes in "
        f"{found['unit']}. Whole pairs differ by {found['mean_change']:.1f} levels.\n"
    )
