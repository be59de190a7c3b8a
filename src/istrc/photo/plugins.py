"""The parts of Pillow that run: decoders of few formats, and a plug-in for HEIC if there is one."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path

from istrc.errors import InputError
from istrc.runtime import needed

# The only decoders that run, and their modules in Pillow. Of the others some start programs
# (EPS), most are hardly ever tried, and loading them all takes longer than reading a picture.
_DECODERS = {
    "JPEG": "Jpeg",
    "PNG": "Png",
    "WEBP": "WebP",
    "TIFF": "Tiff",
    "BMP": "Bmp",
    "GIF": "Gif",
    "PPM": "Ppm",
    "JPEG2000": "Jpeg2K",
    "AVIF": "Avif",
}

# The formats that are written, by the endings of their names
WRITTEN = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg"), "JPEG"),
    ".png": "PNG",
    ".webp": "WEBP",
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def is_heic(head: bytes) -> bool:
    """Whether a file that begins so needs the plug-in for HEIC."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS and b"avif" not in head


def decoders() -> list[str]:
    """Load the decoders and encoders; the formats that are read here, by Pillow's names."""
    from PIL import Image  # not at the top: a command without pictures does not wait for it

    for module in _DECODERS.values():
        with contextlib.suppress(ImportError):  # an older Pillow has no AVIF
            importlib.import_module(f"PIL.{module}ImagePlugin")
    # Pillow refuses a picture for 1 MB of packed text or profile, which programs do write
    png = vars(importlib.import_module("PIL.PngImagePlugin"))
    png["MAX_TEXT_CHUNK"] = png["MAX_TEXT_MEMORY"]
    return [name for name in _DECODERS if name in Image.OPEN]


def load_heif_plugin(path: Path) -> str:
    """Load the plug-in for HEIC, and say the format's name; InputError, naming `path`, without."""
    without = f"{path}: HEIC needs a plug-in; `pip install pillow-heif`, or convert it to JPEG"
    with needed(without, InputError):
        import pillow_heif
    pillow_heif.register_heif_opener()
    return "HEIF"
