"""The pictures that a command's INPUTs stand for."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from istrc.errors import InputError

_PICTURE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .mpo .png .webp .tif .tiff .bmp .gif .ppm .pgm .jp2 .avif .heic .heif".split()
)


def find_inputs(patterns: Iterable[str | Path]) -> list[Path]:
    """The pictures that the INPUTs of a command name, in their order.

    Each is a file, a folder (its pictures by suffix, flat, sorted by name) or a glob (sorted).
    Raises InputError naming the one that leads to nothing; call it once for each INPUT to go on
    with the others.
    """
    found: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        if os.path.isdir(path):
            try:
                names = [p for p in path.iterdir() if not p.name.startswith(".")]
            except OSError as error:
                raise InputError(f"{path}: this folder cannot be read ({error.strerror})") from None
            missing = "no pictures in this folder; subfolders are not searched"
        elif os.path.exists(path):
            found.append(path)  # asked for by name: reading decides whether it is a picture
            continue
        elif glob.has_magic(str(pattern)):
            names = [Path(name) for name in glob.glob(str(pattern), recursive=True)]
            missing = "no pictures match this pattern; check the path"
        else:
            raise InputError(f"{path}: no such file or folder; check the path")
        names = [p for p in names if p.suffix.lower() in _PICTURE_SUFFIXES]
        names = [p for p in names if os.path.isfile(p)]
        if not names:
            raise InputError(f"{pattern}: {missing}")
        found += sorted(names)
    return found
