"""How much one visitor may ask of the page, and what they are told beyond that."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from istrc.errors import InputError

UPLOAD_BYTES = 20_000_000  # of one file
DISK_BYTES = 4_000_000_000  # of the files of all visitors at once
MEGAPIXELS = 25  # of one picture: 75 MB once decoded
PICTURES = 100  # given at once, on each side of what is learned
FRAMES = 25  # of a walk or a blend
NEIGHBOURS = 63
QUEUE = 64  # requests that wait; one more is refused
SECONDS = 60.0  # that one request may compute; looked at before each run of a network
SESSIONS = 50  # visitors at once; one more ends the session that has been idle longest
IDLE = 3600.0  # seconds without a request after which a session ends
PHOTOGRAPHS = 2  # of a session that stay decoded; another is read again
FILES = 60  # made for a session that are kept; the oldest goes

_until: ContextVar[float] = ContextVar("until", default=math.inf)  # on time.monotonic's clock


def check_picture(path: Path) -> None:
    """Raises InputError for a file that is larger than the page takes, before it is decoded."""
    from PIL import Image

    if path.stat().st_size > UPLOAD_BYTES:
        raise InputError(
            f"{path}: over {UPLOAD_BYTES // 1_000_000} MB; save it smaller, or use istrc edit"
        )
    try:
        with Image.open(path) as image:
            width, height = image.size
    except Image.DecompressionBombError:
        width = height = MEGAPIXELS * 1_000_000
    except Exception:  # what is wrong with it is said when it is read
        return
    if width * height > MEGAPIXELS * 1_000_000:
        raise InputError(f"{path}: over {MEGAPIXELS} megapixels; scale it down, or use istrc edit")


def check_count(what: str, count: Any, most: int, least: int = 1) -> int:
    """A number that a visitor gave, within what is allowed. Raises InputError."""
    # An emptied field gives None, and a client may send anything
    if not isinstance(count, (int, float)) or not least <= count <= most:
        raise InputError(f"{what} {count}: give {least} to {most}")
    return int(count)


@contextlib.contextmanager
def timed() -> Iterator[None]:
    """One request, which `check_time` stops when SECONDS have gone."""
    before = _until.set(time.monotonic() + SECONDS)
    try:
        yield
    finally:
        _until.reset(before)


def check_time() -> None:
    """Raises InputError when the time of the request that is computed has gone."""
    if time.monotonic() > _until.get():
        raise InputError(
            f"stopped after {SECONDS:g} s, the most that one request may take; give fewer or "
            "smaller pictures, or fewer faces in the row"
        )
