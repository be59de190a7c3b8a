"""docs/command-line.md, row by row: what a picture says beside its pixels, in every format."""

import re
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from istrc.photo.colours import ADOBE, SRGB
from istrc.photo.read import read_picture
from istrc.photo.write import not_kept, write_picture

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
SECTION = "## What goes along with a picture"
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "TIFF": ".tif"}
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" %s xmp:Label="kept label"/></rdf:RDF></x:xmpmeta>'
)
WAYS = ("kept", "as XMP", "as ICC", "said", "applied", "left out")


def section():
    """Of the page, what the ways mean and the table of them."""
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index(SECTION) :].partition("**Pixels.**")[0]


def rows():
    """The table of the page: {what: {format: way}}."""
    table = [line for line in section().splitlines() if line.startswith("|")]
    head = [cell.strip() for cell in table[0].strip("|").split("|")]
    found = {}
    for line in table[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        found[cells[0]] = dict(zip(head[1:5], cells[1:5], strict=True))
    return found


def exif(tag=None, value=None, directory=None):
    """EXIF with one more tag."""
    made = Image.Exif()
    made[ExifTags.Base.Model] = "a camera"
    if directory is not None:
        made.get_ifd(directory)[tag] = value
    elif tag is not None:
        made[tag] = value
    return made


def chunk(name, data):
    return name, data


def png(path, scene, *chunks, **options):
    """A PNG with chunks before its pixels."""
    info = PngInfo()
    for name, data in chunks:
        info.add(name, data)
    Image.fromarray(scene).save(path, pnginfo=info, **options)


def jpeg(path, scene, **options):
    Image.fromarray(scene).save(path, quality=95, **options)


def words(image):
    """XMP of a written file, as text."""
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if image.format == "TIFF":
        found = image.tag_v2.get(700, b"")
    return found.decode() if isinstance(found, bytes) else found


def big(*values, size=4):
    return b"".join(int(value).to_bytes(size, "big") for value in values)


GAMA = chunk(b"gAMA", big(100_000))
CHRM = chunk(b"cHRM", big(*(100_000 * v for v in SRGB)))
IIM = b"\x1c\x02\x69\x00\x0a" + b"a headline"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GPS = {2: (52.0, 30.0, 0.0), 1: "N"}


def _iim(path, scene):
    resource = b"8BIM\x04\x04\x00\x00" + big(len(IIM)) + IIM + b"\0" * (len(IIM) % 2)
    body = b"Photoshop 3.0\0" + resource
    jpeg(path, scene, extra=b"\xff\xed" + big(len(body) + 2, size=2) + body)


def _motion(path, scene):
    with_film = XMP % (
        b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1"'
    )
    jpeg(path, scene, xmp=with_film)
    path.write_bytes(path.read_bytes() + b"\0\0\0\x18ftypmp42" + b"\0" * 100)


def _thumbnail(path, scene):
    """With a second directory, which Pillow does not write: where the thumbnail is, how long."""
    small, block = BytesIO(), bytearray(exif().tobytes())
    Image.fromarray(scene).resize((16, 16)).save(small, "JPEG")
    tiff, order = block[6:], ">" if block[6:8] == b"MM" else "<"
    (entries,) = struct.unpack_from(order + "H", tiff, 8)
    struct.pack_into(order + "I", tiff, 10 + 12 * entries, len(tiff))
    tiff += struct.pack(order + "H", 2)
    tiff += struct.pack(order + "HHII", 0x201, 4, 1, len(tiff) + 28)
    tiff += struct.pack(order + "HHII", 0x202, 4, 1, len(small.getvalue())) + bytes(4)
    jpeg(path, scene, exif=bytes(block[:6] + tiff + small.getvalue()))


def _alpha(path, scene):
    image = Image.fromarray(scene)
    image.putalpha(Image.fromarray(np.full(scene.shape[:2], 90, np.uint8)))
    image.save(path)


# What a row's picture is, and how the way of its cell shows in a written file's image
MADE = {
    "ICC profile": (".png", lambda p, s: Image.fromarray(s).save(p, icc_profile=PROFILE)),
    "gAMA, cHRM (PNG)": (".png", lambda p, s: png(p, s, GAMA, CHRM)),
    "cICP (PNG, third edition)": (".png", lambda p, s: png(p, s, (b"cICP", bytes([12, 13, 0, 1])))),
    "Adobe RGB by EXIF (DCF)": (
        ".jpg",
        lambda p, s: jpeg(p, s, exif=_adobe()),
    ),
    "WhitePoint, PrimaryChromaticities (TIFF, EXIF)": (
        ".jpg",
        lambda p, s: jpeg(p, s, exif=_primaries()),
    ),
    "sRGB (PNG)": (".png", lambda p, s: png(p, s, (b"sRGB", b"\0"))),
    "EXIF: camera, times, owner": (".jpg", lambda p, s: jpeg(p, s, exif=exif())),
    "orientation": (".jpg", lambda p, s: jpeg(p, s, exif=exif(ExifTags.Base.Orientation, 6))),
    "place (GPS)": (".jpg", lambda p, s: jpeg(p, s, exif=_gps())),
    "thumbnail (EXIF)": (".jpg", _thumbnail),
    "maker's notes (EXIF)": (
        ".jpg",
        lambda p, s: jpeg(p, s, exif=exif(ExifTags.Base.MakerNote, b"secret", ExifTags.IFD.Exif)),
    ),
    "XMP, before or after the pixels": (".jpg", lambda p, s: jpeg(p, s, xmp=XMP % b"")),
    "XMP that is damaged or over 1 MB": (".jpg", lambda p, s: jpeg(p, s, xmp=b"<x:xmpmeta")),
    "IIM (IPTC)": (".jpg", _iim),
    "text: title, author, description, copyright (PNG)": (
        ".png",
        lambda p, s: _text(p, s, Title="a title"),
    ),
    "text by other keywords (PNG)": (".png", lambda p, s: _text(p, s, Warning="a warning")),
    "comment (JPEG)": (".jpg", lambda p, s: jpeg(p, s, comment=b"a comment")),
    "resolution": (".png", lambda p, s: Image.fromarray(s).save(p, dpi=(254, 254))),
    "alpha": (".png", _alpha),
    "grey": (".png", lambda p, s: Image.fromarray(s[..., 0]).save(p)),
    "inks (CMYK)": (
        ".jpg",
        lambda p, s: Image.fromarray(s).convert("CMYK").save(p, quality=95),
    ),
    "more than 8 bits a channel": (
        ".png",
        lambda p, s: Image.fromarray(s[..., 0].astype(np.uint16) * 257).save(p),
    ),
    "further frames or pages": (
        ".tif",
        lambda p, s: Image.fromarray(s).save(
            p, save_all=True, append_images=[Image.fromarray(s[::-1].copy())]
        ),
    ),
    "motion, gain map, further views (JPEG)": (".jpg", _motion),
}


def _adobe():
    made = exif()
    made.get_ifd(ExifTags.IFD.Exif).update({0xA001: 0xFFFF, 0xA005: {1: "R03"}})
    return made.tobytes()


def _primaries():
    made = exif()
    made[ExifTags.Base.WhitePoint] = ADOBE[:2]
    made[ExifTags.Base.PrimaryChromaticities] = ADOBE[2:]
    return made.tobytes()


def _gps():
    made = exif()
    made.get_ifd(ExifTags.IFD.GPSInfo).update(GPS)
    return made


def _text(path, scene, **text):
    info = PngInfo()
    for keyword, said in text.items():
        info.add_text(keyword, said)
    Image.fromarray(scene).save(path, pnginfo=info)


def _holds(what, image):
    """What a written file has of this row, as the page calls it; None for nothing."""
    found = image.getexif()
    details = found.get_ifd(ExifTags.IFD.Exif)
    icc, xmp = image.info.get("icc_profile"), words(image)
    if what == "ICC profile":
        return "kept" if icc == PROFILE else None
    if what.startswith(("gAMA", "cICP", "Adobe RGB", "WhitePoint")):
        return "as ICC" if icc and not {"gamma", "chromaticity"} & {*image.info} else None
    if what.startswith("sRGB"):
        return "kept" if icc or "srgb" in image.info else None
    if what.startswith("EXIF"):
        return "kept" if found.get(ExifTags.Base.Model) == "a camera" else None
    if what == "orientation":
        return "kept" if found.get(ExifTags.Base.Orientation, 1) != 1 else "applied"
    if what.startswith("place"):
        return "kept" if found.get_ifd(ExifTags.IFD.GPSInfo) else None
    if what.startswith("thumbnail"):
        return "kept" if found.get_ifd(ExifTags.IFD.IFD1) else None
    if what.startswith("maker"):
        return "kept" if ExifTags.Base.MakerNote in details else None
    if what.startswith("XMP"):
        return "kept" if "kept label" in xmp else None
    if what.startswith("IIM"):
        return "as XMP" if "a headline" in xmp else None
    if what.startswith(("text", "comment")):
        said = {**getattr(image, "text", {}), "C": image.info.get("comment", b"")}
        said = [v.decode() if isinstance(v, bytes) else v for v in said.values()]
        texts = ("a title", "a warning", "a comment")
        if any(text in value for value in said for text in texts):
            return "kept"
        return "as XMP" if any(text in xmp for text in texts) else None
    if what == "resolution":
        across = float(image.info.get("dpi", [found.get(ExifTags.Base.XResolution, 0)])[0])
        return "kept" if across == pytest.approx(254, abs=0.5) else None
    if what == "alpha":
        if image.mode == "RGBA":
            return "kept"
        return "applied" if np.asarray(image).min() > 100 else None  # on white
    if what == "grey":
        planes = np.asarray(image.convert("RGB"))
        equal = np.ptp(planes.astype(int), axis=2).max() <= 1
        return "kept" if image.mode == "L" else "applied" if equal else None
    return None


@pytest.mark.parametrize("name", SUFFIXES)
@pytest.mark.parametrize("what", MADE)
def test_the_page_says_what_becomes_of_it(tmp_path, scene, what, name):
    suffix, make = MADE[what]
    make(tmp_path / f"in{suffix}", scene)
    out = tmp_path / f"out{SUFFIXES[name]}"
    picture = read_picture(tmp_path / f"in{suffix}")
    write_picture(picture, picture.pixels, out, source_type="composite")
    with Image.open(out) as image:
        image.load()
        found = _holds(what, image)
        if what == "orientation":
            assert image.size == scene.shape[:2]
    told = " ".join([*picture.notes, not_kept(picture, out) or ""]).strip()
    assert (found or ("said" if told else "left out")) == rows()[what][name]
    if found:
        assert not told


def test_every_row_has_its_test_and_every_cell_a_way():
    assert list(rows()) == list(MADE)
    for cells in rows().values():
        assert set(cells) == set(SUFFIXES) and set(cells.values()) <= set(WAYS)
    told = set(re.findall(r"\*\*([a-zXMPIC ]+)\*\*", section()))
    assert set(WAYS) <= told


@pytest.mark.parametrize(
    ("mark", "more"),
    [
        (b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MicroVideo="1"', True),
        (b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"', True),
        (b'xmlns:c="http://example.org/" c:Other="1"', False),
    ],
)
def test_marks_of_what_is_left_behind_stay_behind_too(tmp_path, scene, mark, more):
    jpeg(tmp_path / "in.jpg", scene, xmp=XMP % mark)
    picture = read_picture(tmp_path / "in.jpg")
    assert bool(picture.notes) == more
    write_picture(picture, picture.pixels, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as image:
        found = words(image)
    assert "kept label" in found
    assert not any(word in found for word in ("MicroVideo", "hdrgm", "Other"))


def test_a_second_view_is_told_and_a_preview_is_not(tmp_path, scene):
    views = [Image.fromarray(scene), Image.fromarray(scene[::-1].copy())]
    views[0].save(tmp_path / "in.jpg", "MPO", save_all=True, append_images=views[1:])
    assert read_picture(tmp_path / "in.jpg").notes
    data = bytearray((tmp_path / "in.jpg").read_bytes())
    at = data.index(b"MPF\0") + 4
    order = ">" if data[at : at + 2] == b"MM" else "<"
    with Image.open(tmp_path / "in.jpg") as image:
        kinds = [view["Attribute"]["MPType"] for view in image.mpinfo[0xB002]]
    assert len(kinds) == 2
    (first,) = struct.unpack_from(order + "I", data, at + 4)
    for entry in range(struct.unpack_from(order + "H", data, at + first)[0]):
        tag, _, _, where = struct.unpack_from(order + "HHII", data, at + first + 2 + 12 * entry)
        if tag == 0xB002:  # entries of 16 bytes, each beginning with its attribute
            struct.pack_into(order + "I", data, at + where + 16, 0x010001)  # a VGA preview
    (tmp_path / "preview.jpg").write_bytes(data)
    assert not read_picture(tmp_path / "preview.jpg").notes


def test_what_is_too_long_for_a_jpeg_is_said_and_a_png_keeps_it(tmp_path, scene):
    long = exif(ExifTags.Base.ImageDescription, "d" * 70_000)
    label = b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="%s"' % (b"s" * 70_000)
    Image.fromarray(scene).save(tmp_path / "in.webp", exif=long.tobytes(), xmp=XMP % label)
    picture = read_picture(tmp_path / "in.webp")
    assert re.search(
        "JPEG has no place for its 70 KB of EXIF, 70 KB of XMP", not_kept(picture, "o.jpg")
    )
    assert not_kept(picture, "o.png") is None
    write_picture(picture, picture.pixels, tmp_path / "o.jpg")
    write_picture(picture, picture.pixels, tmp_path / "o.png")
    with Image.open(tmp_path / "o.png") as image:
        image.load()
        assert len(image.getexif()[ExifTags.Base.ImageDescription]) == 70_000
        assert "s" * 70_000 in words(image)


def test_the_place_goes_along_where_it_is_asked_for(tmp_path, scene):
    MADE["place (GPS)"][1](tmp_path / "in.jpg", scene)
    picture = read_picture(tmp_path / "in.jpg")
    for suffix in SUFFIXES.values():
        write_picture(picture, picture.pixels, tmp_path / f"o{suffix}", location=True)
        with Image.open(tmp_path / f"o{suffix}") as image:
            assert image.getexif().get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
