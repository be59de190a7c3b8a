"""`istrc bench`: speed and size beside the paper, a plain reading and the peers."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.measuring import ResultsOptions
from istrc.cli.report import Report


def bench(
    report: Report,
    *,
    data: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", show_default="none: faces are drawn from the model"),
    ] = None,
    quick: bool = False,
    model: options.TorchCircleOptions,
    results: ResultsOptions,
) -> None:
    """How fast and how light it is, on this machine.

    Rebuilding, walks, a large photograph, cold start, memory and sizes; beside them what the paper
    tells, and a plain reading of the paper timed in the same run. Close other programs first.

    Args:
        data: A folder made by istrc prepare.
        quick: Smaller samples, under a minute on two idle cores.

    Examples:
        istrc bench --quick
        istrc bench --json results/bench.json
    """
    from istrc.evaluation.bench import bench as measured
    from istrc.evaluation.results import plain

    started = time.monotonic()
    circle = model.open()
    prepared = options.open_prepared(data, circle) if data else None
    how: dict[str, Any] = dict(prepared=prepared, quick=quick, say=report.say)
    found = measured(circle, model=model.model, **how)
    found["bench_s"] = round(time.monotonic() - started, 1)
    results.write(report, found, seed=0)
    report.facts |= plain(found)
    report.done(
        f"10 x 500 steps in {found['walk_10x500_s']:.3g} s, "
        f"{found['walk_10x500_speedup_vs_plain']:.3g}x of a plain reading; "
        f"{found['rebuild_faces_per_s']:,.0f} faces rebuilt a second "
        f"({found['rebuild_precision']})"
    )
