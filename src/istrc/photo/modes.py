"""Any of Pillow's modes as RGB of 8 bits a channel: grey, 16 bits, palettes, inks."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from istrc.errors import InputError


def is_sixteen(tile) -> bool:
    """Whether a part of a file is stored in 16 bits a channel; BGR;16 is 16 bits a pixel."""
    return ";16" in str(tile) and "BGR" not in str(tile)


def channels(path: Path, image: Image.Image):
    """RGB uint8 `(H, W, 3)` and alpha uint8 `(H, W)` or None, from any mode of Pillow's."""
    sixteen = image.mode.startswith("I;16")
    # Pillow reads 16-bit PGM, and before version 11.3 16-bit PNG, into 32-bit integers.
    sixteen |= image.mode == "I" and image.format in ("PNG", "PPM")
    if sixteen:
        values = np.asarray(image).astype(np.int32)  # (H, W), 0..65535
        grey = ((values + 128) // 257).astype(np.uint8)  # scaled and rounded: 65535 is 255
        clear = image.info.get("transparency")
        alpha = None if clear is None else np.where(values == clear, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2), alpha
    if image.mode in ("I", "F", "LAB"):
        raise InputError(
            f"{path}: its pixels ({image.mode}) have no agreed range; save it as 8-bit RGB"
        )
    if image.mode == "CMYK":
        return np.array(_from_cmyk(image)), None
    if image.has_transparency_data:
        rgba = np.array(image.convert("RGBA"))
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
    return np.array(image.convert("RGB")), None


def _from_cmyk(image: Image.Image) -> Image.Image:
    """Inks to sRGB, by the picture's own profile where it has a good one."""
    profile = image.info.get("icc_profile")
    if profile:
        from PIL import ImageCms  # a second library, that few pictures need

        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            made: Any = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            return made
        except (ImportError, OSError, ValueError, TypeError, ImageCms.PyCMSError):
            pass  # the profile is damaged, or not for CMYK
    return image.convert("RGB")
