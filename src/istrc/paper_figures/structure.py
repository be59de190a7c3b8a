"""Figure 3: the circle, and the networks that it is made of, as they are loaded."""

from __future__ import annotations

import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from istrc.circle import Circle
from istrc.paper_figures.layers import Layer, trace
from istrc.paper_figures.page import FAINT, INK, new_page, pixels, put_face
from istrc.paper_figures.stage import Stage

PANEL = 2.75  # inches, the width of one network
LINE = 0.2  # inches, one layer
FILLS = ("#dbeafe", "#dcfce7", "#fef3c7", "#fce7f3")


def structure(stage: Stage) -> Figure:
    """A face round the circle above; below, every layer of each network and what comes out."""
    circle, person = stage.circle, stage.people.take(1)[0]
    panels = networks(circle, person.x)
    tallest = max(len(layers) for _, layers in panels)
    head = 1.75
    body = head + 0.35 + LINE * tallest
    text = (
        "Structure of the Image-Semantic-Transformation-Reconstruction-Circle: FaceNet embeds "
        "the face, the walk changes it on the sphere, the mapping F leads to BEGAN's code, and the "
        "discriminator's decoder makes the picture. Boxes show the layers of the loaded "
        "networks; their width grows with the logarithm of what comes out."
    )
    figure, axes, top = new_page(
        4 * PANEL + 0.3, body, title="The circle", caption=stage.caption(3, text)
    )
    _ring(axes, stage, top)
    for number, (title, layers) in enumerate(panels):
        _panel(axes, 0.15 + number * PANEL, top + head, title, layers, FILLS[number])
    return figure


def networks(circle: Circle, x: torch.Tensor) -> list[tuple[str, list[Layer]]]:
    """The four networks and their layers, found by sending a face (1, 3, S, S) through them."""
    z, h = circle.embed(x), circle.encode(x)
    return [
        (f"FaceNet: x -> z ({circle.dim})", trace(circle.facenet, circle.embed, x)),
        (f"mapping F: z -> h ({h.shape[1]})", trace(circle.mapping, circle.map, z)),
        (f"BEGAN's encoder: x -> h ({h.shape[1]})", trace(circle.autoencoder, circle.encode, x)),
        ("BEGAN's decoder: h -> x", trace(circle.autoencoder, circle.decode_code, h)),
    ]


def _ring(axes: Axes, stage: Stage, top: float) -> None:
    """x -> FaceNet -> z -> walk -> z' -> F -> h -> decoder -> x', with what is in each of them."""
    circle, person = stage.circle, stage.people.take(1)[0]
    name = next((n for n in ("smile", "young") if n in circle.attribute_names), None)
    name = name or circle.attribute_names[0]
    score = float(circle.scores(person.z)[0, circle.attribute_names.index(name)])
    sign = -1.0 if score > 0.5 else 1.0
    walk = circle.walk(person.z, {name: sign})
    places = [0.55, 3.15, 5.75, 8.35]
    side, y = 0.95, top + 0.15
    pictures = [
        (pixels(person.x)[0], f"x, {circle.size}x{circle.size}"),
        (pixels(circle.decode(person.z))[0], "decode(F(z)), rebuilt"),
        (pixels(circle.decode(walk.end))[0], f"decode(F(z')), {name} {sign:+g}"),
    ]
    put_face(axes, pictures[0][0], places[0], y, side, framed=True)
    axes.text(
        places[0] + side / 2, y + side + 0.06, pictures[0][1], size=6.5, ha="center", va="top"
    )
    for x, vector, words in (
        (places[1], person.z[0], f"z on the sphere, {circle.dim} numbers"),
        (places[1] + 1.3, walk.end[0], f"z', {float(walk.angle[0]):.2f} rad away"),
    ):
        _bars(axes, vector, x, y, side)
        axes.text(x + side / 2, y + side + 0.06, words, size=6.5, ha="center", va="top")
    h = circle.map(walk.end)[0]
    x = places[2] + 1.3
    _bars(axes, h, x, y, side)
    axes.text(
        x + side / 2, y + side + 0.06, f"h, {len(h)} numbers", size=6.5, ha="center", va="top"
    )
    for place, (face, words) in zip((places[3] + 0.35, places[3] + 1.5), pictures[1:], strict=True):
        put_face(axes, face, place, y, side, framed=True)
        axes.text(place + side / 2, y + side + 0.06, words, size=6, ha="center", va="top")
    middle = y + side / 2
    steps = round(len(walk.points) - 1)
    for start, end, words in (
        (places[0] + side, places[1], "FaceNet"),
        (places[1] + side, places[1] + 1.3, f"walk\n{steps} steps"),
        (places[1] + 1.3 + side, x, "mapping F"),
        (x + side, places[3] + 0.35, "decoder"),
    ):
        axes.annotate(
            "", (end - 0.04, middle), (start + 0.04, middle),
            arrowprops=dict(arrowstyle="-|>", color=INK, linewidth=1),
        )  # fmt: skip
        axes.text((start + end) / 2, middle - 0.07, words, size=6.5, ha="center", va="bottom")


def _bars(axes: Axes, vector: torch.Tensor, x: float, y: float, side: float) -> None:
    """The numbers of a vector as thin bars round the middle of a square."""
    values = vector.detach().float().cpu()
    values = values / values.abs().max().clamp(min=1e-9) * side / 2
    at = x + (torch.arange(len(values)) + 0.5) / len(values) * side
    middle = torch.full_like(values, y + side / 2)
    axes.vlines(at.tolist(), middle.tolist(), (middle - values).tolist(), color="#3b82f6", lw=0.4)
    axes.plot(
        [x, x + side, x + side, x, x], [y, y, y + side, y + side, y], color=FAINT, linewidth=0.5
    )


def _panel(axes: Axes, x: float, y: float, title: str, layers: list[Layer], fill: str) -> None:
    axes.text(x + PANEL / 2, y + 0.1, title, size=7.5, weight="bold", ha="center", va="center")
    y += 0.28
    largest = max((math.log(math.prod(layer.shape) + 1) for layer in layers), default=1)
    for number, layer in enumerate(layers):
        share = math.log(math.prod(layer.shape) + 1) / largest
        width = (PANEL - 0.15) * (0.35 + 0.65 * share)
        axes.add_patch(
            FancyBboxPatch(
                (x + (PANEL - width) / 2, y + number * LINE + 0.02), width, LINE - 0.05,
                boxstyle="round,pad=0,rounding_size=0.03", facecolor=fill, edgecolor=FAINT,
                linewidth=0.4,
            )
        )  # fmt: skip
        axes.text(
            x + PANEL / 2, y + (number + 0.5) * LINE, layer.label, size=5.3, color=INK,
            ha="center", va="center",
        )  # fmt: skip
    if not layers:
        axes.text(x + PANEL / 2, y + LINE / 2, "not made of torch layers", size=6, ha="center")
