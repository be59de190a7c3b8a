"""How a film's frames lie, what their numbers mean, and what is lost where they become ours.

Ours are upright, Y'CbCr 4:2:0, of 8 bits, or of 10 where the film has more than 8: what players
show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from istrc.errors import InputError
from istrc.film.encoders import Mastering
from istrc.film.pyav import filter_like
from istrc.film.shot import Colours, Planes, rows_of
from istrc.film.tone import HLG, PQ

HIGH = 576  # rows; a film with more that names no colours has those of HDTV

# H.273's numbers of matrices -> swscale's, Kr and Kb
_MATRICES = {
    1: (1, 0.2126, 0.0722),
    4: (4, 0.30, 0.11),
    5: (5, 0.299, 0.114),
    6: (5, 0.299, 0.114),
    7: (7, 0.212, 0.087),
    9: (9, 0.2627, 0.0593),
    10: (9, 0.2627, 0.0593),
}
# Those that swscale cannot turn into RGB
_STRANGE = {8: "YCgCo", 11: "Y'D'zD'x", 14: "ICtCp", 15: "IPT-C2", 16: "YCgCo-Re", 17: "YCgCo-Ro"}
_UNSAID, _BT2020 = (2, 3), 9
_CHANGING = ("DYNAMIC_HDR_PLUS", "DOVI_METADATA", "DYNAMIC_HDR_VIVID")  # with the frames
TRANSPARENT = "its transparency is left out"
_NARROW, _FULL = 1, 2  # FFmpeg's numbers of the ranges 16..235 and 0..255


@dataclass(frozen=True)
class Look:
    """What the frames of a film are like, by the first of them."""

    coded: tuple[int, int]  # width and height of a frame as it is stored
    kept: tuple[int, int]  # and what is kept of it
    turned: bool  # rows become columns when it is set upright
    flips: tuple[bool, bool]  # whether columns and rows are mirrored after that
    colours: Colours  # what the planes mean once they are ours
    matrix: int  # H.273's numbers for them
    primaries: int
    transfer: int
    mastering: Mastering | None  # what an HDR film says of the screen that it was made on, or None
    interlaced: str | None  # "tff" or "bff", by the field that comes first upright, or None
    losses: tuple[str, ...]  # what is lost of a frame, a line each

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of our frames, pixels."""
        return self.kept[::-1] if self.turned else self.kept

    def planes(self, frame: Any) -> Planes:
        """A frame of PyAV as our planes."""
        kind = self.colours.kind
        if frame.format.name not in (kind, kind.replace("yuv", "yuvj")):
            matrix, levels = self.colours.matrix, _FULL if self.colours.full else _NARROW
            grey = int(frame.color_range) or _FULL
            frame = frame.reformat(
                format=kind,
                src_colorspace=matrix,
                dst_colorspace=matrix,
                src_color_range=levels if _is_yuv(frame.format) else grey,
                dst_color_range=levels,
            )
        planes = []
        for plane, share in zip(frame.planes, (1, 2, 2), strict=True):
            width, height = (-(-side // share) for side in self.kept)
            rows = rows_of(plane, "u1" if self.colours.bits == 8 else "<u2")[:height, :width]
            rows = rows.T if self.turned else rows
            across, down = (slice(None, None, -1 if flip else 1) for flip in self.flips)
            planes.append(rows[down, across].copy())
        luma, blues, reds = planes
        return luma, blues, reds


def look_at(path: Any, first: Any, context: Any, odd: bool = False) -> Look:
    """What a film is like.

    Args:
        first, context: PyAV's, its first frame and what decoded that.
        odd: keep a last row or column beyond an even size, for an encoder that takes them. A film
            that is turned or mirrored loses them anyway: colours have half a pixel there, which
            has no place on the other side.

    Raises InputError for colours that cannot be read.
    """
    turned, flips = _orientation(first)
    coded = kept = first.width, first.height
    if not odd or turned or any(flips):
        kept = first.width // 2 * 2, first.height // 2 * 2
    if not all(kept):
        raise InputError(f"{path}: {first.width}x{first.height} is too small for a film")
    named = first if hasattr(first, "color_trc") else context  # frames of older PyAV do not say
    primaries, transfer = int(named.color_primaries), int(named.color_trc)
    matrix, coefficients = _matrix(path, first, primaries, turned)
    full = int(first.color_range) == _FULL or first.format.name.startswith("yuvj")
    return Look(
        coded=coded,
        kept=kept,
        turned=turned,
        flips=flips,
        colours=Colours(
            *coefficients,
            full=_is_yuv(first.format) and full,
            bits=8 if _bits(first.format) <= 8 else 10,
            hdr=transfer if transfer in (PQ, HLG) else None,
        ),
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        mastering=Mastering.of(first),
        interlaced=_first_field(first, flips[1]),
        losses=tuple(_losses(first, kept, turned or any(flips))),
    )


def _orientation(frame: Any) -> tuple[bool, tuple[bool, bool]]:
    """How a frame gets upright, by its display matrix: the nearest of the eight that there are.

    The matrix (a b u; c d v; x y w) puts column p and row q at x' = a p + c q, y' = b p + d q.
    """
    said = frame.side_data.get("DISPLAYMATRIX")
    if said is None:
        return False, (False, False)
    a, b, _, c, d = (int(value) for value in np.frombuffer(said, np.int32)[:5])
    turned = abs(b) + abs(c) > abs(a) + abs(d)
    return turned, (c < 0, b < 0) if turned else (a < 0, d < 0)


def _bits(kind: Any) -> int:
    """Of a channel's numbers."""
    return max(component.bits for component in kind.components)


def _is_yuv(kind: Any) -> bool:
    return not kind.is_rgb and len(kind.components) >= 3  # fewer: grey, or a palette


def _matrix(
    path: Any, frame: Any, primaries: int, turned: bool
) -> tuple[int, tuple[int, float, float]]:
    """The number of the matrix of our planes, and its coefficients."""
    number, usual = int(frame.colorspace), 1 if frame.height > HIGH else 5
    if not _is_yuv(frame.format):
        number = 9 if primaries == _BT2020 else usual
    elif number in _STRANGE:
        raise InputError(
            f"{path}: its colours are {_STRANGE[number]}, which is not read; convert it to a film "
            "with the colours of BT.709 or BT.2020"
        )
    elif number in _UNSAID and not turned:
        return 2, _MATRICES[usual]  # players go on guessing, by the same size
    elif number not in _MATRICES:
        number = usual
    return number, _MATRICES[number]


def _first_field(frame: Any, flipped: bool) -> str | None:
    """The field that comes first in an interlaced film, of an even number of rows."""
    if not frame.interlaced_frame:
        return None
    graph = filter_like(frame, "select", "e='eq(interlace_type,TOPFIRST)'")
    graph.push(frame)
    try:
        first = graph.pull() is not None
    except BlockingIOError:  # not let through
        first = False
    return "tff" if first != flipped else "bff"


def _losses(frame: Any, kept: tuple[int, int], moved: bool) -> Iterator[str]:
    kind, coded = frame.format, (frame.width, frame.height)
    bits = _bits(kind)
    if any(component.is_alpha for component in kind.components):
        yield TRANSPARENT
    if bits > 10:
        yield f"its {bits} bits a channel are written as 10"
    if any(frame.side_data.get(name) is not None for name in _CHANGING):
        yield "what it says of its brightness, frame by frame (Dolby Vision, HDR10+), is left out"
    coloured = _is_yuv(kind) or kind.is_rgb or kind.has_palette
    if coloured and (kind.chroma_width(8) > 4 or kind.chroma_height(8) > 4):
        yield "its colours are written at half the resolution (4:2:0)"
    lost = [name for name, a, b in zip(("column", "row"), coded, kept, strict=True) if a != b]
    if lost:
        remedy = "" if moved else "; end OUT in .webm to keep all"
        yield (
            f"its {coded[0]}x{coded[1]} pixels are written without the last "
            f"{' and '.join(lost)}, as sizes must be even{remedy}"
        )
