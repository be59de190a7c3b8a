"""Any of Pillow's modes as RGB of 8 bits a channel: grey, 16 bits, palettes, inks."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from istrc.errors import InputError

_WHITE_IS_ZERO, _YCBCR, _PLANES = 0, 6, 2  # a TIFF's photometric interpretations, and layout


def check_kind(image: Image.Image) -> None:
    """Raises NotImplementedError for an opened TIFF of which Pillow would make another picture."""
    tags = getattr(image, "tag_v2", {})
    if not tags or image.info.get("compression") != "raw":  # libtiff's, which are read well
        return
    if tags.get(TiffImagePlugin.PLANAR_CONFIGURATION) == _PLANES and _bits(tags) > 8:
        raise NotImplementedError(f"planes of {_bits(tags)} bits that are not compressed")
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _YCBCR:
        raise NotImplementedError("YCbCr that is not compressed")


def _bits(tags: Any) -> int:
    return max(tags.get(TiffImagePlugin.BITSPERSAMPLE, (16,)))


def channels(path: Path, image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """RGB uint8 `(H, W, 3)` and alpha uint8 `(H, W)` or None, from any mode of Pillow's."""
    sixteen = image.mode.startswith("I;16")
    # Pillow reads 16-bit PGM, and before version 11.3 16-bit PNG, into 32-bit integers.
    sixteen |= image.mode == "I" and image.format in ("PNG", "PPM")
    if sixteen:
        tags = getattr(image, "tag_v2", {})
        values = np.asarray(image).astype(np.int32)  # (H, W)
        most = (1 << _bits(tags)) - 1  # which is 255; a TIFF may have 12 bits
        if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO:
            values = most - values
        grey = ((255 * values + most // 2) // most).astype(np.uint8)  # scaled and rounded
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
            converted: Any = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            return converted
        except (ImportError, OSError, ValueError, TypeError, ImageCms.PyCMSError):
            pass  # the profile is damaged, or not for CMYK
    return image.convert("RGB")
