"""Rows of faces with labels, drawn with Pillow alone: the paper's figures, and contact sheets.

Pictures are uint8 (S, S, 3) RGB of any size; each is drawn into a square cell. Text is Pillow's
own font, so that a figure looks the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from istrc.errors import InputError

PAPER = (255, 255, 255)
INK = (24, 24, 27)
FAINT = (113, 113, 122)  # captions: there when looked for
GAP = 4  # pixels between cells
LARGEST, MOST = 65_500, 300_000_000  # pixels of a side, as of a JPEG, and in all
MARGIN = 12  # pixels round the figure


@dataclass(frozen=True)
class Row:
    """One row of a strip: what it shows, its faces from left to right, a caption under each."""

    label: str
    faces: Sequence[np.ndarray]  # each uint8 (S, S, 3)
    captions: Sequence[str] = ()  # as many as faces, or none
    marked: int | None = None  # the face that is framed: where the walk starts


def strip(rows: Sequence[Row], *, cell: int = 128, title: str = "") -> Image.Image:
    """Rows of faces under each other, each row labelled on its left.

    Args:
        rows: of any lengths; a shorter row leaves white.
        cell: side of one face in the figure, pixels.
        title: a line above the rows.

    Raises:
        ValueError: no rows, a row without faces, or captions that are not one a face.
        InputError: the picture would be larger than any is written.
    """
    if not rows or not all(len(row.faces) for row in rows):
        raise ValueError("a strip needs at least one row, and every row at least one face")
    for row in rows:
        if len(row.captions) not in (0, len(row.faces)):
            raise ValueError(f"{row.label}: {len(row.captions)} captions, {len(row.faces)} faces")
    label_font, caption_font = _font(max(12, cell // 8)), _font(max(10, cell // 11))
    labels = [row.label.split("\n") if row.label else [] for row in rows]
    label_width = max((_width(line, label_font) for lines in labels for line in lines), default=0)
    left = MARGIN + (label_width + 2 * GAP if label_width else 0)
    heights = [cell + (_height(caption_font) + GAP if row.captions else 0) for row in rows]
    top = MARGIN + (_height(label_font) + 2 * GAP if title else 0)
    columns = max(len(row.faces) for row in rows)
    width = left + columns * (cell + GAP) - GAP + MARGIN
    height = top + sum(heights) + GAP * (len(rows) - 1) + MARGIN
    if max(width, height) > LARGEST or width * height > MOST:
        raise InputError(
            f"a picture of {width}x{height} pixels is too large; ask for fewer or smaller cells, "
            "or give a folder"
        )
    figure = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(figure)
    if title:
        draw.text((MARGIN, MARGIN), title, INK, label_font)
    for row, lines, height in zip(rows, labels, heights, strict=True):
        line_height = _height(label_font)
        y = top + (cell - line_height * len(lines)) // 2
        for number, line in enumerate(lines):
            draw.text((MARGIN, y + number * line_height), line, INK, label_font)
        for column, face in enumerate(row.faces):
            x = left + column * (cell + GAP)
            figure.paste(_cell(face, cell), (x, top))
            if column == row.marked:
                draw.rectangle((x, top, x + cell - 1, top + cell - 1), outline=INK, width=2)
            if row.captions:
                _centred(draw, row.captions[column], x, top + cell + 1, cell, caption_font)
        top += height + GAP
    return figure


def contact_sheet(faces: Sequence[np.ndarray], *, columns: int = 8, cell: int = 96) -> Image.Image:
    """Faces in a grid, row by row, `columns` of them in each; `cell` as of `strip`."""
    starts = range(0, len(faces), columns)
    return strip([Row("", faces[start : start + columns]) for start in starts], cell=cell)


def signed(value: float) -> str:
    """A strength as it is written: +1, -0.5, 0."""
    return "0" if abs(value) < 5e-4 else f"{value:+.2f}".rstrip("0").rstrip(".")


def _cell(face: np.ndarray, cell: int) -> Image.Image:
    face = np.asarray(face)
    if face.dtype != np.uint8 or face.ndim != 3 or face.shape[2] != 3:
        raise ValueError(f"a face is uint8 (S, S, 3), got {face.dtype} {face.shape}")
    # Photographs that are not square are shown whole, on white
    return ImageOps.pad(Image.fromarray(face), (cell, cell), Image.Resampling.LANCZOS, PAPER)


def _font(size: int) -> ImageFont.FreeTypeFont:
    font: Any = ImageFont.load_default(size)  # FreeType's, where a size is asked for
    return font


def _width(text: str, font: ImageFont.FreeTypeFont) -> int:
    return int(np.ceil(font.getlength(text)))


def _height(font: ImageFont.FreeTypeFont) -> int:
    return sum(font.getmetrics())


def _centred(draw: Any, text: str, left: float, top: float, width: float, font: Any) -> None:
    # A caption wider than its cell is shortened: two captions must not run into each other
    while text and _width(text, font) > width:
        text = text[:-2] + "…" if len(text) > 2 else ""
    draw.text((left + (width - _width(text, font)) / 2, top), text, FAINT, font)
