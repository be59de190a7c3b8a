"""Pictures in: whatever a camera, a phone or a scanner writes, as upright 8-bit RGB.

What a network has no use for but the owner wants back (alpha, colour profile, EXIF, resolution,
being grey) is kept apart in the `Picture` and returned by `istrc.photo.write.write_picture`.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from istrc.errors import InputError, reason
from istrc.photo import exif as exif_data
from istrc.photo import text as text_of
from istrc.photo.colours import is_grey, profile_of
from istrc.photo.damage import damage
from istrc.photo.header import add_info, bits
from istrc.photo.modes import channels, check_kind
from istrc.photo.picture import Picture
from istrc.photo.plugins import decoders, is_heic, load_heif_plugin
from istrc.photo.xmp import is_readable, with_properties

SIDEWAYS = (5, 6, 7, 8)  # orientations (EXIF) in which rows are columns
BEHIND = "what lies behind the picture (motion, gain map, further views) is left out"
SMALLEST_SIDE = 16  # pixels: under this no face can be seen
LARGEST_PICTURE = 100_000_000  # pixels: 300 MB once decoded
LARGEST_FILE = 400_000_000  # bytes: as many pixels that are not compressed, and what is beside them
TOO_LARGE = f"too large (over {LARGEST_PICTURE // 1_000_000} megapixels); scale it down"
_HEAD = 65_536  # bytes: what says a picture's colours stands before its pixels
# How decoders say that a file is good and they are not made for it
_UNREAD = re.compile(
    r"unsupported|unknown|unhandled|not support|cannot handle|not configured|not implemented"
    r"|unrecogni[sz]ed (?!data stream)|MAX_TEXT",
    re.IGNORECASE,
)


def read_picture(path: str | Path) -> Picture:
    """Decodes one file. Raises InputError, in one line, naming the file and the remedy."""
    path = Path(path)
    if os.path.isdir(path):
        raise InputError(f"{path}: a folder, not a picture; name a picture inside it")
    if not os.path.exists(path) and os.path.islink(path):
        raise InputError(f"{path}: a link to {os.path.realpath(path)}, which is not there")
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
        raise _refusal(path, error) from error


def open_header(file: BinaryIO, formats: list[str]) -> Image.Image:
    """A picture whose pixels are not decoded yet, by decoders of these formats alone.

    Raises DecompressionBombError, in the words of `TOO_LARGE`, and what Image.open raises.
    """
    try:
        image = Image.open(file, formats=formats)
    except Image.DecompressionBombError:  # Pillow has a limit of its own
        raise Image.DecompressionBombError(TOO_LARGE) from None
    if image.width * image.height > LARGEST_PICTURE:
        raise Image.DecompressionBombError(TOO_LARGE)
    return image


def _decode(path: Path, file: BinaryIO) -> Picture:
    head = file.read(_HEAD)
    if not head:
        raise InputError(f"{path}: empty (0 bytes); get the original file again")
    formats = [load_heif_plugin(path)] if is_heic(head[:32]) else decoders()
    file.seek(0)
    try:
        image = open_header(file, formats)
    except UnidentifiedImageError:
        raise _unidentified(path, file, formats) from None
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: {error}") from None
    width, height = image.size
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
    if (depth := bits(image, head)) > 8:
        notes.append(f"{depth} bits a channel reduced to 8")
    if image.mode == "CMYK":
        notes.append("inks (CMYK) turned into RGB")
    check_kind(image)
    dpi, encoding = _resolution(image), _encoding(image)
    turned = getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation)  # a TIFF forgets it below
    # Before all that Pillow reads on demand (a PNG's EXIF), which would load it and hide an error
    with _telling(image.format == "TIFF"):
        image.load()
    if wrong := damage(image, file):
        raise OSError(wrong)
    add_info(image, file)
    exif, location, orientation = None, None, turned
    with _noting(notes, "damaged EXIF data left out"):
        orientation = turned or image.getexif().get(ExifTags.Base.Orientation)
        if orientation in SIDEWAYS:
            encoding = _turned(encoding)
        ImageOps.exif_transpose(image, in_place=True)
        exif = exif_data.to_keep(image)
        location = dict(image.getexif().get_ifd(ExifTags.IFD.GPSInfo)) or None
    if dpi and orientation in SIDEWAYS:
        dpi = dpi[::-1]
    text: dict[str, str] = {}
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")  # the latter in old PNGs
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    if xmp and not is_readable(xmp):
        notes.append("damaged or overlong XMP left out")
        xmp = None
    with _noting(notes, "damaged IPTC data or text left out"):
        text = text_of.text(image)
        xmp = with_properties(xmp, text_of.iim(image))
    if _has_more(image, xmp):
        notes.append(BEHIND)
    icc = None
    with _noting(notes, "what it says of its colours is damaged, and left out"):
        icc, note = profile_of(image, head)
        notes += [note] if note else []
    grey = is_grey(image)
    pixels, alpha = channels(path, image)
    return Picture(pixels, alpha, kind, grey, icc, exif, dpi, notes, location, xmp, text, encoding)


@contextlib.contextmanager
def _telling(wanted: bool) -> Iterator[None]:
    """What libtiff writes to standard error joins the error that it is about, and shows nowhere."""
    if not wanted:
        yield
        return
    with tempfile.TemporaryFile() as said, contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # there may be none
            sys.stderr.flush()
            kept = os.dup(2)
            stack.callback(os.close, kept)
            os.dup2(said.fileno(), 2)
            stack.callback(os.dup2, kept, 2)
        try:
            yield
        except Exception as error:
            said.seek(0)
            lines = said.read().decode(errors="replace").split("\n")
            if told := lines[0].partition(": ")[2]:  # after the name of a temporary file
                raise OSError(told) from error
            raise


def _refusal(path: Path, error: Exception) -> InputError:
    """Damage, or a file of a kind that no decoder here is made for: the remedies differ."""
    said = reason(error)
    if _UNREAD.search(said) or isinstance(error, NotImplementedError):
        return InputError(f"{path}: of a kind that is not read ({said}); convert it to PNG or JPEG")
    return InputError(f"{path}: truncated or damaged ({said}); get the original file again")


def _unidentified(path: Path, file: BinaryIO, formats: list[str]) -> InputError:
    """Pillow does not say why it read no header; the decoder that took the file for its own can."""
    file.seek(0)
    head = file.read(32)
    for name in formats:
        opener, accepts = Image.OPEN[name]
        if accepts and not accepts(head):
            continue
        try:
            file.seek(0)
            opener(file, str(path))
        except Exception as error:
            said = reason(error)
            if isinstance(error.__cause__ or error.__context__, KeyError):
                said = f"unknown to {name}: {said}"
            if "broken" in said or _UNREAD.search(said):
                return _refusal(path, OSError(said))
            return InputError(
                f"{path}: damaged, or of a kind that is not read ({said}); get the original file "
                "again, or convert it to PNG or JPEG"
            )
    return InputError(
        f"{path}: not a picture, or of a kind that is not read; convert it to PNG or JPEG"
    )


@contextlib.contextmanager
def _noting(notes: list[str], damage: str) -> Iterator[None]:
    """The pixels are good: what is damaged beside them is no reason to refuse them."""
    try:
        yield
    except Exception:
        notes.append(damage)


def _resolution(image: Image.Image) -> tuple[float, float] | None:
    try:
        found: Any = image.info.get("dpi")
        if found is None and image.format == "WEBP":  # Pillow looks for it in a JPEG's EXIF alone
            tags = image.getexif()
            found = tags[ExifTags.Base.XResolution], tags[ExifTags.Base.YResolution]
        across, down = (float(value) for value in found)
    except Exception:  # as of EXIF
        return None
    # Pillow says 1 for a TIFF that does not say.
    return (across, down) if 1 < across < 1e5 and 1 < down < 1e5 else None


def _has_more(image: Image.Image, xmp: bytes | None) -> bool:
    """Whether a photograph's file has more than it, other than previews of it."""
    if any(mark in (xmp or b"") for mark in (b"MotionPhoto=", b"MicroVideo=", b"hdrgm:Version")):
        return True
    views = getattr(image, "mpinfo", {}).get(0xB002, [])[1:]  # CIPA DC-007: entries
    return any("Large Thumbnail" not in view["Attribute"]["MPType"] for view in views)


def _encoding(image: Image.Image) -> dict:
    """How a JPEG's pixels were encoded, where another can be encoded likewise: its tables of
    quantisation, and over how many pixels colours are shared.
    """
    tables = getattr(image, "quantization", None)
    if not tables or image.mode not in ("L", "RGB") or max(map(max, tables.values())) > 255:
        return {}
    from PIL.JpegImagePlugin import get_sampling

    shared = get_sampling(image) if image.mode == "RGB" else -1
    told: dict[str, Any] = {"qtables": [list(table) for _, table in sorted(tables.items())]}
    if shared >= 0:
        told["subsampling"] = shared
    if image.info.get("progressive"):
        told["progressive"] = True
    return told


def _turned(encoding: dict) -> dict:
    """Of a picture whose rows became its columns."""
    if not encoding or encoding.get("subsampling") == 1:  # 4:2:2 shares colours in rows alone
        return {}
    tables = [[table[8 * (k % 8) + k // 8] for k in range(64)] for table in encoding["qtables"]]
    return encoding | {"qtables": tables}
