"""From an encoded picture to the square that is prepared."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from istrc.errors import InputError
from istrc.photo.plugins import decoders
from istrc.photo.read import open_header
from istrc.shape.crop import CROP, FRAME_SIZE

Box = tuple[int, int, int, int]  # left, top, right, bottom, pixels


def square(data: bytes, celeba: bool) -> tuple[Image.Image, Box]:
    """The encoded picture as a square RGB image, upright, at its own resolution; and where it lies.

    A picture of 178x218 is CelebA's aligned frame and gives the crop; a square one is taken whole;
    from any other the centre square is cut, or with `celeba` it is refused, because there a
    picture of another shape is a mistake. Raises InputError with a short reason.
    """
    image = _decode(data)
    if image.size == FRAME_SIZE:
        return image.crop(CROP), CROP
    width, height = image.size
    if width != height and celeba:
        raise InputError(f"{width}x{height} is neither the aligned 178x218 nor a square crop")
    # Pictures of faces that are not aligned would be aligned here, by photo.find_frame.
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    box = left, top, left + side, top + side
    return image.crop(box), box


def within(points: np.ndarray, box: Box) -> np.ndarray:
    """Points (..., 2), pixels of a picture, in [-1, 1] over a square of it."""
    left, top, right, _ = box
    corner = np.array([left, top], np.float32)
    return (points - corner) * np.float32(2 / (right - left)) - np.float32(1)


def resize(image: Image.Image, size: int) -> np.ndarray:
    """A square image at side `size` pixels: (S, S, 3) uint8."""
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _decode(data: bytes) -> Image.Image:
    if not data:
        raise InputError("empty: 0 bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one line a picture goes to the report instead
            image = open_header(io.BytesIO(data), decoders())
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
    except Exception as error:
        # Decoders of damaged bytes raise nearly anything (OSError, SyntaxError, struct.error...);
        # one bad picture must never end a run of 200,000.
        reason = str(error).strip().split("\n")[0]
        if "BytesIO" in reason:
            reason = "not a picture"
        raise InputError(reason or type(error).__name__) from None


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: 16 bits scaled to 8, what is transparent put on white."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image, np.float64) / 257).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
