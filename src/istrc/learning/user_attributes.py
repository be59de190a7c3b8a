"""Where learned attributes are kept: beside the circles, in the user's data folder.

FOLDER/KEY/NAME.safetensors, KEY telling the recogniser. FOLDER is $ISTRC_LEARNED, or
istrc/learned in $XDG_DATA_HOME, in %LOCALAPPDATA% on Windows, or in ~/.local/share. Nothing heavy
is imported here: the completion of a shell asks for the names.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ISTRC_LEARNED"
SUFFIX = ".safetensors"


def folder() -> Path:
    """Where learned attributes are kept; it need not exist."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    base = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(base or Path.home() / ".local" / "share") / "istrc" / "learned"


def place(name: str, key: str) -> Path:
    """The file of an attribute that was learned for the recogniser of this key."""
    return folder() / key / f"{name}{SUFFIX}"


def kept(name: str = "*", key: str = "*") -> list[Path]:
    """The files that are there, of a name, of a recogniser, or all; sorted."""
    return sorted(folder().glob(f"{key}/{name}{SUFFIX}"))


def unusable(name: str, key: str) -> str | None:
    """Why an attribute of this name that is kept is not known to a circle; None: none is kept."""
    if kept(name, key):
        return f"{place(name, key)} is damaged; istrc learn {name} --forget, and learn it again"
    if kept(name):
        return "it was learned for another recogniser; learn it again for this model"
    return None
