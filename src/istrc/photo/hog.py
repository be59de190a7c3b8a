"""dlib's detector of faces, unpacked once: a histogram of gradients under five linear filters.

The filters lie packed as text inside dlib's wheel, and unpacking them takes a quarter of a second,
as long as all of istrc's networks take to load. So the first process that needs them writes them,
unpacked, into the user's cache folder; those after it read 150 kB in a millisecond. Where nothing
can be written, they are unpacked every time.
"""

from __future__ import annotations

import contextlib
import threading
from functools import cache
from pathlib import Path
from typing import Any

from istrc.cache import folder
from istrc.errors import IstrcError
from istrc.whole import whole


@cache
def detector() -> tuple[Any, threading.Lock]:
    """The detector and the lock that guards it: it keeps its pyramid between calls.

    Raises IstrcError when dlib is not installed.
    """
    try:
        import dlib
    except ImportError:
        raise IstrcError(
            "finding faces needs dlib: `pip install dlib-bin`, "
            "or give pictures that are aligned already (--aligned)"
        ) from None
    lock = threading.Lock()
    with contextlib.suppress(OSError, RuntimeError):  # dlib's own errors are RuntimeErrors
        path = unpacked(dlib.__version__)
        if path.is_file():
            return dlib.fhog_object_detector(str(path)), lock
    hog = dlib.get_frontal_face_detector()
    with contextlib.suppress(OSError, RuntimeError):
        with whole(unpacked(dlib.__version__)) as temporary:
            hog.save(str(temporary))
    return hog, lock


def unpacked(version: str) -> Path:
    """The file of the unpacked filters of a version of dlib. Raises RuntimeError without a home."""
    return folder() / f"faces-dlib-{version}.svm"
