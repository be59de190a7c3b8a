"""A page: rows of faces with labels, a title above and a caption below, as vector or pixels."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from istrc.data.prepared import to_pixels
from istrc.figures import Row
from istrc.whole import whole

INK, FAINT = "#18181b", "#71717a"
CELL = 0.78  # inches, the side of a face
GAP = 0.05
MARGIN = 0.15
LABEL_SIZE, CAPTION_SIZE, SMALL = 8, 7, 5.5  # points
LINE = 0.13  # inches, a line of a caption
DPI = 200  # of the PNG
BELOW: dict[str, Any] = dict(va="top", ha="center")  # how what stands below a picture does


def face_page(rows: Sequence[Row], *, title: str, caption: str) -> Figure:
    """Rows of faces under each other, each labelled on its left.

    rows: as `istrc.figures.strip` takes them; their captions stand under the faces, and an empty
    label takes no room.
    """
    columns = max(len(row.faces) for row in rows)
    longest = max((len(line) for row in rows for line in row.label.split("\n")), default=0)
    left = MARGIN + (longest * 0.066 + 0.1 if longest else 0)  # inches, about 5 points a letter
    heights = [CELL + (_under(row) if row.captions else 0) for row in rows]
    width = max(left + columns * (CELL + GAP) + MARGIN, 4.0)
    body = sum(heights) + GAP * len(rows)
    figure, axes, top = new_page(width, body, title=title, caption=caption)
    for row, height in zip(rows, heights, strict=True):
        axes.text(MARGIN, top + CELL / 2, row.label, size=LABEL_SIZE, color=INK, va="center")
        for column, face in enumerate(row.faces):
            x = left + column * (CELL + GAP)
            put_face(axes, face, x, top, CELL, framed=column == row.marked)
            if row.captions:
                below = (x + CELL / 2, top + CELL + 0.02, row.captions[column])
                axes.text(*below, size=SMALL, color=FAINT, linespacing=1.0, **BELOW)
        top += height + GAP
    return figure


def new_page(width: float, body: float, *, title: str, caption: str) -> tuple[Figure, Axes, float]:
    """A page of `width` inches with room for `body` inches between title and caption.

    Returns the figure, one axis over all of it in inches, y downwards, and where the body begins.
    """
    lines = textwrap.wrap(caption, int((width - 2 * MARGIN) / 0.047))
    top = MARGIN + 0.25
    height = top + body + 0.08 + LINE * len(lines) + MARGIN
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    axes.text(MARGIN, MARGIN, title, size=9, weight="bold", color=INK, va="top")
    for number, line in enumerate(lines):
        y = top + body + 0.08 + number * LINE
        axes.text(MARGIN, y, line, size=CAPTION_SIZE - 0.5, color=INK, va="top")
    return figure, axes, top


def put_face(
    axes: Axes, face: np.ndarray, x: float, y: float, side: float, framed: bool = False
) -> None:
    """A picture uint8 `(S, S, 3)` into the square whose upper left corner is (x, y), in inches."""
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(face, extent=(x, x + side, y + side, y), interpolation="bicubic", aspect="auto")
    axes.set(xlim=limits[0], ylim=limits[1])  # imshow fits them to the picture
    if framed:
        put_frame(axes, x, y, side, INK, 1)


def put_frame(axes: Axes, x: float, y: float, side: float, colour: str, width: float) -> None:
    """The outline of such a square."""
    across, down = [x, x + side, x + side, x, x], [y, y, y + side, y + side, y]
    axes.plot(across, down, color=colour, linewidth=width)


def pixels(x: torch.Tensor) -> list[np.ndarray]:
    """Faces (B, 3, S, S) as a list of uint8 (S, S, 3)."""
    return list(to_pixels(x))


def save_page(figure: Figure, stem: Path) -> list[Path]:
    """Write `stem.png` and `stem.pdf`, each whole or not at all, with the same bytes each time."""
    written = []
    for ending, metadata in (
        ("png", {"Software": None}),
        ("pdf", {"CreationDate": None, "ModDate": None}),
    ):
        path = stem.with_name(f"{stem.name}.{ending}")
        with whole(path) as temporary:
            figure.savefig(temporary, format=ending, dpi=DPI, metadata=metadata)
        written.append(path)
    return written


def _under(row: Row) -> float:
    """Inches that a row's captions take."""
    return 0.1 * max(caption.count("\n") + 1 for caption in row.captions) + 0.03
