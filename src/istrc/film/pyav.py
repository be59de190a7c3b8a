"""PyAV, which reads and writes films, is imported when there is one, and not before."""

from __future__ import annotations

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
