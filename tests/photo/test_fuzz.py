"""Damaged pictures by the thousand: each is a picture or one line that names the file.

ISTRC_FUZZ=20000 pytest tests/photo/test_fuzz.py      # as many cases a format
ISTRC_FUZZ_JSON=results/fuzz.json writes what became of them, for docs/results/reliability.md.
"""

import io
import os
import time

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from istrc.errors import InputError
from istrc.photo.read import read_picture

RESULT = "fuzz"  # what `became` is called in results/
CASES = int(os.environ.get("ISTRC_FUZZ", 100))  # of each format
FORMATS = {
    "a.jpg": {"quality": 90},
    "b.jpg": {"progressive": True},
    "a.png": {},
    "a.webp": {},
    "a.tif": {"compression": "tiff_lzw"},
    "a.bmp": {},
    "a.gif": {},
    "a.ppm": {},
    "a.jp2": {},
    "a.avif": {},
}
DESCRIBED = ("a.jpg", "b.jpg", "a.png", "a.webp", "a.tif", "a.avif")  # with EXIF and a profile


def encoded(name: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    options = dict(FORMATS[name])
    if name in DESCRIBED:
        exif = Image.Exif()
        exif[0x0112], exif[0x010E] = 6, "words"
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        options |= {"exif": exif, "icc_profile": profile}
    kind = {"jpg": "JPEG", "tif": "TIFF", "jp2": "JPEG2000"}.get(name[2:], name[2:])
    Image.fromarray(pixels).save(out := io.BytesIO(), kind, **options)
    return out.getvalue()


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """Bits flipped anywhere or in the header, a header's field made a lie, cut, or doubled."""
    data, way = bytearray(whole), rng.integers(5)
    reach = min(len(data), 512) if way in (1, 2) else len(data)  # where headers are
    at = int(rng.integers(reach))
    if way in (0, 1):
        for place in rng.integers(0, reach, rng.integers(1, 9)):
            data[place] ^= 1 << int(rng.integers(8))
    elif way == 2:
        lie = rng.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\xff\xff"])
        data[at : at + len(lie)] = lie
    elif way == 3:
        del data[at:]
    else:
        data[at:at] = data[at : at + int(rng.integers(1, 200))]
    return bytes(data)


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_picture_is_a_picture_or_one_line(tmp_path, name, became):
    if name == "a.avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    whole, path, refused = encoded(name), tmp_path / name, 0
    slowest = 0.0  # seconds
    for seed in range(CASES):
        path.write_bytes(damaged(whole, np.random.default_rng(seed)))
        became[name] = {"cases": seed + 1, "refused": refused, "failed": 1}  # until it is known
        begun = time.monotonic()
        try:
            picture = read_picture(path)
        except InputError as error:
            refused += 1
            message = str(error)
            assert message.startswith(f"{path}: ") and "\n" not in message, (seed, message)
            assert "; " in message, (seed, message)  # the remedy
        else:
            assert picture.pixels.dtype == np.uint8 and picture.pixels.ndim == 3, seed
        slowest = max(slowest, time.monotonic() - begun)
    became[name] = {"cases": CASES, "refused": refused, "failed": 0, "slowest_seconds": slowest}
    assert 0 < refused < CASES
