"""Pictures that are no single, whole, 8-bit photograph: read with a note, or refused in a line."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, features

from istrc.errors import InputError
from istrc.photo.read import BEHIND, LARGEST_PICTURE, read_picture

HEIGHT, WIDTH = 32, 48
FRAMES = [
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    for seed in range(3)
]


def refused(path) -> str:
    """The message of the one-line InputError that names the file."""
    with warnings.catch_warnings(), pytest.raises(InputError) as error:
        warnings.simplefilter("error")
        read_picture(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and "; " in message
    return message


def first_frame(path):
    picture = read_picture(path)
    assert picture.pixels.shape == (HEIGHT, WIDTH, 3)
    return picture.notes


# --- several pictures in a file --------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif", "a.avif"])
def test_of_several_pictures_the_first_is_taken_and_it_is_said(tmp_path, name):
    if name == "a.avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    FRAMES[0].save(tmp_path / name, save_all=True, append_images=FRAMES[1:])
    assert first_frame(tmp_path / name) == ["3 frames or pages: only the first is used"]


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
def test_an_animation_cut_after_its_first_frame_is_good_enough(tmp_path, name):
    FRAMES[0].save(tmp_path / name, save_all=True, append_images=FRAMES[1:])
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * 0.6)])
    assert "only the first is used" in first_frame(tmp_path / name)[0]


def test_pages_of_a_scanner_that_differ_in_kind(tmp_path):
    pages = [FRAMES[0].convert("L"), FRAMES[1].convert("1"), FRAMES[2].convert("CMYK")]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    assert read_picture(tmp_path / "scan.tif").grey


# --- more bits -------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("kind, channels", [(2, 3), (6, 4), (4, 2)])
def test_sixteen_bits_of_colour_or_alpha_are_noted(tmp_path, kind, channels):
    shape = (HEIGHT, WIDTH, channels)
    values = np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, kind, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    picture = read_picture(tmp_path / "a.png")
    assert picture.notes == ["16 bits a channel reduced to 8"]
    assert np.abs(picture.pixels[..., 0] - values[..., 0] / 257).max() <= 1
    assert (picture.alpha is None) == (kind == 2)


def test_eight_bits_are_not_noted(tmp_path):
    for name in ("a.png", "a.tif", "a.bmp", "a.gif"):
        FRAMES[0].save(tmp_path / name)
        assert read_picture(tmp_path / name).notes == []
    high = b"BM" + struct.pack("<IHHI", 54 + 2 * WIDTH * HEIGHT, 0, 0, 54)
    high += struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 16, 0, 0, 0, 0, 0, 0)
    (tmp_path / "pixel16.bmp").write_bytes(high + bytes(2 * WIDTH * HEIGHT))
    assert read_picture(tmp_path / "pixel16.bmp").notes == []  # 16 bits for three channels


# --- cut off, and too much -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jpg", {"progressive": True}),
        ("a.ppm", {}),
        ("a.pgm", {}),
        ("a.avif", {}),
        ("a.tif", {"compression": "tiff_lzw"}),
        ("a.webp", {"lossless": True}),
    ],
)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.98])
def test_cut_off(tmp_path, name, options, part):
    if name == "a.avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    FRAMES[0].save(tmp_path / name, **options)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: max(1, int(len(data) * part))])
    assert "damaged" in refused(tmp_path / name)


def test_a_phone_s_jpeg_whose_second_picture_is_cut_off_is_good(tmp_path):
    FRAMES[0].save(tmp_path / "a.mpo", save_all=True, append_images=FRAMES[1:])
    data = (tmp_path / "a.mpo").read_bytes()
    (tmp_path / "phone.jpg").write_bytes(data[: int(len(data) * 0.7)])
    assert first_frame(tmp_path / "phone.jpg") == [BEHIND]


def test_enormous_headers_are_refused_before_anything_is_decoded(tmp_path, monkeypatch):
    FRAMES[0].save(tmp_path / "a.jpg")
    jpeg = bytearray((tmp_path / "a.jpg").read_bytes())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    FRAMES[0].save(tmp_path / "a.gif")
    gif = bytearray((tmp_path / "a.gif").read_bytes())
    gif[6:10] = struct.pack("<HH", 60_000, 60_000)
    FRAMES[0].save(tmp_path / "a.bmp")
    bmp = bytearray((tmp_path / "a.bmp").read_bytes())
    bmp[18:26] = struct.pack("<ii", 60_000, 60_000)
    files = {"b.jpg": jpeg, "b.gif": gif, "b.bmp": bmp, "b.ppm": b"P6 60000 60000 255\n\0\0\0"}
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("decoded"))
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        message = refused(tmp_path / name)
        assert "too large" in message and f"{LARGEST_PICTURE // 1_000_000} megapixels" in message


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
        b"8BPS\0\1" + bytes(40),  # Photoshop
        b"II*\0\x10\0\0\0CR\2\0" + bytes(200),  # a camera's raw file
        b"\xff\x0a" + bytes(60),  # JPEG XL
        b"\0\0\0\x18ftypisom" + bytes(60),  # a film
        bytes(5000),
    ],
)
def test_other_files_under_a_picture_s_name(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    assert "convert it to PNG or JPEG" in refused(tmp_path / "a.jpg")


# --- damage, and kinds ------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [{}, {"exif": Image.Exif()}, {"dpi": (300, 300)}])
@pytest.mark.parametrize("part", [0.1, 0.3, 0.6, 0.9])
def test_changed_bits_in_the_pixels_of_a_png(tmp_path, part, extra):
    """Whatever is read beside the pixels: Pillow loads a PNG for its EXIF, and hides the error."""
    FRAMES[0].save(tmp_path / "a.png", **extra)
    data = bytearray((tmp_path / "a.png").read_bytes())
    start, end = data.index(b"IDAT") + 4, data.index(b"IEND") - 8
    for at in range(int(start + part * (end - start)), end - 4)[:20]:
        data[at] ^= 0x5A
    data[end : end + 4] = struct.pack(">I", zlib.crc32(data[start - 4 : end]))  # an honest chunk
    (tmp_path / "a.png").write_bytes(data)
    assert "damaged" in refused(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.gif", "a.avif"])
def test_wherever_bits_change_there_is_a_picture_or_one_line(tmp_path, name, capfd):
    """Formats whose decoders can tell; test_damage.py has JPEG."""
    if name == "a.avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    FRAMES[0].save(tmp_path / name, **({"compression": "tiff_lzw"} if name == "a.tif" else {}))
    data = (tmp_path / name).read_bytes()
    rng, told = np.random.default_rng(0), 0
    for at in rng.integers(0, len(data), 40):
        broken = bytearray(data)
        broken[at] ^= 0x5A
        (tmp_path / name).write_bytes(broken)
        try:
            read_picture(tmp_path / name)
        except InputError as error:
            told += 1
            assert "\n" not in str(error) and str(error).startswith(f"{tmp_path / name}: ")
    assert told >= 5
    assert capfd.readouterr().err == ""  # libtiff would write there


def bitmap(bits: int, compression: int, masks: tuple[int, ...] = ()) -> bytes:
    told = struct.pack(f"<{len(masks)}I", *masks)
    head = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, bits, compression, 0, 0, 0, 0, 0)
    start = 14 + len(head) + len(told)
    return (
        b"BM" + struct.pack("<IHHI", start, 0, 0, start) + head + told + bytes(4 * WIDTH * HEIGHT)
    )


def scan(tmp_path, compression: int) -> bytes:
    """A TIFF that says another compression than its own."""
    FRAMES[0].save(tmp_path / "own.tif", compression="tiff_lzw")
    data = bytearray((tmp_path / "own.tif").read_bytes())
    at = data.index(struct.pack("<HHI", 259, 3, 1))
    data[at + 8 : at + 10] = struct.pack("<H", compression)
    return bytes(data)


def test_a_good_file_of_a_kind_that_is_not_read_is_not_called_damaged(tmp_path, capfd):
    files = {
        "masks32.bmp": bitmap(32, 3, (0x3FF00000, 0xFFC00, 0x3FF)),
        "masks16.bmp": bitmap(16, 3, (0xF00, 0xF0, 0xF)),
        "jpeg.bmp": bitmap(0, 4),
        "deep.bmp": bitmap(64, 0),
        "webp.tif": scan(tmp_path, 50001),
        "jxl.tif": scan(tmp_path, 50002),
        "lerc.tif": scan(tmp_path, 34887),
    }
    FRAMES[0].save(tmp_path / "a.jpg")
    deep = bytearray((tmp_path / "a.jpg").read_bytes())
    deep[deep.index(b"\xff\xc0") + 4] = 12  # bits
    files["deep.jpg"] = bytes(deep)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        message = refused(tmp_path / name)
        assert "of a kind that is not read" in message and "convert it to PNG or JPEG" in message
        assert not message.split(": ", 1)[1].startswith(("damaged", "truncated")), message
    assert capfd.readouterr().err == ""
