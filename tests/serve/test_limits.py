"""Each limit, and what a visitor is told."""

import re

import pytest
from PIL import Image

from istrc.errors import InputError
from istrc.serve import limits


def test_a_file_of_too_many_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "UPLOAD_BYTES", 1_000_000)
    path = tmp_path / "me.jpg"
    path.write_bytes(bytes(1_000_001))
    with pytest.raises(InputError, match="me.jpg: over 1 MB; save it smaller"):
        limits.check_picture(path)


def test_a_picture_of_too_many_pixels(tmp_path, monkeypatch):
    path = tmp_path / "me.png"
    Image.new("L", (1100, 1000)).save(path)
    limits.check_picture(path)
    monkeypatch.setattr(limits, "MEGAPIXELS", 1)
    with pytest.raises(InputError, match="me.png: over 1 megapixels; scale it down"):
        limits.check_picture(path)


def test_numbers_out_of_range():
    assert limits.check_count("frames", 9.0, 25, 2) == 9
    for count in (1, 26, None, float("nan"), float("inf"), "9", [9]):
        with pytest.raises(InputError, match=re.escape(f"frames {count}: give 2 to 25")):
            limits.check_count("frames", count, 25, 2)


def test_a_request_that_takes_too_long(monkeypatch):
    limits.check_time()  # outside of a request there is no limit
    with limits.timed():
        limits.check_time()
    monkeypatch.setattr(limits, "SECONDS", -1.0)
    with limits.timed(), pytest.raises(InputError, match="stopped after -1 s.*or smaller pictures"):
        limits.check_time()
    limits.check_time()
