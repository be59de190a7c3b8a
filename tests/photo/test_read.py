"""Every kind of picture that comes in, made here with Pillow."""

import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from istrc.errors import InputError
from istrc.photo.inputs import find_inputs
from istrc.photo.plugins import _DECODERS, decoders
from istrc.photo.read import BEHIND, read_picture
from istrc.photo.write import write_picture

HEIGHT, WIDTH = 32, 48  # of the pictures in conftest.py


def refused(path, *words: str) -> str:
    """The message of the one-line InputError: it names the file, and says each of the words."""
    with warnings.catch_warnings(), pytest.raises(InputError) as error:
        warnings.simplefilter("error")  # a warning beside the error is noise on the terminal
        read_picture(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    for word in words:
        assert word in message
    return message


# --- good files ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.ppm", "a.gif"])
def test_plain_files_give_their_pixels(tmp_path, name, scene):
    Image.fromarray(scene).save(tmp_path / name)
    picture = read_picture(tmp_path / name)
    assert picture.pixels.dtype == np.uint8 and picture.pixels.flags.writeable
    assert np.array_equal(picture.pixels, scene)
    assert picture.alpha is None and picture.notes == [] and not picture.grey
    assert picture.suffix == {"a.tif": ".tif"}.get(name, ".png")


@pytest.mark.parametrize("name, limit", [("a.jpg", 4), ("a.webp", 120), ("a.jp2", 0)])
def test_compressed_files_come_close(tmp_path, name, limit, scene):
    Image.fromarray(scene).save(tmp_path / name, quality=95, subsampling=0)
    picture = read_picture(str(tmp_path / name))  # a string will do
    assert np.abs(picture.pixels.astype(int) - scene).max() <= limit


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """`pixels` as a camera stores them under this EXIF orientation (EXIF 2.3, 4.6.4)."""
    upright_to_stored = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: p.transpose(1, 0, 2)[::-1],  # the row 0 is the right-hand side
        7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda p: p.transpose(1, 0, 2)[:, ::-1],
    }
    return np.ascontiguousarray(upright_to_stored[orientation](pixels))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_exif_orientation_is_applied_once(tmp_path, orientation, suffix, scene):
    path, out = tmp_path / f"turned{suffix}", tmp_path / f"out{suffix}"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"lossless": True} if suffix == ".webp" else {"quality": 95, "subsampling": 0}
    stored = Image.fromarray(turned(scene, orientation))
    stored.save(path, exif=exif, dpi=(100, 200), **options)
    picture = read_picture(path)
    assert picture.pixels.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(picture.pixels.astype(int) - scene).max() <= (4 if suffix == ".jpg" else 0)
    if suffix != ".webp":
        assert picture.dpi == pytest.approx((100, 200) if orientation < 5 else (200, 100), abs=0.1)
    write_picture(picture, picture.pixels, out)
    with Image.open(out) as again:  # no viewer turns it a second time
        assert again.size == (WIDTH, HEIGHT) and again.getexif().get(274, 1) == 1
    again = read_picture(out).pixels.astype(int)
    assert np.abs(again - scene).max() <= (8 if suffix == ".jpg" else 0)


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path, ramp):
    values = ramp(65535, np.uint16)
    expected = np.array([[round(int(v) / 257) for v in row] for row in values])
    for name in ("grey16.png", "grey16.tif"):
        Image.fromarray(values).save(tmp_path / name)
        picture = read_picture(tmp_path / name)
        assert picture.grey and "16 bits" in picture.notes[0]
        for channel in range(3):
            assert np.array_equal(picture.pixels[..., channel], expected)
    with open(tmp_path / "grey16.pgm", "wb") as file:
        file.write(b"P5 %d %d 65535\n" % (WIDTH, HEIGHT) + values.astype(">u2").tobytes())
    assert np.array_equal(read_picture(tmp_path / "grey16.pgm").pixels[..., 0], expected)
    Image.fromarray(values).save(tmp_path / "clear16.png", transparency=int(values[3, 4]))
    alpha = read_picture(tmp_path / "clear16.png").alpha
    assert np.array_equal(alpha, np.where(values == values[3, 4], 0, 255))


def test_big_endian_sixteen_bits(tmp_path, ramp):
    values = ramp(65535, ">u2")
    Image.frombytes("I;16B", (WIDTH, HEIGHT), values.tobytes()).save(tmp_path / "big.tif")
    pixels = read_picture(tmp_path / "big.tif").pixels
    assert pixels[0, 0, 0] == 0 and pixels[-1, -1, 0] == 255
    assert (np.diff(pixels[..., 0].astype(int).ravel()) >= 0).all()


def test_palette(tmp_path, scene):
    Image.fromarray(scene).quantize(16).save(tmp_path / "p.png")
    assert Image.open(tmp_path / "p.png").mode == "P"
    picture = read_picture(tmp_path / "p.png")
    assert np.array_equal(picture.pixels, scene) and picture.alpha is None


def test_palette_with_transparency(tmp_path):
    indexed = Image.fromarray(np.repeat([[0, 1, 2]], 16, axis=1).repeat(16, axis=0).astype("uint8"))
    indexed.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    indexed.save(tmp_path / "one.png", transparency=1)  # one index is clear
    indexed.save(tmp_path / "each.png", transparency=bytes([255, 128, 0]))  # an alpha an index
    indexed.save(tmp_path / "one.gif", transparency=1)
    for name, alpha in (("one.png", (255, 0, 255)), ("each.png", (255, 128, 0))):
        picture = read_picture(tmp_path / name)
        assert picture.pixels[0, ::16].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
        assert picture.alpha[5, ::16].tolist() == list(alpha)
    picture = read_picture(tmp_path / "one.gif")
    assert picture.alpha[0, ::16].tolist() == [255, 0, 255]
    assert picture.pixels[0, 0].tolist() == [255, 0, 0]


def test_a_transparent_colour(tmp_path, scene):
    Image.fromarray(scene).save(tmp_path / "rgb.png", transparency=(200, 30, 40))
    picture = read_picture(tmp_path / "rgb.png")
    assert np.array_equal(picture.pixels, scene)
    assert (picture.alpha[:16, :24] == 0).all() and (picture.alpha[16:] == 255).all()


def test_rgba_and_la_keep_alpha_apart(tmp_path, noisy, ramp):
    alpha = ramp(255, np.uint8)
    rgba = np.dstack([noisy, alpha])
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    picture = read_picture(tmp_path / "rgba.png")
    assert np.array_equal(picture.pixels, noisy)  # under alpha 0 too
    assert np.array_equal(picture.alpha, alpha) and not picture.grey
    grey = noisy[..., 0]
    Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)]).save(tmp_path / "la.png")
    picture = read_picture(tmp_path / "la.png")
    assert np.array_equal(picture.pixels, np.dstack([grey] * 3)) and picture.grey
    assert np.array_equal(picture.alpha, alpha)


def test_one_bit_and_grey(tmp_path, ramp):
    black_white = ramp(255, np.uint8) > 127
    Image.fromarray(black_white).save(tmp_path / "one.png")
    assert Image.open(tmp_path / "one.png").mode == "1"
    picture = read_picture(tmp_path / "one.png")
    assert np.array_equal(picture.pixels[..., 1], np.where(black_white, 255, 0)) and picture.grey
    Image.fromarray(ramp(255, np.uint8)).save(tmp_path / "grey.tif")
    picture = read_picture(tmp_path / "grey.tif")
    assert np.array_equal(picture.pixels[..., 2], ramp(255, np.uint8)) and picture.grey


INKS = {  # cyan, magenta, yellow, black -> the RGB that is left
    (0, 0, 0, 0): (255, 255, 255),
    (255, 0, 0, 0): (0, 255, 255),
    (0, 255, 255, 0): (255, 0, 0),
    (0, 0, 0, 255): (0, 0, 0),
    (0, 100, 0, 0): (255, 155, 255),
}


@pytest.mark.parametrize("inks, rgb", INKS.items())
def test_cmyk(tmp_path, inks, rgb):
    image = Image.new("CMYK", (WIDTH, HEIGHT), inks)
    for name in ("cmyk.jpg", "cmyk.tif"):
        image.save(tmp_path / name)
        picture = read_picture(tmp_path / name)
        assert np.abs(picture.pixels.astype(int) - rgb).max() <= 3
        write_picture(picture, picture.pixels, tmp_path / f"out-{name}")
        assert Image.open(tmp_path / f"out-{name}").mode == "RGB"


def test_ycck_jpeg(tmp_path):
    # Pillow cannot write YCCK. So: the four planes that a YCCK file holds, written as CMYK, and
    # the Adobe marker's last byte changed from 0 (CMYK) to 2 (YCCK). Pillow stores 255 - value.
    inks = np.full((HEIGHT, WIDTH, 3), (30, 200, 90), np.uint8)
    ycc = np.asarray(Image.fromarray(inks).convert("YCbCr"))
    planes = np.dstack([255 - ycc, np.full((HEIGHT, WIDTH), 40, np.uint8)])
    Image.fromarray(planes, mode="CMYK").save(tmp_path / "k.jpg", quality=95)
    data = bytearray((tmp_path / "k.jpg").read_bytes())
    data[data.index(b"Adobe") + 11] = 2
    (tmp_path / "ycck.jpg").write_bytes(data)
    image = Image.open(tmp_path / "ycck.jpg")
    assert image.mode == "CMYK" and image.info["adobe_transform"] == 2
    assert np.abs(np.asarray(image)[5, 5].astype(int) - (30, 200, 90, 40)).max() <= 3
    expected = [(255 - ink) * (255 - 40) / 255 for ink in (30, 200, 90)]
    assert np.abs(read_picture(tmp_path / "ycck.jpg").pixels - expected).max() <= 4


def test_cmyk_with_a_profile_that_is_no_good(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (b"not a profile", srgb):
        image = Image.new("CMYK", (WIDTH, HEIGHT), (255, 0, 0, 0))
        image.save(tmp_path / "odd.tif", icc_profile=profile)
        assert read_picture(tmp_path / "odd.tif").pixels[0, 0].tolist() == [0, 255, 255]


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif"])
def test_of_an_animation_the_first_frame_is_used_and_noted(tmp_path, name, scene, noisy):
    frames = [Image.fromarray(scene), Image.fromarray(255 - scene), Image.fromarray(noisy)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
    picture = read_picture(tmp_path / name)
    assert np.array_equal(picture.pixels, scene)
    assert picture.notes == ["3 frames or pages: only the first is used"]


def test_a_phone_jpeg_with_a_second_picture_is_a_jpeg(tmp_path, scene, noisy):
    second = Image.fromarray(noisy)
    Image.fromarray(scene).save(tmp_path / "a.mpo", save_all=True, append_images=[second])
    (tmp_path / "a.mpo").rename(tmp_path / "phone.jpg")
    picture = read_picture(tmp_path / "phone.jpg")
    assert picture.format == "JPEG" and picture.suffix == ".jpg"
    assert picture.notes == [BEHIND]  # a preview would be no loss: see test_kept.py


def test_the_suffix_may_lie(tmp_path, scene):
    Image.fromarray(scene).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    picture = read_picture(tmp_path / "a.jpg")
    assert picture.format == "PNG" and np.array_equal(picture.pixels, scene)


def test_damaged_exif_does_not_cost_the_picture(tmp_path, scene):
    Image.fromarray(scene).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\0")
    assert np.array_equal(read_picture(tmp_path / "a.png").pixels, scene)


def test_real_photographs(shared_dir):
    photos = shared_dir / "photos"
    if not photos.is_dir():
        pytest.skip("no photographs beside this checkout")
    for path in find_inputs(photos):
        picture = read_picture(path)
        assert min(picture.pixels.shape[:2]) > 200 and picture.notes == []
        assert (picture.alpha is not None) == (path.name == "32bit.png")
        assert 20 < picture.pixels.mean() < 235 and picture.pixels.std() > 20


# --- bad files -------------------------------------------------------------------------------


def test_missing_folder_empty(tmp_path):
    refused(tmp_path / "none.jpg", "no such file", "check the path")
    refused(tmp_path, "a folder, not a picture")
    (tmp_path / "empty.jpg").touch()
    refused(tmp_path / "empty.jpg", "0 bytes")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(tmp_path / "pipe.jpg", "not a regular file")


@pytest.mark.parametrize("data", [b"hello, this is text", b"\x00", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_not_an_image(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    refused(tmp_path / "a.jpg", "not a picture", "convert it")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.tif", "a.bmp", "a.jp2"])
def test_truncated(tmp_path, name, noisy):
    Image.fromarray(noisy).save(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    for part in (0.95, 0.5):
        (tmp_path / name).write_bytes(data[: int(len(data) * part)])
        assert "damaged" in refused(tmp_path / name)


def test_any_damage_is_an_input_error_or_a_picture(tmp_path, noisy):
    generator = np.random.default_rng(0)
    for name in ("a.jpg", "a.png", "a.webp", "a.gif", "a.tif", "a.bmp"):
        path = tmp_path / name
        exif = Image.Exif()
        exif[ExifTags.Base.Artist] = "A. Person"
        Image.fromarray(noisy).save(path, exif=exif)
        data = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            damaged = data.copy()
            where = generator.integers(0, min(200, len(data)), 4)
            damaged[where] = generator.integers(0, 256, 4)
            path.write_bytes(damaged.tobytes())
            try:
                assert read_picture(path).pixels.dtype == np.uint8
            except InputError as error:
                assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


def test_too_small(tmp_path):
    for size in ((1, 1), (15, 400), (400, 15)):
        Image.new("RGB", size).save(tmp_path / "small.png")
        refused(tmp_path / "small.png", f"{size[0]}x{size[1]}", "at least 16x16")
    Image.new("RGB", (16, 16)).save(tmp_path / "enough.png")
    assert read_picture(tmp_path / "enough.png").pixels.shape == (16, 16, 3)


@pytest.mark.parametrize("size", [(20_000, 20_000), (10_001, 10_000)])
def test_too_large_is_refused_without_decoding(tmp_path, size, monkeypatch):
    # A small picture whose header lies, once over and once under Pillow's own limit.
    Image.new("1", (WIDTH, HEIGHT)).save(tmp_path / "large.png")
    data = bytearray((tmp_path / "large.png").read_bytes())
    data[16:24] = struct.pack(">II", *size)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "large.png").write_bytes(data)
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("decoded"))
    refused(tmp_path / "large.png", "too large", "100 megapixels", "scale it down")


def test_large_ones_are_read_without_a_warning(tmp_path, monkeypatch, scene):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow warns from here to its double
    Image.fromarray(scene).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(tmp_path / "a.png").pixels.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("mode, name", [("F", "a.tif"), ("I", "a.tif"), ("LAB", "a.tif")])
def test_pixels_without_a_range_are_refused(tmp_path, mode, name):
    Image.new(mode, (WIDTH, HEIGHT)).save(tmp_path / name)
    refused(tmp_path / name, mode, "8-bit RGB")


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_heic_names_the_plug_in(tmp_path, brand, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)  # as if not installed
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(64))
    refused(tmp_path / "a.heic", "pip install pillow-heif")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_no_right_to_read(tmp_path):
    (tmp_path / "a.png").touch(mode=0)
    refused(tmp_path / "a.png", "Permission denied")


# --- inputs ----------------------------------------------------------------------------------


def test_every_decoder_is_one_that_pillow_has():
    assert set(decoders()) == set(_DECODERS) & set(Image.OPEN)
    assert set(_DECODERS) <= set(Image.OPEN) | {"AVIF"}  # in Pillow from 11.3 on
