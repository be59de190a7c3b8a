"""Files that appear whole or not at all: written under another name beside the one they get."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from istrc.errors import InputError


def beside(path: str | Path) -> tuple[Path, Path]:
    """Where a file for `path` is written, and the name that it gets by `os.replace` at the end.

    Through a link, as any writer would. The ending is the same, as formats are chosen by it; the
    rest is short, as names have limits that `path` may have reached. Raises InputError for a link
    that leads to no folder.
    """
    target = Path(os.path.realpath(path))
    if os.path.islink(path) and not target.parent.is_dir():
        raise InputError(
            f"{path}: a link to {target}, and the folder {target.parent} does not exist; make it, "
            "or give another OUT"
        )
    return target.with_name(f".istrc-{secrets.token_hex(8)}.partial{target.suffix}"), target


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it only if the body succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, target = beside(path)
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
