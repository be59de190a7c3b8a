"""What the owner wrote into a picture outside of EXIF and XMP: PNG's text, comments, IPTC's IIM.

IIM becomes XMP, as the IPTC maps it (IPTC Photo Metadata Standard 2023.2, "IIM mapping"). Text
keeps its keyword in a PNG; in another format the keywords that XMP knows become XMP.
"""

from __future__ import annotations

from typing import Any

from PIL import Image

from istrc.photo.header import raw_profile

# IIM's datasets of record 2, and the properties of XMP that they became
_IIM = {
    5: "dc:title",
    10: "photoshop:Urgency",
    15: "photoshop:Category",
    20: "photoshop:SupplementalCategories",
    25: "dc:subject",
    40: "photoshop:Instructions",
    55: "photoshop:DateCreated",
    80: "dc:creator",
    85: "photoshop:AuthorsPosition",
    90: "photoshop:City",
    92: "Iptc4xmpCore:Location",
    95: "photoshop:State",
    100: "Iptc4xmpCore:CountryCode",
    101: "photoshop:Country",
    103: "photoshop:TransmissionReference",
    105: "photoshop:Headline",
    110: "photoshop:Credit",
    115: "photoshop:Source",
    116: "dc:rights",
    120: "dc:description",
    122: "photoshop:CaptionWriter",
}
_TEXT = {
    "Title": "dc:title",
    "Author": "dc:creator",
    "Description": "dc:description",
    "Copyright": "dc:rights",
}
_RESOURCE = b"8BIM\x04\x04\0\0"  # Photoshop's header of IIM, without a name
COMMENT = "Comment"  # PNG's keyword for what other formats have a place for
# What is written from elsewhere (XMP, the program), or tells of the old file: copies of its EXIF,
# with its place and its thumbnail, as ImageMagick leaves them
_LEFT_OUT = ("xml:com.adobe.xmp", "raw profile type", "exif:", "xmp:", "date:", "thumb::")


def iim(image: Any) -> dict[str, list[str]]:
    """A picture's IIM as properties of XMP, each with its values."""
    from PIL.IptcImagePlugin import getiptcinfo

    found = getiptcinfo(_as_jpeg(image) or image) or {}
    wide = found.get((1, 90)) == b"\x1b%G"  # ISO 2022's word for UTF-8
    properties: dict[str, list[str]] = {}
    for (record, dataset), values in found.items():
        if record == 2 and dataset in _IIM:
            values = values if isinstance(values, list) else [values]
            texts = [text for value in values if (text := _decoded(value, wide))]
            if dataset == 55:  # CCYYMMDD
                texts = [f"{d[:4]}-{d[4:6]}-{d[6:8]}" for d in texts if len(d) == 8]
            if texts:
                properties[_IIM[dataset]] = texts
    return properties


def _as_jpeg(image: Any) -> Any:
    """A JPEG without pixels that has the IIM of a PNG, where Pillow does not look for it; or None.

    It is written with Photoshop's header or without.
    """
    from PIL.JpegImagePlugin import JpegImageFile

    if not (data := raw_profile(image, "iptc")):
        return None
    if data.startswith(_RESOURCE):
        data = data[len(_RESOURCE) + 4 :]  # its length; what stands behind the record ends it
    jpeg = JpegImageFile.__new__(JpegImageFile)
    Image.Image.__init__(jpeg)
    jpeg.info["photoshop"] = {0x0404: data}
    return jpeg


def text(image: Image.Image) -> dict[str, str]:
    """A loaded picture's text by PNG's keywords; the comment of another format is one of them."""
    found = dict(getattr(image, "text", None) or {})
    comments = [data for name, data in getattr(image, "applist", ()) if name == "COM"]
    comment = image.info.get("comment")
    if comments := comments or ([comment] if comment else []):
        found[COMMENT] = "\n".join(
            one if isinstance(one, str) else _decoded(one) for one in comments
        )
    return {k: v for k, v in found.items() if v and not k.lower().startswith(_LEFT_OUT)}


def placeless(texts: dict[str, str]) -> dict[str, str]:
    """The text that does not say where the picture was taken."""
    return {
        k: v for k, v in texts.items() if "gps" not in k.lower() and "location" not in k.lower()
    }


def as_xmp(texts: dict[str, str]) -> dict[str, list[str]]:
    """Text as properties of XMP, as far as XMP knows its keywords."""
    return {_TEXT[keyword]: [str(said)] for keyword, said in texts.items() if keyword in _TEXT}


def lost(texts: dict[str, str], kind: str) -> list[str]:
    """The keywords of the text that a format, by Pillow's name, has no place for."""
    if kind == "PNG":
        return []
    return [k for k in texts if k not in _TEXT and not (kind == "JPEG" and k == COMMENT)]


def _decoded(value: bytes, wide: bool = False) -> str:
    try:  # most who write UTF-8 do not say so
        said = value.decode("utf-8")
    except UnicodeDecodeError:
        said = value.decode("utf-8" if wide else "latin-1", "replace")
    return said.strip("\0 \r\n\t")
