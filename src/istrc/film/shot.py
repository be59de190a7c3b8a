"""One frame of a film, as the planes that it is stored in.

Films store brightness Y and, at half the resolution, two colour differences Cb and Cr. The way to
RGB and back moves nearly every pixel by a level or two. So RGB is only looked at, and an edit goes
into the planes as a difference: what it does not touch keeps the bytes that were decoded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from istrc.film import tone
from istrc.film.pyav import need_av

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Colours:
    """How Y'CbCr and RGB belong together (ITU-T H.273)."""

    matrix: int  # its number, as swscale has it
    red: float  # its weight Kr of brightness
    blue: float  # Kb; green has what is left of 1
    full: bool = False  # Y fills 0..255; otherwise 16..235, and Cb and Cr 16..240 (of 8 bits)
    bits: int = 8  # of a number, 8 or 10
    # The curve of HDR that RGB is on, see `istrc.film.tone`; None of an ordinary film
    hdr: int | None = None

    @property
    def kind(self) -> str:
        """The planes' format, as FFmpeg names it."""
        return "yuv420p" if self.bits == 8 else f"yuv420p{self.bits}le"


@dataclass(frozen=True, eq=False)
class Shot:
    """A decoded frame, upright, of width W and height H."""

    planes: Planes  # Y (H, W), Cb and Cr (H/2, W/2, rounded up), uint8; uint16 of 10 bits
    colours: Colours  # what they mean
    pts: int = 0  # when it is shown, in units of the film's time base
    duration: int = 0  # and for how long
    time: float = 0.0  # the same as pts, seconds

    def frame(self) -> Any:
        """The same as a frame of PyAV."""
        height, width = self.planes[0].shape
        frame = need_av().VideoFrame(width, height, self.colours.kind)
        for plane, values in zip(frame.planes, self.planes, strict=True):
            rows_of(plane, values.dtype)[: values.shape[0], : values.shape[1]] = values
        frame.color_range = 2 if self.colours.full else 1
        return frame

    def rgb(self) -> np.ndarray:
        """Its pixels (H, W, 3) uint8 RGB, as an ordinary screen shows them."""
        matrix, hdr = self.colours.matrix, self.colours.hdr
        frame = self.frame().reformat(format="rgb24", src_colorspace=matrix, dst_colorspace=matrix)
        pixels = frame.to_ndarray()
        return pixels if hdr is None else tone.shown(pixels, hdr)

    def changed(self, pixels: np.ndarray, edited: np.ndarray, share: float = 1.0) -> Shot:
        """This frame with an edit in it; where the edit's RGB is the same, so are the planes.

        Args:
            pixels, edited: (H, W, 3) uint8, `rgb()` and the same with the edit.
            share: how much of the edit, 0 to 1.
        """
        differs = (pixels != edited).any(-1)  # (H, W)
        if share == 0 or not differs.any():
            return self
        # The upright box round them, of whole pixels of Cb and Cr
        (top, bottom), (left, right) = (
            (int(some[0]) // 2 * 2, int(some[-1]) // 2 * 2 + 2)
            for some in (np.flatnonzero(differs.any(axis)) for axis in (1, 0))
        )
        box = slice(top, bottom), slice(left, right)
        half = slice(top // 2, bottom // 2), slice(left // 2, right // 2)
        change = float(share) * self._change(pixels[box], edited[box])  # (h, w, 3)
        red, blue = self.colours.red, self.colours.blue
        # H.273, equations 38 to 40: Y = Kr R + Kg G + Kb B, Cb = (B - Y) / 2(1 - Kb), Cr alike
        y = change @ np.array([red, 1 - red - blue, blue], np.float32)  # (h, w)
        cb = (change[..., 2] - y) / (2 * (1 - blue))
        cr = (change[..., 0] - y) / (2 * (1 - red))
        if not self.colours.full:
            y, cb, cr = y * (219 / 255), cb * (224 / 255), cr * (224 / 255)
        luma, blues, reds = (plane.copy() for plane in self.planes)
        for part, more in ((luma[box], y), (blues[half], _halved(cb)), (reds[half], _halved(cr))):
            more = more * 2 ** (self.colours.bits - 8)  # changes are of 8 bits so far
            part[:] = (part + more).round().clip(0, 2**self.colours.bits - 1)
        return replace(self, planes=(luma, blues, reds))

    def _change(self, pixels: np.ndarray, edited: np.ndarray) -> np.ndarray:
        """What an edit changes of RGB as the film numbers it, 0..255."""
        hdr = self.colours.hdr
        if hdr is None:
            return edited.astype(np.float32) - pixels
        change = tone.numbered(edited, hdr) - tone.numbered(pixels, hdr)
        change[(edited == pixels).all(-1)] = 0  # to the bit
        return change


def rows_of(plane: Any, kind: Any = np.uint8) -> np.ndarray:
    """A plane of PyAV as an array of its rows, with what pads them."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows.view(kind)


def _halved(change: np.ndarray) -> np.ndarray:
    """The mean of every 2 x 2 block: (h, w) -> (h/2, w/2, rounded up)."""
    change = np.pad(change, [(0, side % 2) for side in change.shape], mode="edge")  # of odd sizes
    height, width = change.shape
    return change.reshape(height // 2, 2, width // 2, 2).mean((1, 3))
