"""A decoded picture, with what its owner wants back and a network has no use for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(eq=False)
class Picture:
    """One decoded picture, with what it takes to write another like it.

    pixels: uint8 `(H, W, 3)`, RGB, upright. alpha: uint8 `(H, W)`, 255 opaque, or None.
    format: Pillow's name of the file's format. grey: the file had no colour. icc: its colour
    profile, if it holds for `pixels`. exif: without orientation, GPS and thumbnail. dpi: dots an
    inch, across and down. notes: what a user should know about how it was read. location: its GPS
    directory (EXIF), or None. xmp: its XMP packet as it is in the file, IIM added, or None. text:
    what its owner wrote by PNG's keywords, comments among it. encoding: how its JPEG was encoded,
    as options of Pillow's writer; {} for others.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    format: str = "PNG"
    grey: bool = False
    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    notes: list[str] = field(default_factory=list)
    location: dict | None = None
    xmp: bytes | None = None
    text: dict[str, str] = field(default_factory=dict)
    encoding: dict = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """The suffix under which `write_picture` gives the same format back, or else `.png`."""
        return {"JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif"}.get(self.format, ".png")
