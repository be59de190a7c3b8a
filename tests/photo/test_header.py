"""What Pillow does not hand on of a file: how deep its channels are, its profile, EXIF and XMP."""

import struct

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, features

from istrc.errors import InputError
from istrc.photo.header import bits
from istrc.photo.read import read_picture
from istrc.photo.write import write_picture

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Label="kept label"/></rdf:RDF></x:xmpmeta>'
)
XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def box(kind: bytes, data: bytes, *, long: bool = False) -> bytes:
    if long:
        return struct.pack(">I4sQ", 1, kind, 16 + len(data)) + data
    return struct.pack(">I4s", 8 + len(data), kind) + data


def jpeg_2000(path, scene, *, long: bool = False, after: bool = False):
    """A JP2 whose colours are said by a profile, with EXIF and XMP before or after the pixels."""
    Image.fromarray(scene).save(path, irreversible=False)
    data = path.read_bytes()
    at = data.index(b"jp2h") - 4
    end = at + int.from_bytes(data[at : at + 4], "big")
    head = data[at + 8 : end]
    colour = head.index(b"colr") - 4
    rest = head[colour + int.from_bytes(head[colour : colour + 4], "big") :]
    head = head[:colour] + box(b"colr", b"\2\0\0" + PROFILE) + rest
    exif = Image.Exif()
    exif[ExifTags.Base.Model], exif[ExifTags.Base.Orientation] = "a camera", 3
    words = box(b"uuid", XMP_BOX + XMP, long=long)
    words += box(b"uuid", b"JpgTiffExif->JP2" + exif.tobytes()[6:], long=long)
    # The last box's length may be 0: it goes to the end, and is the pixels' where nothing follows
    pixels = data[end:]
    pixels = box(b"jp2c", pixels[8:]) if after else b"\0\0\0\0" + pixels[4:]
    body = pixels + words if after else words + pixels
    path.write_bytes(data[:at] + box(b"jp2h", head) + body)
    return path


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_jpeg_2000_keeps_its_profile_and_its_words(tmp_path, scene, long, after):
    picture = read_picture(jpeg_2000(tmp_path / "a.jp2", scene, long=long, after=after))
    assert np.array_equal(picture.pixels, scene[::-1, ::-1])  # as its orientation asks
    assert picture.icc == PROFILE
    write_picture(picture, picture.pixels, tmp_path / "o.jpg")
    with Image.open(tmp_path / "o.jpg") as image:
        assert image.info["icc_profile"] == PROFILE
        assert image.getexif()[ExifTags.Base.Model] == "a camera"
        assert b"kept label" in image.info["xmp"]


def bitmap(path, scene, profile: bytes, kind: bytes = b"DEBM"):
    """A BMP of version 5, whose profile stands behind its pixels."""
    height, width = scene.shape[:2]
    rows = scene[..., ::-1].tobytes()  # of a multiple of 4 bytes each
    size = struct.pack("<Iii HHIIiiII", 124, width, -height, 1, 24, 0, 0, 0, 0, 0, 0)
    place = struct.pack("<IIII", 4, 124 + len(rows), len(profile), 0)
    head = size + bytes(16) + kind + bytes(36 + 12) + place
    whole = struct.pack("<2sIHHI", b"BM", 138 + len(rows) + len(profile), 0, 0, 138)
    path.write_bytes(whole + head + rows + profile)
    return path


def test_a_bitmap_keeps_its_profile(tmp_path, scene):
    picture = read_picture(bitmap(tmp_path / "a.bmp", scene, PROFILE))
    assert np.array_equal(picture.pixels, scene) and picture.icc == PROFILE
    assert read_picture(bitmap(tmp_path / "b.bmp", scene, PROFILE, b"BGRs")).icc is None


@pytest.mark.parametrize(("most", "depth"), [(65535, 16), (4095, 12), (1023, 10)])
def test_deep_pixmaps_are_scaled_and_said(tmp_path, scene, most, depth):
    values = np.rint(scene / 255 * most).astype(">u2")
    height, width = scene.shape[:2]
    (tmp_path / "a.ppm").write_bytes(b"P6 %d %d %d\n" % (width, height, most) + values.tobytes())
    picture = read_picture(tmp_path / "a.ppm")
    assert np.array_equal(picture.pixels, scene)
    assert picture.notes == [f"{depth} bits a channel reduced to 8"]


def test_deep_jpeg_2000_is_said_in_a_file_and_as_a_stream(tmp_path, ramp):
    image = Image.fromarray(ramp(65535, np.uint16))
    for name in ("a.jp2", "a.j2k"):
        image.save(tmp_path / name, irreversible=False)
        picture = read_picture(tmp_path / name)
        assert picture.notes == ["16 bits a channel reduced to 8"]
        assert np.abs(picture.pixels[..., 0].astype(int) - ramp(255, np.uint8)).max() <= 1


@pytest.mark.skipif(not features.check("avif"), reason="a Pillow without AVIF")
def test_deep_avif(tmp_path, scene):
    Image.fromarray(scene).save(tmp_path / "a.avif")
    data = bytearray((tmp_path / "a.avif").read_bytes())
    at = data.index(b"av1C") + 6
    with Image.open(tmp_path / "a.avif") as image:
        for flags, depth in ((0, 8), (0x40, 10), (0x60, 12)):
            data[at] = data[at] & ~0x60 | flags  # Pillow writes 8 bits alone
            assert bits(image, bytes(data)) == depth


def tiff(path, values: bytes, size, depth, channels, photometric, planes=1):
    """A TIFF that is not compressed, written by hand: Pillow writes few of its kinds."""
    width, height = size
    parts = [values] if planes == 1 else [values[k::channels] for k in range(channels)]
    if planes == 2 and depth == 16:
        parts = [np.frombuffer(values, "<u2")[k::channels].tobytes() for k in range(channels)]
    tags = {256: [width], 257: [height], 258: [depth] * channels, 259: [1], 262: [photometric]}
    tags |= {277: [channels], 278: [height], 284: [planes]}
    start = 8 + 6 + 12 * (len(tags) + 2)  # behind the directory: lists, then pixels
    lists, places = b"", start + 100
    tags[273] = [places + sum(map(len, parts[:k])) for k in range(len(parts))]
    tags[279] = [len(part) for part in parts]
    entries = b""
    for tag, said in sorted(tags.items()):
        packed = struct.pack(f"<{len(said)}I" if tag in (273, 279) else f"<{len(said)}H", *said)
        if len(packed) > 4:
            place, lists = struct.pack("<I", start + len(lists)), lists + packed
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, 4 if tag in (273, 279) else 3, len(said)) + place
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    path.write_bytes(head + lists.ljust(100, b"\0") + b"".join(parts))
    return path


def twelve(values) -> bytes:
    """Pairs of 12 bits in three bytes."""
    pairs = values.ravel().reshape(-1, 2).tolist()
    return b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in pairs)


def test_white_is_zero_in_8_and_in_16_bits(tmp_path, ramp):
    grey = ramp(255, np.uint8)
    size = grey.shape[::-1]
    for depth, values in ((8, 255 - grey), (16, 65535 - grey.astype("<u2") * 257)):
        path = tiff(tmp_path / f"{depth}.tif", values.tobytes(), size, depth, 1, 0)
        assert np.array_equal(read_picture(path).pixels[..., 1], grey)


def test_twelve_bits_are_not_a_sixteenth_as_bright(tmp_path, ramp):
    values = ramp(4095, np.uint16)
    path = tiff(tmp_path / "a.tif", twelve(values), values.shape[::-1], 12, 1, 1)
    picture = read_picture(path)
    assert np.array_equal(picture.pixels[..., 0], np.rint(values / 4095 * 255))
    assert picture.notes == ["12 bits a channel reduced to 8"]


def test_planes_of_8_bits_are_read_and_what_pillow_mixes_up_is_refused(tmp_path, scene):
    size = scene.shape[1::-1]
    path = tiff(tmp_path / "8.tif", scene.tobytes(), size, 8, 3, 2, planes=2)
    assert np.array_equal(read_picture(path).pixels, scene)
    deep = (scene.astype("<u2") * 257).tobytes()
    for path in (
        tiff(tmp_path / "16.tif", deep, size, 16, 3, 2, planes=2),
        tiff(tmp_path / "ycc.tif", scene.tobytes(), size, 8, 3, 6),
    ):
        with pytest.raises(InputError, match="of a kind that is not read .* not compressed"):
            read_picture(path)
