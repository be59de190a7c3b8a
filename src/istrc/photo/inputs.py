"""The pictures that a command's INPUTs stand for."""

from __future__ import annotations

import contextlib
import glob
import os
import warnings
from pathlib import Path

from istrc.errors import InputError
from istrc.photo.plugins import decoders, is_heic

# Files that are called pictures are read, and named where they are none; of the others, those that
# are pictures.
_PICTURE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .mpo .png .webp .tif .tiff .bmp .gif .ppm .pgm .jp2 .avif .heic .heif".split()
)


def find_inputs(pattern: str | Path) -> list[Path]:
    """The pictures that an INPUT of a command names, sorted.

    It is a file, a folder (its pictures, flat) or a glob. Raises InputError where it leads to
    nothing.
    """
    if not str(pattern):  # which would be the folder that one is in
        raise InputError("an empty name: name a picture, a folder or a glob")
    path = Path(pattern)
    if os.path.isdir(path):
        try:
            names = [p for p in path.iterdir() if not p.name.startswith(".")]
        except OSError as error:
            raise InputError(f"{path}: this folder cannot be read ({error.strerror})") from None
        missing = "no pictures in this folder; subfolders are not searched"
    elif os.path.lexists(path):
        return [path]  # asked for by name: reading decides whether it is a picture
    elif glob.has_magic(str(pattern)):
        names = [Path(name) for name in glob.glob(str(pattern), recursive=True)]
        missing = "no pictures match this pattern; check the path"
    else:
        raise InputError(f"{path}: no such file or folder; check the path")
    names = [p for p in names if not os.path.isdir(p) and is_picture(p)]
    if not names:
        raise InputError(f"{pattern}: {missing}")
    return sorted(names)


def is_picture(path: Path) -> bool:
    """By its name, or else by what is in it."""
    if path.suffix.lower() in _PICTURE_SUFFIXES:  # a pipe or a dangling link, too
        return True
    if not os.path.isfile(path):
        return False
    from PIL import Image

    formats = decoders()
    formats.remove("TIFF")  # a camera's raw file is one by its head, with a preview in it
    with contextlib.suppress(Exception), warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")
        if is_heic(file.read(32)):
            return True
        file.seek(0)
        Image.open(file, formats=formats)
        return True
    return False
