"""Where the circles that come with the package are, and which of them share parts.

Nothing heavy is imported here: the shell's completion reads it at every press of a key.
"""

from __future__ import annotations

from pathlib import Path

from istrc.whole import read_json

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT = "celeba128"  # the shipped circle that is used where none is named


def names() -> list[str]:
    """The shipped circles."""
    return sorted(path.parent.name for path in WEIGHTS.glob("*/circle.json"))


def folder_of(model: str | Path) -> Path:
    """The folder that a model's name stands for: a folder with a circle.json, or a shipped one."""
    folder = Path(model)
    return folder if (folder / "circle.json").exists() else WEIGHTS / folder


def holder(folder: Path, what: str) -> Path:
    """The folder that has a circle's part (or file): its own, or that of the circle it builds on.

    circle.json's `base` names a shipped circle, which has the parts that are missing.
    """
    if (folder / what).exists():
        return folder
    try:
        base = read_json(folder / "circle.json").get("base")
    except (OSError, ValueError, AttributeError):
        base = None
    # A name alone: a circle from elsewhere must not lead out of the shipped ones
    return WEIGHTS / base if base in names() else folder
