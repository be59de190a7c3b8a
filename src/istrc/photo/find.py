"""The faces of a photograph: where they are, or one line that says that there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from istrc.errors import InputError
from istrc.photo.align import Frame, aligned_frame, find_frame
from istrc.photo.detect import detect


def find_frames(
    pixels: np.ndarray, path: str | Path, aligner: Any, *, aligned: bool = False
) -> list[Frame]:
    """The frame of every face in pixels (H, W, 3) uint8, the largest first; never an empty list.

    Args:
        path: names the photograph in what is raised.
        aligned: the picture is in CelebA's aligned frame already; nothing is detected.

    Raises InputError when there is no face, or an aligned picture has another shape.
    """
    if aligned:
        height, width = pixels.shape[:2]
        try:
            return [aligned_frame(width, height)]
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    boxes = detect(pixels)
    if not boxes:
        raise InputError(
            f"{path}: no face found; use a photograph with a face seen from the front, or "
            "--aligned for a picture that is an aligned face already"
        )
    return [find_frame(pixels, box, aligner) for box in boxes]
