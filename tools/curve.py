"""Success against same person, a line a method, of an evaluation of several `--strengths`.

    python -m tools.curve RESULTS.json FIGURE.png

The suffix chooses the format.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from istrc.evaluation.editing_curve import curves
from istrc.whole import read_json, whole

INK, FAINT = "#18181b", "#d4d4d8"


def curve_figure(results: Mapping[str, Any]) -> Figure:
    """The curves of `evaluate_editing`, one line a method; a second panel where some are slow."""
    panels = [("all faces", results["methods"])]
    if few := results.get("few"):
        panels.append((f"{few['faces_per_edit']} faces an edit", few["methods"]))
    figure = Figure(figsize=(5.2 * len(panels), 4.6), layout="constrained", facecolor="white")
    names = dict.fromkeys(name for _, methods in panels for name in curves(methods))
    looks = {name: f"C{number % 10}" for number, name in enumerate(names)}
    for axes, (title, methods) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels,
                                      strict=True):  # fmt: skip
        for name, line in curves(methods).items():
            strengths, same, success = zip(*line, strict=True)
            axes.plot(same, success, ".-", color=looks[name], label=name, linewidth=1.4)
            for s, x, y in zip(strengths, same, success, strict=True):
                axes.annotate(f"{s:g}", (x, y), (3, 3), textcoords="offset points", size=5.5)
        axes.set(xlim=(1.02, -0.02), ylim=(-0.02, 1.02), title=title)  # fidelity falls rightwards
        axes.set_xlabel("same person (second recogniser)")
        axes.set_ylabel("success (judge)")
        axes.grid(color=FAINT, linewidth=0.5)
        axes.legend(fontsize=7, loc="best")
    second = results.get("second_recogniser") or {}
    figure.suptitle(
        f"{results['split']} faces that lack the target; numbers are strengths\n"
        f"same person: {second.get('name', '')} at FAR {second.get('far', 0):g}",
        size=8,
        color=INK,
    )
    return figure


def draw_curves(results: Mapping[str, Any], file: str | Path) -> Path:
    """Write `curve_figure` whole or not at all; the suffix chooses the format (png, pdf, svg)."""
    with whole(file) as temporary:
        curve_figure(results).savefig(temporary, format=Path(file).suffix[1:], dpi=150)
    return Path(file)


if __name__ == "__main__":
    draw_curves(read_json(sys.argv[1])["editing"], sys.argv[2])
