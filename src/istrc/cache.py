"""Where istrc keeps what it can make or fetch again: the user's cache folder."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path:
    """istrc in $XDG_CACHE_HOME, in %LOCALAPPDATA% on Windows, or in ~/.cache; it need not exist.

    Raises RuntimeError where the user has no home.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(base or Path.home() / ".cache") / "istrc"
