"""What a picture's file says of it that Pillow does not hand on: how deep its channels are; the
colour profile of JPEG 2000 and BMP; EXIF and XMP of JPEG 2000, and what ImageMagick made of them in
a PNG.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from PIL import Image, TiffImagePlugin

_LARGEST = 64_000_000  # bytes of a box: more are no words and no profile
_WORDS = {  # by the UUID of a box (ISO/IEC 16684-1, 5.2; and the one that Adobe gave EXIF)
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "xmp",
    b"JpgTiffExif->JP2": "exif",
}
XMP = b"http://ns.adobe.com/xap/1.0/\0"  # how XMP begins in a JPEG's segment
_BY_PROFILE = 2  # the method of a box of colours (ISO/IEC 15444-1, I.5.3.3)
_V5, _EMBEDDED = 124, b"DEBM"  # BITMAPV5HEADER: its length, and its word for a profile


def bits(image: Image.Image, head: bytes) -> int:
    """Bits a channel of an opened picture's file; 8 where nothing says more.

    head: the beginning of the file.
    """
    with contextlib.suppress(IndexError, TypeError, ValueError):  # damage is told by decoding
        if image.format == "TIFF":
            return max(getattr(image, "tag_v2", {}).get(TiffImagePlugin.BITSPERSAMPLE, (8,)))
        if image.format == "PNG":
            return head[24]
        if image.format == "PPM":
            raw: Any = image  # Pillow's stubs do not tell of tiles
            said = raw.tile[0][3]
            return 16 if "16" in str(said) else int(said[1]).bit_length()
        if image.format == "JPEG2000":
            at = head.find(b"ihdr")
            said = head[at + 14] if at >= 0 else head[42]  # else a codestream begins with its SIZ
            return 8 if said == 0xFF else (said & 0x7F) + 1  # FF: channels differ
        if image.format == "AVIF" and (at := head.find(b"av1C")) >= 0:
            return {0x40: 10, 0x60: 12}.get(head[at + 6] & 0x60, 8)  # high_bitdepth, twelve_bit
        if image.format == "HEIF":
            return int(image.info.get("bit_depth", 8))
    return 8


def add_info(image: Image.Image, file: BinaryIO) -> None:
    """Put into `image.info` what the file says, by the names under which Pillow has it of others.

    image: loaded.
    """
    with contextlib.suppress(struct.error, IndexError, ValueError):  # as of damaged EXIF
        if image.format == "PNG":
            if xmp := raw_profile(image, "xmp"):
                image.info.setdefault("xmp", xmp)
            segment = raw_profile(image, "APP1") or b""
            for name, begins, kept in (("exif", b"Exif\0\0", 0), ("xmp", XMP, len(XMP))):
                if segment.startswith(begins):
                    image.info.setdefault(name, segment[kept:])
        elif image.format == "JPEG2000":
            for name, data in _of_jpeg_2000(file):
                image.info.setdefault(name, data)
        elif image.format == "BMP":
            file.seek(14)
            header = file.read(_V5)
            if struct.unpack_from("<I", header)[0] >= _V5 and header[56:60] == _EMBEDDED:
                start, size = struct.unpack_from("<II", header, 112)
                file.seek(14 + start)
                image.info.setdefault("icc_profile", file.read(min(size, _LARGEST)))


def raw_profile(image: Any, name: str) -> bytes | None:
    """What ImageMagick and ExifTool write into a PNG as text: a name, a length, and hexadecimal
    digits; None where there is none. Raises ValueError where it is damaged.
    """
    said = (getattr(image, "text", None) or {}).get(f"Raw profile type {name}")
    return bytes.fromhex("".join(said.split()[2:])) if said else None


def _of_jpeg_2000(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    for kind, size in _boxes(file, 0, file.seek(0, 2)):
        if kind == b"uuid" and 16 < size <= _LARGEST and (name := _WORDS.get(file.read(16))):
            yield name, file.read(size - 16)
        elif kind == b"jp2h":
            start = file.tell()
            for inner, length in _boxes(file, start, start + size):
                if inner == b"colr" and 3 < length <= _LARGEST and file.read(3)[0] == _BY_PROFILE:
                    yield "icc_profile", file.read(length - 3)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int]]:
    """The boxes of a stretch (ISO/IEC 15444-1, I.4), each when the file stands at its content:
    their kinds, and the content's length.
    """
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        content = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", file.read(8))
            content += 8
        stop = start + size if size else end
        if not content <= stop <= end:
            return
        yield kind, stop - content
        start = stop
