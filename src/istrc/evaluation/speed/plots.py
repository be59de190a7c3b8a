"""Growth as plots: straight lines, or better."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT = "#18181b", "#d4d4d8"
TIME, MEMORY, LINE = "#2563eb", "#f97316", "#a1a1aa"


def growth_figure(growth: Mapping[str, Any]) -> Figure:
    """One panel a series: seconds on the left, the process's peak of memory on the right."""
    from matplotlib.figure import Figure

    rows = -(-len(growth) // 2)
    figure = Figure(figsize=(9.2, 2.9 * rows), layout="constrained", facecolor="white")
    panels = list(figure.subplots(rows, 2, squeeze=False).flat)
    for axes in panels[len(growth) :]:
        axes.set_visible(False)
    for axes, (name, series) in zip(panels, growth.items(), strict=False):
        points = series["points"]
        counts = [point["count"] for point in points]
        seconds = [point["s"] for point in points]
        axes.loglog(counts, seconds, "o-", color=TIME, linewidth=1.4, markersize=3.5, label="time")
        # What a straight line through the last point would be; squared for a picture's side
        power = 2 if name == "size" else 1
        line = [seconds[-1] * (count / counts[-1]) ** power for count in counts]
        axes.loglog(counts, line, "--", color=LINE, linewidth=1, label="in proportion")
        axes.set_title(series["what"], fontsize=9, color=INK)
        axes.set_ylabel("seconds", color=TIME, fontsize=8)
        axes.tick_params(labelsize=7, which="both")
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        axes.minorticks_off()
        axes.grid(color=FAINT, linewidth=0.4)
        axes.legend(fontsize=6.5, loc="upper left", frameon=False)
        memory = [point["peak_mb"] for point in points]
        if None not in memory:
            beside = axes.twinx()
            beside.plot(counts, memory, "s-", color=MEMORY, linewidth=1, markersize=2.5)
            beside.set_ylim(0, 1.25 * max(memory))
            beside.set_ylabel("peak of memory, MB", color=MEMORY, fontsize=8)
            beside.tick_params(labelsize=7)
    return figure


def draw_growth(growth: Mapping[str, Any], file: str | Path) -> Path:
    """Write `growth_figure` whole or not at all; the suffix chooses the format."""
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        growth_figure(growth).savefig(temporary, format=path.suffix[1:], dpi=130)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
