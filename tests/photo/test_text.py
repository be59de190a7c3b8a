"""What the owner wrote outside of EXIF and XMP goes along, whatever the format."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from istrc.photo import xmp
from istrc.photo.read import read_picture
from istrc.photo.write import not_kept, write_picture

OUT = ["o.png", "o.jpg", "o.webp", "o.tif"]
WORDS = {"Title": "My title", "Author": "Ännä 日本", "Copyright": "(c) 2024", "parameters": "a\nb"}


def png(path, scene, words, after=()):
    info = PngInfo()
    for keyword, said in words.items():
        info.add_text(keyword, said)
    Image.fromarray(scene).save(path, pnginfo=info)
    data = path.read_bytes()
    end = data.rindex(b"IEND") - 4
    path.write_bytes(data[:end] + b"".join(after) + data[end:])
    return path


def moved_behind_the_pixels(path):
    """The same PNG, its text after its pixels."""
    data = path.read_bytes()
    chunks, at = [], 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append(data[at : at + 12 + length])
        at += 12 + length
    order = {b"IHDR": 0, b"IDAT": 1, b"IEND": 3}
    chunks.sort(key=lambda c: order.get(c[4:8], 2))
    path.write_bytes(data[:8] + b"".join(chunks))


@pytest.mark.parametrize("after", [False, True])
def test_text_of_a_png_stays_text(tmp_path, scene, after):
    path = png(tmp_path / "a.png", scene, WORDS)
    if after:
        moved_behind_the_pixels(path)
    picture = read_picture(path)
    write_picture(picture, picture.pixels, tmp_path / "o.png", source_type=xmp.COMPOSITE)
    with Image.open(tmp_path / "o.png") as again:
        again.load()
        assert {k: again.text[k] for k in WORDS} == WORDS
        assert again.text["Software"].startswith("istrc ")
    assert not_kept(picture, "o.png") is None


@pytest.mark.parametrize("out", ["o.jpg", "o.webp", "o.tif"])
def test_text_of_a_png_becomes_xmp_elsewhere_and_the_rest_is_said(tmp_path, scene, out):
    picture = read_picture(png(tmp_path / "a.png", scene, WORDS))
    write_picture(picture, picture.pixels, tmp_path / out)
    packet = read_picture(tmp_path / out).xmp.decode()
    for word in ("My title", "Ännä 日本", "(c) 2024", "dc:title", "dc:creator", "dc:rights"):
        assert word in packet
    assert "text parameters" in not_kept(picture, out)


@pytest.mark.parametrize("out", OUT)
def test_xmp_after_the_pixels(tmp_path, scene, out):
    path = tmp_path / "a.png"
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.with_properties(None, {"dc:creator": ["Me"]}).decode())
    Image.fromarray(scene).save(path, pnginfo=info)
    moved_behind_the_pixels(path)
    picture = read_picture(path)
    write_picture(picture, picture.pixels, tmp_path / out)
    assert b"Me</rdf:li>" in read_picture(tmp_path / out).xmp


@pytest.mark.parametrize("out", ["o.jpg", "o.png"])
@pytest.mark.parametrize("name", ["a.jpg", "a.gif", "a.jp2"])
def test_a_comment(tmp_path, scene, name, out):
    Image.fromarray(scene).save(tmp_path / name, comment="wörds".encode())
    picture = read_picture(tmp_path / name)
    assert picture.text == {"Comment": "wörds"}
    write_picture(picture, picture.pixels, tmp_path / out)
    assert read_picture(tmp_path / out).text == picture.text
    assert "Comment" in not_kept(picture, "o.webp")


def test_copies_of_the_old_file_s_exif_and_places_stay_behind(tmp_path, scene):
    words = {
        "Raw profile type exif": "\nexif\n 4\n00000000\n",
        "exif:GPSLatitude": "1",
        "GPSLatitude": "1",
        "Comment": "kept",
    }
    picture = read_picture(png(tmp_path / "a.png", scene, words))
    write_picture(picture, picture.pixels, tmp_path / "o.png")
    assert read_picture(tmp_path / "o.png").text == {"Comment": "kept"}
    write_picture(picture, picture.pixels, tmp_path / "o.png", location=True)
    assert read_picture(tmp_path / "o.png").text == {"Comment": "kept", "GPSLatitude": "1"}


def iim(*sets: tuple[int, int, bytes]) -> bytes:
    return b"".join(struct.pack(">BBBH", 0x1C, r, d, len(v)) + v for r, d, v in sets)


def with_iim(path, scene, record: bytes):
    buffer = io.BytesIO()
    Image.fromarray(scene).save(buffer, "JPEG", quality=95, subsampling=0)
    data = buffer.getvalue()
    record += bytes(len(record) % 2)
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record
    path.write_bytes(data[:2] + b"\xff\xed" + struct.pack(">H", 2 + len(block)) + block + data[2:])
    return path


@pytest.mark.parametrize("out", OUT)
def test_iim_becomes_xmp(tmp_path, scene, out):
    sets = [(2, 5, b"Title"), (2, 80, b"Me"), (2, 25, b"one"), (2, 25, b"two"), (2, 90, b"Rome")]
    sets += [(2, 55, b"20240203"), (2, 116, "© 2024".encode("latin-1"))]
    picture = read_picture(with_iim(tmp_path / "a.jpg", scene, iim(*sets)))
    write_picture(picture, picture.pixels, tmp_path / out)
    packet = read_picture(tmp_path / out).xmp.decode()
    for word in ("Title", "Me", "one", "two", "2024-02-03", "© 2024", "dc:subject"):
        assert word in packet
    assert "Rome" not in packet  # a place
    write_picture(picture, picture.pixels, tmp_path / out, location=True)
    assert "Rome" in read_picture(tmp_path / out).xmp.decode()


def test_iim_in_utf8_in_a_tiff(tmp_path, scene):
    record = iim((1, 90, b"\x1b%G"), (2, 80, "日本".encode()))
    Image.fromarray(scene).save(tmp_path / "a.tif", tiffinfo={33723: record})
    assert "日本" in read_picture(tmp_path / "a.tif").xmp.decode()


@pytest.mark.parametrize("head", [b"", b"8BIM\x04\x04\0\0"])
def test_iim_in_a_png(tmp_path, scene, head):
    """As ImageMagick and ExifTool write it."""
    record = iim((2, 105, b"a headline"), (2, 25, b"one"), (2, 25, b"two"))
    data = head + (struct.pack(">I", len(record)) + record if head else record)
    lines = [data.hex()[start : start + 72] for start in range(0, 2 * len(data), 72)]
    profile = "\niptc\n" + f"{len(data):8d}\n" + "\n".join(lines) + "\n"
    picture = read_picture(png(tmp_path / "a.png", scene, {"Raw profile type iptc": profile}))
    assert picture.notes == [] and picture.text == {}
    for word in ("a headline", "one", "two"):
        assert word in picture.xmp.decode()
    bad = read_picture(png(tmp_path / "b.png", scene, {"Raw profile type iptc": "\niptc\n 9\nxyz"}))
    assert bad.notes == ["damaged IPTC data or text left out"]
    assert np.array_equal(bad.pixels, scene)


def test_what_xmp_says_stands_above_iim():
    given = xmp.with_properties(None, {"dc:creator": ["XMP"]})
    both = xmp.with_properties(given, {"dc:creator": ["IIM"], "dc:title": ["a\0b"]}).decode()
    assert "XMP" in both and "IIM" not in both and "ab" in both


@pytest.mark.parametrize("record", [b"\x1c", b"\x1c\x02\x05\xff\xff", b"nonsense", bytes(9)])
def test_damaged_iim_is_no_reason_to_refuse_the_pixels(tmp_path, scene, record):
    picture = read_picture(with_iim(tmp_path / "a.jpg", scene, record))
    assert np.abs(picture.pixels.astype(int) - scene).max() < 30


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", [b"zTXt", b"iTXt"])
def test_packed_text_of_some_megabytes_is_no_damage(tmp_path, scene, name, after):
    said = "a workflow " * 200_000
    head = b"workflow\0" + (b"\0" if name == b"zTXt" else b"\1\0\0\0")
    data = head + zlib.compress(said.encode())
    chunk = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    Image.fromarray(scene).save(tmp_path / "a.png")
    png = (tmp_path / "a.png").read_bytes()
    at = len(png) - 12 if after else 33  # before IEND, or after IHDR
    (tmp_path / "a.png").write_bytes(png[:at] + chunk + png[at:])
    picture = read_picture(tmp_path / "a.png")
    assert np.array_equal(picture.pixels, scene) and picture.text == {"workflow": said}
    write_picture(picture, picture.pixels, tmp_path / "b.png")
    assert read_picture(tmp_path / "b.png").text["workflow"] == said


def raw(name, data):
    """As ImageMagick writes it: a name, a length, and lines of hexadecimal digits."""
    digits = data.hex()
    lines = [digits[k : k + 72] for k in range(0, len(digits), 72)]
    return f"\n{name}\n{len(data):8d}\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("segment", [False, True])
def test_exif_and_xmp_as_text_of_a_png(tmp_path, scene, segment):
    said = xmp.with_properties(None, {"dc:title": ["My title"]})
    exif = Image.Exif()
    exif[272] = "a camera"
    written = {"xmp": said, "exif": exif.tobytes()}
    if segment:  # as older versions wrote either of them
        written = {"APP1": b"http://ns.adobe.com/xap/1.0/\0" + said}
    words = {f"Raw profile type {name}": raw(name, data) for name, data in written.items()}
    picture = read_picture(png(tmp_path / "a.png", scene, words))
    assert b"My title" in picture.xmp and not picture.text and not picture.notes
    if segment:
        words = {"Raw profile type APP1": raw("APP1", exif.tobytes())}
        picture = read_picture(png(tmp_path / "b.png", scene, words))
    assert b"a camera" in picture.exif
    words = {"Raw profile type APP1": raw("APP1", exif.tobytes())[:-3] + "x"}
    assert np.array_equal(read_picture(png(tmp_path / "c.png", scene, words)).pixels, scene)
