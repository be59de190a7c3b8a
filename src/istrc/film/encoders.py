"""What a film's frames are encoded with, by its container and their bits.

H.264 and VP9 play everywhere. Players that know more than 8 bits know them in HEVC, as cameras
write them, and in AV1.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

SMALL = 64  # pixels; libx265 writes beyond its memory in some films that are less wide


@dataclass(frozen=True)
class Encoder:
    """One of FFmpeg's encoders."""

    name: str  # as FFmpeg has it
    # The codec's name in .mp4 and .mov, where the usual one is not what players know
    tag: str | None = None
    fields: bool = False  # it can have interlaced frames

    def options(self, crf: int, mastering: Mastering | None) -> dict[str, str]:
        """Its settings for a quality; 0 is lossless."""
        if self.name == "libx264":  # whose crf 0 is lossless with 8 bits alone
            return {"preset": "medium", **({"crf": str(crf)} if crf else {"qp": "0"})}
        if self.name == "libvpx-vp9":
            quick = {"deadline": "good", "cpu-used": "4", "row-mt": "1"}
            return {"b:v": "0", "crf": str(crf), "lossless": str(int(crf == 0)), **quick}
        quality = ["lossless=1"] if crf == 0 else []
        said = mastering.settings(self.name) if mastering else []
        if self.name == "libx265":
            # Without frames that look ahead: of one or two it loses the time of such
            settings = ":".join(["log-level=none", "bframes=0", *quality, *said])
            return {"preset": "fast", "crf": str(crf), "x265-params": settings}
        os.environ.setdefault("SVT_LOG", "1")  # errors alone; there is no other way to tell it
        return {"preset": "8", "crf": str(crf), "svtav1-params": ":".join([*quality, *said])}


H264 = Encoder("libx264", fields=True)
HEVC = Encoder("libx265", tag="hvc1")  # Apple's players know no other
VP9 = Encoder("libvpx-vp9")
AV1 = Encoder("libsvtav1")


def encoder_for(container: str, bits: int, interlaced: bool, width: int) -> Encoder:
    """The encoder of frames for a container as FFmpeg names it."""
    if container == "webm":
        return VP9 if bits == 8 else AV1
    if bits == 8 or interlaced or container == "ipod" or width < SMALL:
        return H264  # has 10 bits too, which fewer players know; HEVC has no interlaced frames
    return HEVC


@dataclass(frozen=True)
class Mastering:
    """The screen that an HDR film was made on, and its brightest light: what it says of itself."""

    # x and y of the screen's red, green, blue and white; None where it does not say
    points: tuple[float, ...] | None = None
    range: tuple[float, float] | None = None  # its least and its most light, cd/m2
    # The brightest pixel and the brightest frame's mean, cd/m2
    light: tuple[int, int] | None = None

    @classmethod
    def of(cls, frame: Any) -> Mastering | None:
        """What a frame of PyAV says; None where that is nothing."""
        screen = frame.side_data.get("MASTERING_DISPLAY_METADATA")
        light = frame.side_data.get("CONTENT_LIGHT_LEVEL")
        points = span = most = None
        if screen is not None:  # FFmpeg's AVMasteringDisplayMetadata: ten fractions, two flags
            numbers = np.frombuffer(screen, np.int32)
            parts = numbers[:20:2] / np.maximum(numbers[1:20:2], 1)
            points = tuple(parts[:8].tolist()) if numbers[20] else None
            span = (float(parts[8]), float(parts[9])) if numbers[21] else None
        if light is not None:
            pair = np.frombuffer(light, np.uint32)[:2]
            most = (int(pair[0]), int(pair[1]))
        return cls(points, span, most) if points or span or most else None

    def settings(self, encoder: str) -> list[str]:
        """As an encoder is told: the whole screen or nothing of it; [] where it has no place."""
        said, hevc = [], encoder == HEVC.name
        if encoder not in (HEVC.name, AV1.name):
            return []
        if self.points and self.range:
            red, green, blue, white = (self.points[k : k + 2] for k in (0, 2, 4, 6))
            named = zip(("G", "B", "R", "WP"), (green, blue, red, white), strict=True)
            xy, cd = (50_000, 10_000) if hevc else (1, 1)  # HEVC's units (H.265, D.3.28)
            pairs = [(name, *(value * xy for value in pair)) for name, pair in named]
            pairs.append(("L", self.range[1] * cd, self.range[0] * cd))
            as_text = (lambda v: str(round(v))) if hevc else (lambda v: f"{v:.5f}")
            screen = "".join(f"{name}({as_text(a)},{as_text(b)})" for name, a, b in pairs)
            said.append(f"{'master-display' if hevc else 'mastering-display'}={screen}")
        if self.light:
            said.append(f"{'max-cll' if hevc else 'content-light'}={self.light[0]},{self.light[1]}")
        return said
