"""Damage to a picture's pixels of which Pillow's decoders say nothing.

libjpeg goes on after data that make no sense, and only warns; Pillow does not hand the warnings on.
libtiff leaves off before the checksum of a deflated strip. WebP's and JPEG 2000's decoders take
nearly any bits for a picture, and their formats have nothing to hold them against.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, BinaryIO

from PIL import Image
from PIL import TiffImagePlugin as Tiff

# What libjpeg warns of that is about the coded pixels; of the rest (odd metadata) none is
_CODED = re.compile(
    r"bad (Huffman|arithmetic) code|premature end of data segment|found marker 0x\w+ instead of RST"
    r"|(?P<left>\d+) extraneous bytes before marker 0x(?P<marker>\w\w)"
)
_ALONE = {0x01, 0xD8, *range(0xD0, 0xD8)}  # markers without a length (T.81, B.1.1.3)
_NO_PIXELS = {*range(0xE0, 0xF0), 0xFE} - {0xEE}  # notes; not Adobe's, of colours
_SCAN, _END = 0xDA, 0xD9
_PADDING = 32  # bytes: what some cameras and programs leave at the end of a scan
_DEFLATE = (8, 32946)  # compressions (TIFF)


def damage(image: Image.Image, file: BinaryIO) -> str | None:
    """What is wrong with the pixels of a picture that Pillow decoded, in a few words, or None."""
    if image.format in ("JPEG", "MPO"):
        file.seek(0)
        return jpeg_damage(file.read())
    if image.format == "TIFF":
        return _tiff_damage(image, file)
    return None


def jpeg_damage(data: bytes) -> str | None:
    """Of a JPEG file: libjpeg's warning about its coded pixels, or None.

    Bytes that only fill up, and a few of any kind, before the end are no damage. Nothing is known
    of kinds that simplejpeg does not decode.
    """
    from simplejpeg import decode_jpeg  # a second library, that other formats do not need

    data, end = _pixels_alone(data)
    for colours in ("GRAY", "CMYK"):
        try:
            # An eighth of the size, and grey: what takes time beside the codes is left out
            decode_jpeg(data, colours, min_height=1, min_width=1, min_factor=8)
            return None
        except ValueError as error:
            if warning := _CODED.search(said := str(error)):
                break
    else:
        return None
    if warning["marker"] == f"{_END:x}":
        left = data[end - int(warning["left"]) : end]
        if len(left) <= _PADDING or len(set(left)) == 1:
            return None
    return said


def _pixels_alone(data: bytes) -> tuple[bytes, int]:
    """A JPEG without metadata, and without what stands between segments, of which libjpeg warns
    first; and where in it the first scan or the picture ends.
    """
    kept, at = [data[:2]], 2
    while at + 4 <= len(data):
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            break
        marker = data[at + 1]
        if marker in (0x00, 0xFF) or marker in _ALONE:
            at += 1
            continue
        if marker == _SCAN:  # from here on all is coded pixels, or is about them
            rest = data[at:]
            return b"".join(kept) + rest, sum(map(len, kept)) + max(0, rest.find(b"\xff\xd9"))
        size = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker not in _NO_PIXELS:
            kept.append(data[at : at + size])
        at += size
    return data, len(data)


def _tiff_damage(image: Any, file: BinaryIO) -> str | None:
    """Of a TIFF: a deflated strip or tile whose checksum is another."""
    tags = image.tag_v2
    if tags.get(Tiff.COMPRESSION) not in _DEFLATE:
        return None
    places = tags.get(Tiff.STRIPOFFSETS) or tags.get(Tiff.TILEOFFSETS) or ()
    sizes = tags.get(Tiff.STRIPBYTECOUNTS) or tags.get(Tiff.TILEBYTECOUNTS) or ()
    for place, size in zip(places, sizes, strict=False):
        file.seek(place)
        try:
            zlib.decompress(file.read(size))
        except zlib.error as error:
            if "incomplete" not in str(error):  # a writer that ends no stream
                return str(error)
    return None
