"""PyAV, which reads and writes films, is imported when there is one, and not before."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from istrc.runtime import needed

MISSING = "films need PyAV, which is not installed: pip install 'istrc[film]'"


def need_av() -> Any:
    """The module `av`; raises IstrcError where it is missing."""
    with needed(MISSING):
        import av
        import av.error
    return av


def url_of(path: Path) -> str:
    """A file as FFmpeg names it; without `file:` it takes `12:30.mp4` for a protocol."""
    return f"file:{path}"


def filter_like(frame: Any, name: str, settings: str) -> Any:
    """One of FFmpeg's filters, for frames like this one: a graph to `push` into and `pull` from."""
    graph = need_av().filter.Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, 1000),
    )
    graph.link_nodes(source, graph.add(name, settings), graph.add("buffersink")).configure()
    return graph
