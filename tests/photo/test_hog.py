"""dlib's detector, unpacked once: the same faces from the cache, and always a detector."""

import sys

import numpy as np
import pytest
from PIL import Image
from studies.lfw import detect

from istrc.errors import IstrcError
from istrc.photo.detect import detector


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own, and a detector that nobody has asked for yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    detector.cache_clear()
    yield tmp_path / "cache"
    detector.cache_clear()


def found(pixels: np.ndarray) -> tuple:
    """All that the detector says of a picture, doubtful faces too."""
    squares, scores, filters = detector()[0].run(pixels, 0, -0.5)
    return [str(square) for square in squares], list(scores), list(filters)


def test_the_file_that_was_written_finds_what_the_wheel_does(cache, photograph):
    pixels = np.asarray(Image.open(photograph).convert("RGB"))
    first = found(pixels)
    (written,) = (cache / "istrc").iterdir()
    detector.cache_clear()
    assert found(pixels) == first and len(first[0]) >= 1
    assert list((cache / "istrc").iterdir()) == [written]


def test_a_damaged_file_is_written_anew(cache, photograph):
    pixels = np.asarray(Image.open(photograph).convert("RGB"))[:256, 96:352]
    first = found(pixels)
    (written,) = (cache / "istrc").iterdir()
    whole = written.read_bytes()
    for damaged in (b"", b"no filters", whole[: len(whole) // 2]):
        written.write_bytes(damaged)
        detector.cache_clear()
        assert found(pixels) == first
        assert written.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(cache, photograph):
    cache.write_bytes(b"a file where the folder should be")
    assert len(detect(np.asarray(Image.open(photograph).convert("RGB")))) == 1


def test_missing_dlib_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(IstrcError, match="pip install dlib-bin"):
        detect(np.zeros((100, 100, 3), np.uint8))
