"""EXIF: what of a photograph's goes into an edited one, and what must not.

Kept: whose it is and how it was taken. Left out: how the old file was laid out, its orientation
(applied), its thumbnail, which shows the picture before the edit, and, unless asked for, where it
was taken.
"""

from __future__ import annotations

from PIL import ExifTags, Image

# The tags of the first EXIF directory that describe the picture's owner and making. The others
# describe how the old file was laid out (a TIFF's strips, its size), or turn it (orientation),
# or are written apart (resolution, profile), or tell where it was taken (GPS).
_KEPT = {
    ExifTags.Base[name]
    for name in (
        "ImageDescription Make Model Software DateTime Artist HostComputer Rating Copyright XPTitle"
        " XPComment XPAuthor XPKeywords XPSubject"
    ).split()
}
_XMP = 700  # the tag of TIFF
# Of the details (exposure, lens, times...): the size, untrue once the picture is turned or
# cropped, and what points into the old file or may hold a preview of it.
_DETAILS_LEFT_OUT = {
    ExifTags.Base.ExifImageWidth,
    ExifTags.Base.ExifImageHeight,
    ExifTags.Base.ExifInteroperabilityOffset,
    ExifTags.Base.MakerNote,
}


def to_keep(image: Image.Image) -> bytes | None:
    """The EXIF of an opened picture that goes along with an edit of it; None for none."""
    # A new one, because Pillow's remembers directories (GPS) that were deleted from it. Its
    # thumbnail, which shows the picture before the edit, stays behind too.
    old, new = image.getexif(), Image.Exif()
    for tag in _KEPT & set(old):
        new[tag] = old[tag]
    details = {
        tag: value
        for tag, value in old.get_ifd(ExifTags.IFD.Exif).items()
        if tag not in _DETAILS_LEFT_OUT
    }
    if details:
        new.get_ifd(ExifTags.IFD.Exif).update(details)
    return new.tobytes() if details or len(new) else None


def with_more(
    exif: bytes | None,
    *,
    software: str | None = None,
    location: dict | None = None,
    xmp: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytes | None:
    """`exif` as `to_keep` made it, with the program that wrote the picture, and with a place.

    xmp: a packet, which in a TIFF is a tag among these. dpi: dots an inch, which a WebP has no
    other place for.
    """
    if software is None and not location and not xmp and not dpi:
        return exif
    whole = Image.Exif()
    if exif:
        whole.load(exif)
        # Pillow writes only the directories that were looked at
        whole.get_ifd(ExifTags.IFD.Exif)
    if software is not None:
        whole[ExifTags.Base.Software] = software
    if location:
        whole.get_ifd(ExifTags.IFD.GPSInfo).update(location)
    if xmp:
        whole[_XMP] = xmp
    if dpi:
        whole[ExifTags.Base.XResolution], whole[ExifTags.Base.YResolution] = dpi
        whole[ExifTags.Base.ResolutionUnit] = 2  # an inch
    return whole.tobytes()
