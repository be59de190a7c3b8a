"""Pictures out: pixels, with what the picture that they were made from had beside its own."""

from __future__ import annotations

import os
import struct
from functools import cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from istrc.errors import InputError, reason
from istrc.photo import exif as exif_data
from istrc.photo.header import XMP
from istrc.photo.picture import Picture
from istrc.photo.plugins import WRITTEN, decoders
from istrc.photo.text import COMMENT, as_xmp, lost, placeless
from istrc.photo.xmp import packet, with_properties
from istrc.whole import whole

_OPTIONS = {
    "JPEG": {"quality": 95, "subsampling": 0},  # 0 is 4:4:4: no colour is shared between pixels
    "PNG": {"compress_level": 3},  # a tenth more bytes than at 6, in under half the time
    # Without loss, as WebP's lossy mode always shares colour between pixels. Here quality is the
    # effort, and exact keeps colours where alpha is 0.
    "WEBP": {"lossless": True, "quality": 20, "exact": True},
    "TIFF": {},  # not compressed: Pillow cannot compress a TIFF that has EXIF details
}
_JPEG_EXIF_LIMIT = 65_533  # bytes: one JPEG segment
_JPEG_XMP_LIMIT = _JPEG_EXIF_LIMIT - len(XMP)  # bytes: the same, less the name it begins with


def write_picture(
    picture: Picture | None,
    pixels: np.ndarray,
    path: str | Path,
    *,
    source_type: str | None = None,
    location: bool = False,
) -> None:
    """Writes `pixels`, uint8 `(H, W, 3)` RGB, to `path` in the format of its suffix.

    picture: what the pixels were made from, or None. Its colour profile, EXIF, XMP, text and
    resolution go along, where it was taken only with `location`; a grey one stays grey; its alpha
    goes along if it has the size of `pixels` and the format has alpha; a JPEG shows it on white.
    source_type: how the pixels were made (istrc.photo.xmp), written down together with the
    program's name; None writes neither. A JPEG made from a JPEG of this size is encoded as that
    was, so that its blocks come out as they were wherever pixels are the same, to within rounding;
    another JPEG is written at quality 95, 4:4:4; the other formats without loss. The file appears
    whole or not at all. Raises InputError; OutOfSpace where the disk is full.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"pixels must be uint8 (H, W, 3), not {pixels.dtype} {pixels.shape}")
    path = Path(path)
    kind = output_format(path)
    if os.path.isdir(path):
        raise InputError(f"{path}: a folder; give the name of a file in it")
    picture = picture or Picture(pixels)
    image = _compose(picture, pixels, kind)
    options = dict(_OPTIONS[kind]) | _metadata(picture, kind, source_type, location)
    if kind == "JPEG" and picture.encoding and pixels.shape == picture.pixels.shape:
        del options["quality"]  # which would make other tables
        options |= picture.encoding
    if picture.icc and picture.icc[16:20] == (b"GRAY" if image.mode in ("L", "LA") else b"RGB "):
        options["icc_profile"] = picture.icc
    if picture.dpi:
        options["dpi"] = picture.dpi

    decoders()  # and the encoders with them
    try:
        os.stat(os.path.join(path.parent, "."))  # for `whole` would make it
        # open() gives the rights that the umask leaves; tempfile would give the owner's only.
        with whole(path) as partial, open(partial, "xb") as file:
            # By way of memory: Pillow's own writing to a file forgets why it failed
            image.save(encoded := BytesIO(), format=kind, **options)
            file.write(encoded.getbuffer())
    except FileNotFoundError:
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it") from None
    except (OSError, ValueError, RuntimeError, struct.error) as error:
        raise InputError(
            f"{path}: cannot be written as {kind} ({reason(error)}); choose another place or format"
        ) from error


def output_format(path: str | Path) -> str:
    """The format that `write_picture` gives a file of this name; InputError if there is none."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITTEN:
        what = f"cannot write {suffix!r} files" if suffix else "the name has no suffix"
        raise InputError(f"{path}: {what}; end the name in {', '.join(WRITTEN)}")
    return WRITTEN[suffix]


def not_kept(picture: Picture, path: str | Path) -> str | None:
    """What a file of this name has no place for, of all that goes along, in a line; None for
    nothing.
    """
    texts = placeless(picture.text)
    keywords = lost(texts, kind := output_format(path))
    gone = [f"text {', '.join(keywords)}"] if keywords else []
    if kind == "JPEG":  # one segment each
        xmp = packet(with_properties(picture.xmp, as_xmp(texts)))
        for name, data, most in (
            ("EXIF", picture.exif, _JPEG_EXIF_LIMIT),
            ("XMP", xmp, _JPEG_XMP_LIMIT),
        ):
            if data and len(data) > most:
                gone.append(f"{len(data) // 1000} KB of {name}")
    return f"{path}: {kind} has no place for its {', '.join(gone)}; a PNG has" if gone else None


def _compose(picture: Picture, pixels: np.ndarray, kind: str) -> Image.Image:
    """The image to be written, in the mode that comes nearest to the picture's."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    alpha = picture.alpha
    if alpha is not None and alpha.shape == pixels.shape[:2]:
        mask = Image.fromarray(alpha)
        if kind == "JPEG":
            image = Image.composite(image, Image.new("RGB", image.size, "white"), mask)
        else:
            image.putalpha(mask)
    if picture.grey and kind != "WEBP":  # WebP has no grey
        image = image.convert("LA" if image.mode == "RGBA" else "L")
    return image


@cache
def _program() -> str:
    """Our name and version. Asked once: reading the package's metadata takes milliseconds."""
    return f"istrc {version('istrc')}"


def _metadata(picture: Picture, kind: str, source_type: str | None, location: bool) -> dict:
    """The options of Pillow's writers for what goes along as text: EXIF, XMP, keywords."""
    software = _program() if source_type is not None else None
    options: dict = {}
    text = picture.text if location else placeless(picture.text)
    xmp = picture.xmp if kind == "PNG" else with_properties(picture.xmp, as_xmp(text))
    xmp_packet = packet(xmp, source_type=source_type, location=location)
    more: dict[str, Any] = dict(software=software, location=picture.location if location else None)
    if kind == "TIFF":
        more["xmp"], xmp_packet = xmp_packet, None
    if kind == "WEBP":
        more["dpi"] = picture.dpi
    exif = exif_data.with_more(picture.exif, **more)
    if kind == "JPEG":  # one segment each
        if exif and len(exif) > _JPEG_EXIF_LIMIT:
            exif = exif_data.with_more(None, **more)
        if xmp_packet and len(xmp_packet) > _JPEG_XMP_LIMIT:
            xmp_packet = packet(None, source_type=source_type)
    if exif:
        options["exif"] = exif
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo  # a decoder, and slow to load

        chunks = PngInfo()
        for keyword, said in (text | ({"Software": software} if software else {})).items():
            chunks.add_text(keyword, said)
        if xmp_packet:
            chunks.add_itxt("XML:com.adobe.xmp", xmp_packet.decode())
        options["pnginfo"] = chunks
    elif kind == "JPEG" and xmp_packet:
        # Not `xmp`, which only newer Pillows know
        size = struct.pack(">H", 2 + len(XMP) + len(xmp_packet))
        options["extra"] = b"\xff\xe1" + size + XMP + xmp_packet
    elif xmp_packet:
        options["xmp"] = xmp_packet
    if kind == "JPEG" and (comment := text.get(COMMENT)):
        options["comment"] = comment.encode()[:_JPEG_EXIF_LIMIT]
    return options
