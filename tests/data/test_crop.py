"""What prepare opens: the decoders and the limit that every other command has."""

import io
import struct
import zlib

import pytest
from PIL import Image

from istrc.data.crop import square
from istrc.errors import InputError


def encoded(kind: str) -> bytes:
    Image.new("RGB", (40, 40)).save(out := io.BytesIO(), kind)
    return out.getvalue()


@pytest.mark.parametrize("size", [(20_000, 20_000), (10_001, 10_000)])
def test_a_bomb_is_refused_without_decoding(size, monkeypatch):
    data = bytearray(encoded("PNG"))  # its header lies, over and under Pillow's own limit
    data[16:24] = struct.pack(">II", *size)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("decoded"))
    with pytest.raises(InputError) as caught:
        square(bytes(data), celeba=False)
    assert str(caught.value) == "too large (over 100 megapixels); scale it down"


@pytest.mark.parametrize("kind", ["EPS", "TGA", "PCX", "SGI"])
def test_no_other_decoder_runs(kind):
    data = encoded(kind)  # which loads the plug-in, so that Pillow would read it
    assert Image.open(io.BytesIO(data)).format == kind
    with pytest.raises(InputError, match="^not a picture$"):
        square(data, celeba=False)
