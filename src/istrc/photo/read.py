"""Pictures in: whatever a camera, a phone or a scanner writes, as upright 8-bit RGB.

What a network has no use for but the owner wants back (alpha, colour profile, EXIF, resolution,
being grey) is kept apart in the `Picture` and returned by `istrc.photo.write.write_picture`.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from pathlib import Path

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from istrc.errors import InputError, reason
from istrc.photo import exif as exif_data
from istrc.photo.modes import channels, is_sixteen
from istrc.photo.picture import Picture
from istrc.photo.plugins import load_heif_plugin, load_plugins

SMALLEST_SIDE = 16  # pixels: under this no face can be seen
LARGEST_PICTURE = 100_000_000  # pixels: 300 MB once decoded
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def read_picture(path: str | Path) -> Picture:
    """Decodes one file. Raises InputError, in one line, naming the file and the remedy."""
    path = Path(path)
    if os.path.isdir(path):
        raise InputError(f"{path}: a folder, not a picture; name a picture inside it")
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file; check the path")
    if not os.path.isfile(path):
        raise InputError(f"{path}: not a regular file; save the picture to a file first")
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # Pillow warns of large pictures and odd metadata: handled here, or harmless.
            warnings.simplefilter("ignore")
            return _decode(path, file)
    except (InputError, MemoryError):
        raise
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its rights") from None
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise InputError(
            f"{path}: truncated or damaged ({reason(error)}); get the original file again"
        ) from error


def _decode(path: Path, file) -> Picture:
    head = file.read(32)
    if not head:
        raise InputError(f"{path}: empty (0 bytes); get the original file again")
    formats = [name for name in load_plugins() if name in Image.OPEN]
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS and b"avif" not in head:
        formats = [load_heif_plugin(path)]
    file.seek(0)
    try:
        image = Image.open(file, formats=formats)
    except UnidentifiedImageError:
        raise InputError(
            f"{path}: not a picture that can be read, or damaged; convert it to JPEG or PNG"
        ) from None
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    width, height = image.size
    if width * height > LARGEST_PICTURE:
        raise _too_large(path)
    if min(width, height) < SMALLEST_SIDE:
        raise InputError(
            f"{path}: too small ({width}x{height}); give a picture of at least"
            f" {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels"
        )
    kind = "JPEG" if image.format == "MPO" else str(image.format)
    notes = []
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)  # MPO: a JPEG's preview
    if frames > 1:
        notes.append(f"{frames} frames or pages: only the first is used")
    if image.mode.startswith("I;16") or any(is_sixteen(tile) for tile in image.tile):
        notes.append("16 bits a channel reduced to 8")
    dpi = _resolution(image)
    icc = image.info.get("icc_profile")
    xmp = _xmp(image)
    orientation, exif, location = 1, None, None
    with contextlib.suppress(Exception):  # damaged EXIF is reported below
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if dpi and orientation in (5, 6, 7, 8):
        dpi = dpi[::-1]
    image.load()  # turns a TIFF already, and then takes the tag away
    try:
        ImageOps.exif_transpose(image, in_place=True)
        exif, location = exif_data.to_keep(image), exif_data.location_of(image)
    except Exception:  # the pixels are good: damaged EXIF is no reason to refuse them
        notes.append("damaged EXIF data left out")
    grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
    pixels, alpha = channels(path, image)
    if icc and icc[16:20] not in (b"RGB ", b"GRAY"):
        icc = None  # a CMYK profile does not hold for RGB
    return Picture(pixels, alpha, kind, grey, icc, exif, dpi, notes, location, xmp)


def _resolution(image: Image.Image) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    # Pillow says 1 for a TIFF that does not say.
    return (across, down) if 1 < across < 1e5 and 1 < down < 1e5 else None


def _xmp(image: Image.Image) -> bytes | None:
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")  # the latter in old PNGs
    return found.encode() if isinstance(found, str) else found


def _too_large(path: Path) -> InputError:
    megapixels = LARGEST_PICTURE // 1_000_000
    return InputError(f"{path}: too large (over {megapixels} megapixels); scale it down")
