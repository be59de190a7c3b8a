"""How a picture says its colours: kept in every format, checked by littleCMS."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, features

from istrc.photo.colours import ADOBE, ADOBE_GAMMA, SRGB, profile
from istrc.photo.read import read_picture
from istrc.photo.write import write_picture

OUT = ["o.png", "o.jpg", "o.webp", "o.tif"]


def shown(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """The pixels as an sRGB screen shows them."""
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    image = Image.fromarray(pixels)
    return np.asarray(ImageCms.profileToProfile(image, source, target, outputMode="RGB")).astype(
        int
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(path, pixels, *chunks: bytes):
    Image.fromarray(pixels).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:33] + b"".join(chunks) + data[33:])
    return path


def gama(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(100_000 * value)))


def chrm(points) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(100_000 * v) for v in points)))


def to_srgb(pixels: np.ndarray, matrix: np.ndarray, gamma: float) -> np.ndarray:
    """By the formulas of IEC 61966-2-1, the slow way."""
    light = (pixels / 255.0) ** gamma @ matrix.T
    light = np.clip(light, 0, 1)
    low = light <= 0.0031308
    return np.where(low, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055) * 255


# Adobe RGB (1998) to linear sRGB, as published by Lindbloom (both of them D65)
ADOBE_TO_SRGB = np.array([[1.3984, -0.3984, 0], [0, 1, 0], [0, -0.0429, 1.0429]])


@pytest.mark.parametrize("out", OUT)
def test_linear_light_by_gama_alone(tmp_path, scene, out):
    path = png(tmp_path / "a.png", scene, gama(1.0))
    picture = read_picture(path)
    write_picture(picture, picture.pixels, tmp_path / out)
    again = read_picture(tmp_path / out)
    expected = to_srgb(scene, np.eye(3), 1.0)
    assert np.abs(shown(again.pixels, again.icc) - expected).max() <= (12 if out == "o.jpg" else 3)
    assert picture.notes == again.notes == []


def adobe_by_chunks(path, scene):
    return png(path.with_suffix(".png"), scene, gama(1 / ADOBE_GAMMA), chrm(ADOBE))


def adobe_by_index(path, scene):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update({0xA001: 65535, 0xA005: {1: "R03"}})
    Image.fromarray(scene).save(path, quality=100, subsampling=0, exif=exif.tobytes())
    return path


def adobe_by_number(path, scene):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[0xA001] = 2
    Image.fromarray(scene).save(path, quality=100, subsampling=0, exif=exif.tobytes())
    return path


@pytest.mark.parametrize("make", [adobe_by_chunks, adobe_by_index, adobe_by_number])
@pytest.mark.parametrize("out", OUT)
def test_adobe_rgb(tmp_path, scene, make, out):
    picture = read_picture(make(tmp_path / "a.jpg", scene))
    write_picture(picture, scene, tmp_path / out)
    again = read_picture(tmp_path / out)
    expected = to_srgb(scene, ADOBE_TO_SRGB, ADOBE_GAMMA)
    assert np.abs(shown(again.pixels, again.icc) - expected).max() <= (12 if out == "o.jpg" else 3)


@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".png"])
def test_primaries_by_tags(tmp_path, scene, suffix):
    path, exif = tmp_path / f"a{suffix}", Image.Exif()
    exif[ExifTags.Base.WhitePoint] = ADOBE[:2]
    exif[ExifTags.Base.PrimaryChromaticities] = ADOBE[2:]
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.Gamma] = ADOBE_GAMMA
    Image.fromarray(scene).save(path, exif=exif.tobytes(), quality=100)
    picture = read_picture(path)
    expected = to_srgb(picture.pixels, ADOBE_TO_SRGB, ADOBE_GAMMA)
    assert np.abs(shown(picture.pixels, picture.icc) - expected).max() <= 2
    details[ExifTags.Base.ColorSpace] = 1  # sRGB, and what cameras say beside it is of its own
    Image.fromarray(scene).save(path, exif=exif.tobytes())
    assert read_picture(path).icc is None
    exif[ExifTags.Base.PrimaryChromaticities] = SRGB[2:]
    del details[ExifTags.Base.ColorSpace], details[ExifTags.Base.Gamma]
    Image.fromarray(scene).save(path, exif=exif.tobytes())
    assert read_picture(path).icc is None


def test_what_means_srgb_needs_no_profile(tmp_path, scene):
    for chunks in (
        (),
        (chunk(b"sRGB", b"\0"), gama(0.45455)),
        (gama(0.45455), chrm(SRGB)),
        (chunk(b"cICP", bytes([1, 13, 0, 1])), gama(1.0)),
    ):
        assert read_picture(png(tmp_path / "a.png", scene, *chunks)).icc is None


def test_cicp_stands_above_the_other_chunks(tmp_path, scene):
    path = png(tmp_path / "a.png", scene, chunk(b"cICP", bytes([12, 13, 0, 1])), gama(1.0))
    seen = shown(np.full((16, 16, 3), (128, 128, 128), np.uint8), read_picture(path).icc)
    assert np.abs(seen - 128).max() <= 1  # grey in the curve of sRGB
    orange = np.full((16, 16, 3), (200, 120, 90), np.uint8)
    assert shown(orange, read_picture(path).icc)[0, 0, 0] > 208  # and wider colours


def test_high_dynamic_range_is_told(tmp_path, scene):
    picture = read_picture(png(tmp_path / "a.png", scene, chunk(b"cICP", bytes([9, 16, 0, 1]))))
    assert picture.icc is None and "transfer 16" in picture.notes[0]


def test_codes_in_an_avif(tmp_path, scene):
    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    Image.fromarray(scene).save(tmp_path / "a.avif")
    data = bytearray((tmp_path / "a.avif").read_bytes())
    at = data.index(b"colrnclx")
    assert read_picture(tmp_path / "a.avif").icc is None
    data[at + 8 : at + 12] = struct.pack(">HH", 12, 13)  # Display P3
    (tmp_path / "a.avif").write_bytes(data)
    assert read_picture(tmp_path / "a.avif").icc[16:20] == b"RGB "


def test_a_grey_picture_has_a_grey_profile(tmp_path, scene):
    picture = read_picture(png(tmp_path / "a.png", scene[..., 0].copy(), gama(1.0)))
    assert picture.grey and picture.icc[16:20] == b"GRAY"
    for out in ("o.png", "o.jpg", "o.tif"):
        write_picture(picture, picture.pixels, tmp_path / out)
        assert read_picture(tmp_path / out).icc == picture.icc


@pytest.mark.parametrize("chunks", [(gama(0.0),), (gama(20.0),), (chrm([0.0] * 8),)])
def test_nonsense_is_left_out(tmp_path, scene, chunks):
    picture = read_picture(png(tmp_path / "a.png", scene, *chunks))
    assert picture.icc is None and np.array_equal(picture.pixels, scene)


def test_a_profile_of_the_file_stays(tmp_path, scene):
    icc = profile(ADOBE, 1.8)
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[0xA001] = 2
    Image.fromarray(scene).save(path, icc_profile=icc, exif=exif.tobytes())
    assert read_picture(path).icc == icc
