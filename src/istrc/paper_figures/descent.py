"""Figure 4: how an embedding is moved to its target, as measured on one face."""

from __future__ import annotations

from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from istrc import sphere
from istrc.paper_figures.page import BELOW, CELL, GAP, INK, SMALL, new_page, pixels, put_face
from istrc.paper_figures.people import Stage

FRAMES = 8


def descent(stage: Stage, number: int) -> Figure:
    """The faces along a walk; below them the classifier's probability and its loss (eq. 1)."""
    circle = stage.circle
    name = "smile" if "smile" in circle.attribute_names else circle.attribute_names[0]
    person = stage.people.with_score(name)
    walk = circle.walk(person.z, {name: 1.0})
    points = walk.points[:, 0]  # (steps + 1, D)
    angles = sphere.angle(points[:1], points).cpu()
    score = circle.scores_of(points, [name])[:, 0].cpu()
    loss = -torch.log(score.clamp(min=1e-7))  # eq. 1 for y = 1
    steps = len(points) - 1
    step = float(angles[1]) if steps else 0.0
    text = (
        f"The process of optimising the embedding towards {name} (y = 1): each step goes "
        f"{step:.3f} rad along the gradient of loss(z, y) = -[y log C(z) + (1 - y) log(1 - C(z))] "
        f"and is put back on the sphere; {steps} steps, the last one as short as it takes, "
        f"{float(angles[-1]):.2f} rad in all. Above "
        "decode(F(z)) on the way. Below, left: C(z), the classifier's probability, and the loss; "
        "right: the walk in its two main directions, of which the second is stretched."
    )
    width, caption = 0.3 + (FRAMES + 1) * (CELL + GAP), stage.caption(number, text, [person])
    figure, axes, top = new_page(width, CELL + 2.6, title="A walk on the sphere", caption=caption)
    chosen = torch.linspace(0, steps, FRAMES).round().long().tolist()
    faces = [*pixels(person.x), *pixels(circle.decode(points[chosen]))]
    captions = ["input", *(f"step {i}, {float(score[i]):.2f}" for i in chosen)]
    for number, (face, caption) in enumerate(zip(faces, captions, strict=True)):
        x = 0.15 + number * (CELL + GAP)
        put_face(axes, face, x, top, CELL, framed=number == 0)
        axes.text(x + CELL / 2, top + CELL + 0.02, caption, size=SMALL, **BELOW)
    width, height = figure.get_size_inches()
    low = (height - (top + CELL + 2.15)) / height
    left = figure.add_axes((0.6 / width, low, 0.36, 1.7 / height))
    right = figure.add_axes((0.58, low, 0.38, 1.7 / height))
    _curves(left, angles, score, loss, name)
    _plane(right, points, chosen)
    return figure


def _curves(axes: Axes, angles: Any, score: Any, loss: Any, name: str) -> None:
    axes.plot(angles, score, color="#2563eb", label=f"C(z), {name}")
    axes.set_xlabel("angle walked (rad)", size=6.5)
    axes.set_ylabel("probability", size=6.5, color="#2563eb")
    axes.set_ylim(0, 1.02)
    second = axes.twinx()
    second.plot(angles, loss, color="#dc2626")
    second.set_ylabel("loss (eq. 1)", size=6.5, color="#dc2626")
    second.set_ylim(bottom=0)
    for one in (axes, second):
        one.tick_params(labelsize=5.5)


def _plane(axes: Axes, points: torch.Tensor, chosen: list[int]) -> None:
    """The walk seen from above its start, in the two directions that it varies most in."""
    away = sphere.log(points[:1].expand(len(points), -1), points).double().cpu()
    if len(points) > 2:
        _, _, directions = torch.linalg.svd(away, full_matrices=False)
        flat = away @ directions[:2].T
        flat = flat * torch.where(flat[-1] < 0, -1, 1)
        axes.plot(flat[:, 0], flat[:, 1], ".-", color=INK, linewidth=0.7, markersize=2.5)
        axes.plot(flat[chosen, 0], flat[chosen, 1], "o", color="#2563eb", markersize=4)
        axes.annotate("z", flat[0].tolist(), size=8, textcoords="offset points", xytext=(5, 5))
        axes.annotate("z'", flat[-1].tolist(), size=8, textcoords="offset points", xytext=(-2, 6))
    axes.set_xlabel("first direction (rad)", size=6.5)
    axes.set_ylabel("second (rad)", size=6.5)
    axes.tick_params(labelsize=5.5)
    axes.margins(0.15)
