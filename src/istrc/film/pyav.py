"""PyAV, which reads and writes films, is imported when there is one, and not before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from istrc.errors import IstrcError

MISSING = "films need PyAV, which is not installed: pip install 'istrc[film]'"


def need_av() -> Any:
    """The module `av`; raises IstrcError where it is missing."""
    try:
        import av
        import av.error
    except ImportError:
        raise IstrcError(MISSING) from None
    return av


def url_of(path: Path) -> str:
    """A file as FFmpeg names it; without `file:` it takes `12:30.mp4` for a protocol."""
    return f"file:{path}"
