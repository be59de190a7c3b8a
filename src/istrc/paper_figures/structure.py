"""Figure 3: the circle, and the networks that it is made of, as they are loaded."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import nn

from istrc import sphere
from istrc.circle import Circle
from istrc.paper_figures.page import BELOW, FAINT, INK, new_page, pixels, put_face, put_frame
from istrc.paper_figures.people import Stage
from istrc.resample import resized

PANEL = 2.75  # inches, the width of one network
LINE = 0.2  # inches, one layer
SIDE = 1.0  # inches, a picture or a vector of the circle
PLACES = (0.35, 2.2, 3.95, 5.8, 7.65, 8.85)
Layer = tuple[str, int]  # what it is and what comes out of it; how many numbers that is
WORDS = {"Linear": "fully connected", "PixelUnshuffle": "space to depth"}
WORDS |= {"PixelShuffle": "depth to space", "BatchNorm1d": "BatchNorm", "BatchNorm2d": "BatchNorm"}
# Told with the layer before them: what comes out has the same size
AFTER = (nn.BatchNorm1d, nn.BatchNorm2d, nn.Tanh, nn.ReLU, nn.ELU, nn.SiLU, nn.PReLU, nn.Sigmoid)
FILLS = ("#dbeafe", "#dcfce7", "#fef3c7", "#fce7f3")


def structure(stage: Stage, number: int) -> Figure:
    """A face round the circle above; below, every layer of each network and what comes out."""
    circle, person = stage.circle, stage.people.take(1)[0]
    panels = networks(circle, person.x)
    tallest = max(len(layers) for _, layers in panels)
    head = 2.05
    body = head + 0.35 + LINE * tallest
    text = (
        "Structure of the Image-Semantic-Transformation-Reconstruction-Circle: FaceNet embeds "
        "the face, the walk changes it on the sphere, the mapping F leads to BEGAN's code, and the "
        "discriminator's decoder makes the picture. Boxes show the layers of the loaded "
        "networks; their width grows with the logarithm of what comes out."
    )
    figure, axes, top = new_page(
        4 * PANEL + 0.3, body, title="The circle", caption=stage.caption(number, text, [person])
    )
    _ring(axes, stage, top)
    for number, (title, layers) in enumerate(panels):
        _panel(axes, 0.15 + number * PANEL, top + head, title, layers, FILLS[number])
    return figure


def networks(circle: Circle, x: torch.Tensor) -> list[tuple[str, list[Layer]]]:
    """The networks and their layers, found by sending a face (1, 3, S, S) through them.

    Through the networks themselves, as a circle in use folds some of their layers into others.
    """
    z, c = circle.embed(x), circle.encode(x)
    small = resized(x, circle.recogniser.size).clip(-1, 1)
    autoencoder, h = circle.autoencoder, c[:, : circle.texture]
    name, layers, code = "FaceNet", [], "h" if circle.mesh is None else "h, s"
    if circle.facenet is not None:
        layers = trace(circle.facenet, circle.facenet, small)
    else:  # it may be a file that torch knows nothing of
        name = "recogniser"
    return [
        (f"{name}: x -> z ({circle.dim})", layers),
        (f"mapping F: z -> {code} ({c.shape[1]})", trace(circle.mapping, circle.mapping, z)),
        (f"BEGAN's encoder: x -> h ({h.shape[1]})", trace(autoencoder, autoencoder.encode, x)),
        ("BEGAN's decoder: h -> x", trace(autoencoder, autoencoder.decode, h)),
    ]


@torch.inference_mode()
def trace(
    module: nn.Module, run: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor
) -> list[Layer]:
    """The layers of `module` that `run(x)` goes through, in the order of use, equal ones together.

    Empty for what is not made of torch's layers.
    """
    found: list[Layer] = []

    def hook(layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        word = WORDS.get(type(layer).__name__, type(layer).__name__)
        if isinstance(layer, AFTER) and found:
            found[-1] = (f"{found[-1][0]}, {word}", found[-1][1])
            return
        if isinstance(layer, nn.Conv2d):
            word = f"conv {layer.kernel_size[0]}x{layer.kernel_size[1]}"
            word += f" /{layer.stride[0]}" if layer.stride[0] > 1 else ""
        size = "x".join(map(str, output.shape[1:]))
        found.append((f"{word}, {size}", output[0].numel()))

    silent = (nn.Identity, nn.Flatten, nn.Dropout, nn.ParameterList)
    leaves = [m for m in module.modules() if not list(m.children()) and not isinstance(m, silent)]
    handles = [leaf.register_forward_hook(hook) for leaf in leaves]
    try:
        run(x)
    finally:
        for handle in handles:
            handle.remove()
    counted = [(text, numbers, len(list(equal))) for (text, numbers), equal in groupby(found)]
    return [(text + (f"  x{count}" if count > 1 else ""), n) for text, n, count in counted]


def _ring(axes: Axes, stage: Stage, top: float) -> None:
    """x -> FaceNet -> z -> walk -> z' -> F -> h -> decoder -> x', with what is in each of them."""
    circle, person = stage.circle, stage.people.take(1)[0]
    liked = [n for n in ("smile", "young") if n in circle.attribute_names]
    name: str = [*liked, circle.attribute_names[0]][0]
    score = float(circle.scores_of(person.z, [name]))
    sign = -1.0 if score > 0.5 else 1.0
    walk = circle.walk(person.z, {name: sign})
    rebuilt = circle.decode(person.z)
    h = circle.map(walk.end)[0]
    away = float(sphere.angle(circle.embed(rebuilt), person.z))
    y, steps = top + 0.1, len(walk.points) - 1
    pictures = {0: person.x, 4: rebuilt, 5: circle.decode(walk.end)}
    vectors = {1: person.z[0], 2: walk.end[0], 3: h}
    words = (
        f"x, {circle.size}x{circle.size}",
        f"z on the sphere, {circle.dim} numbers",
        f"z', {float(walk.angle[0]):.2f} rad from z",
        f"h = F(z'), {len(h)} numbers",
        "decode(F(z)): rebuilt",
        f"decode(F(z')): {name} {sign:+g}",
    )
    for number, (x, text) in enumerate(zip(PLACES, words, strict=True)):
        if number in pictures:
            put_face(axes, pixels(pictures[number])[0], x, y, SIDE, framed=True)
        else:
            _bars(axes, vectors[number], x, y, SIDE)
        axes.text(x + SIDE / 2, y + SIDE + 0.05, text, size=6.5, **BELOW)
    first = "FaceNet" if circle.facenet is not None else "recogniser"
    for number, text in enumerate((first, f"walk,\n{steps} steps", "mapping F", "decoder")):
        start, end = PLACES[number] + SIDE, PLACES[number + 1]
        _arrow(axes, (start + 0.04, y + SIDE / 2), (end - 0.04, y + SIDE / 2))
        axes.text((start + end) / 2, y + SIDE / 2 - 0.06, text, size=6.5, ha="center", va="bottom")
    # What closes the circle: the rebuilt face is embedded again
    low, right, left = y + SIDE + 0.42, PLACES[4] + SIDE / 2, PLACES[1] + SIDE / 2
    axes.plot([right, right, left], [low - 0.18, low, low], color=INK, linewidth=1)
    _arrow(axes, (left, low), (left, low - 0.2))
    text = f"embedded again: the rebuilt face is {away:.2f} rad from z"
    axes.text((left + right) / 2, low - 0.04, text, size=6.5, ha="center", va="bottom")


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    arrow = dict(arrowstyle="-|>", color=INK, linewidth=1, shrinkA=0, shrinkB=0)
    axes.annotate("", end, start, arrowprops=arrow)


def _bars(axes: Axes, vector: torch.Tensor, x: float, y: float, side: float) -> None:
    """The numbers of a vector as thin bars round the middle of a square."""
    values = vector.detach().float().cpu()
    values = values / values.abs().max().clamp(min=1e-9) * side / 2
    at = x + (torch.arange(len(values)) + 0.5) / len(values) * side
    middle = torch.full_like(values, y + side / 2)
    axes.vlines(at.tolist(), middle.tolist(), (middle - values).tolist(), color="#3b82f6", lw=0.4)
    put_frame(axes, x, y, side, FAINT, 0.5)


def _panel(axes: Axes, x: float, y: float, title: str, layers: list[Layer], fill: str) -> None:
    axes.text(x + PANEL / 2, y + 0.1, title, size=7.5, weight="bold", ha="center", va="center")
    y += 0.28
    largest = max((math.log(numbers + 1) for _, numbers in layers), default=1)
    for number, (text, numbers) in enumerate(layers):
        share = math.log(numbers + 1) / largest
        width = (PANEL - 0.15) * (0.35 + 0.65 * share)
        axes.add_patch(
            FancyBboxPatch(
                (x + (PANEL - width) / 2, y + number * LINE + 0.02), width, LINE - 0.05,
                boxstyle="round,pad=0,rounding_size=0.03", facecolor=fill, edgecolor=FAINT,
                linewidth=0.4,
            )
        )  # fmt: skip
        axes.text(
            x + PANEL / 2, y + (number + 0.5) * LINE, text, size=5.3, color=INK,
            ha="center", va="center",
        )  # fmt: skip
    if not layers:
        axes.text(x + PANEL / 2, y + LINE / 2, "not made of torch layers", size=6, ha="center")
