"""Damage that decoders keep to themselves is told; whole files of unusual kinds are not accused."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFilter

from istrc.errors import InputError
from istrc.photo.damage import jpeg_damage
from istrc.photo.read import read_picture

KINDS = {
    "plain": {},
    "4:4:4": {"subsampling": 0},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "own tables": {"optimize": True},
    "coarse": {"quality": 5},
    "fine": {"quality": 100, "subsampling": 0},
}


@pytest.fixture(scope="module")
def photograph():
    """Something with detail everywhere, 320x240."""
    values = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    return Image.fromarray(values).filter(ImageFilter.GaussianBlur(1.5))


def coded(image, **options) -> bytes:
    image.save(file := BytesIO(), "JPEG", **{"quality": 90, **options})
    return file.getvalue()


def scan(data: bytes) -> int:
    """Where the pixels of the first scan begin."""
    at = data.index(b"\xff\xda")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def damaged(data: bytes, at: int, size: int, rng) -> dict[str, bytes]:
    """Ways in which a part of a file is lost."""
    return {
        "zeros": data[:at] + bytes(size) + data[at + size :],
        "missing": data[:at] + data[at + size :],
        "other": data[:at] + rng.bytes(size) + data[at + size :],
        "twice": data[: at + size] + data[at : at + size] + data[at + size :],
    }


def told(path, data: bytes) -> bool:
    """Whether a file is refused, in one line that says why."""
    path.write_bytes(data)
    try:
        read_picture(path)
    except InputError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
        assert "damaged" in str(error) and "get the original file again" in str(error)
        return True
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_sector_of_a_jpeg(tmp_path, photograph, kind):
    data, rng = coded(photograph, **KINDS[kind]), np.random.default_rng(1)
    assert not told(tmp_path / "a.jpg", data)
    start, found, count = scan(data), 0, 0
    for at in np.linspace(start, len(data) - 600, 12).astype(int):
        for broken in damaged(data, at, min(512, len(data) // 6), rng).values():
            found += told(tmp_path / "a.jpg", broken)
            count += 1
    assert found >= 0.85 * count


def test_one_bit_may_be_missed_but_most_of_what_shows_is_told(photograph):
    """The honest share of docs/command-line.md: a wrong bit leaves codes that make sense."""
    data, rng, found = coded(photograph), np.random.default_rng(2), 0
    for at in rng.integers(scan(data), len(data) - 2, 100):
        broken = bytearray(data)
        broken[at] ^= 1 << rng.integers(8)
        found += jpeg_damage(bytes(broken)) is not None
    assert found >= 10


def test_unusual_jpegs_are_whole(tmp_path, photograph):
    data = coded(photograph)
    start = data.index(b"\xff\xdb")
    grey = photograph.convert("L")
    files = {
        **{kind: coded(photograph, **options) for kind, options in KINDS.items()},
        "grey": coded(grey),
        "grey progressive": coded(grey, progressive=True),
        "inks": coded(photograph.convert("CMYK")),
        "RGB": coded(photograph, keep_rgb=True),
        "odd sides": coded(photograph.crop((0, 0, 317, 23))),
        "narrow": coded(photograph.crop((0, 0, 16, 240))),
        "junk between segments": data[:start] + b"\xff\x00\x01\x02" + data[start:],
        "filled up with zeros": data[:-2] + bytes(30) + data[-2:],
        "filled up with ones": data[:-2] + b"\xff" * 30 + data[-2:],
        "an odd byte": data[:-2] + b"\x5a" + data[-2:],
        "some bytes that mean nothing": data[:-2] + bytes(range(1, 25)) + data[-2:],
        "more behind": data + b"\0\0\0\x18ftypmp42" + bytes(100),
        "a picture behind": data + coded(grey),
        "a scan in its metadata": data[:2] + segment(0xE1, b"Exif\0\0" + data) + data[2:],
        "a comment like a scan": data[:2] + segment(0xFE, b"\xff\xda\xff\xd9") + data[2:],
    }
    for name, whole in files.items():
        assert not told(tmp_path / f"{name}.jpg", whole), name


def test_damage_behind_metadata_that_libjpeg_warns_of_is_told(photograph):
    data = coded(photograph)
    start, middle = data.index(b"\xff\xdb"), (scan(data) + len(data)) // 2
    broken = data[:start] + b"\xff\x00\x01" + data[start:middle] + data[middle + 700 :]
    assert jpeg_damage(data[:start] + b"\xff\x00\x01" + data[start:]) is None
    assert "Corrupt" in jpeg_damage(broken)


@pytest.mark.parametrize("size", [20, 512])
def test_a_lost_sector_of_a_deflated_tiff(tmp_path, photograph, size):
    photograph.save(tmp_path / "whole.tif", compression="tiff_adobe_deflate")
    data, rng = (tmp_path / "whole.tif").read_bytes(), np.random.default_rng(3)
    assert not told(tmp_path / "a.tif", data)
    for at in np.linspace(200, len(data) - 600, 12).astype(int):
        assert told(tmp_path / "a.tif", data[:at] + rng.bytes(size) + data[at + size :])
