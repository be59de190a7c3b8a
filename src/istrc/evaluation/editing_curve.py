"""Methods compared at equal identity: success against same person, over all strengths.

A method can always buy success with identity by going farther. Two methods are therefore compared
along their curves, never at a strength, which means to each what it was told to mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from istrc.whole import whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = (0.98, 0.95, 0.9, 0.8)  # of faces that are still the same person
INK, FAINT = "#18181b", "#d4d4d8"


def success_at(points: Sequence[tuple[float, float]], share: float) -> float:
    """The highest success on a curve where at least `share` of the faces are the same person.

    points: (same person, success) by rising strength; between two the curve is straight. NaN where
    no point of it is that faithful.
    """
    reached = [success for same, success in points if same >= share]
    for (a, first), (b, second) in zip(points, points[1:], strict=False):
        if min(a, b) < share < max(a, b):
            reached.append(first + (share - a) / (b - a) * (second - first))
    return max(reached, default=float("nan"))


def curves(methods: Mapping[str, Any]) -> dict[str, list[tuple[float, float, float]]]:
    """`methods` of `evaluate_editing` as (strength, same person, success), by rising strength.

    A mode begins at strength 0, where `nothing, MODE` was measured. Methods that nobody asked a
    second recogniser about have no curve.
    """
    found = {}
    for method, by_strength in methods.items():
        if method.startswith("nothing, "):
            continue
        measured = {**methods.get(f"nothing, {method}", {}), **by_strength}
        line = [
            (float(strength), one["mean"]["same_person"], one["mean"]["success"])
            for strength, one in measured.items()
            if one["mean"].get("same_person") is not None
        ]
        if line:
            found[method] = sorted(line)
    return found


def at_equal_identity(methods: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """`success_at` each of `SHARES`, by method."""
    return {
        method: {f"{share:g}": success_at([p[1:] for p in line], share) for share in SHARES}
        for method, line in curves(methods).items()
    }


def curve_figure(results: Mapping[str, Any]) -> Figure:
    """The curves of `evaluate_editing`, one line a method; a second panel where some are slow."""
    from matplotlib.figure import Figure

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
