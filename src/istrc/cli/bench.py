"""`istrc bench`: speed and size beside the paper, a plain reading and the peers."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from istrc.cli import options
from istrc.cli.measuring import MarkdownOption, ResultsOptions
from istrc.cli.report import Report
from istrc.progress import Bar

EXAMPLES = """
istrc bench --quick
istrc bench --json results/bench.json --markdown docs/bench.md"""


def bench(
    report: Report,
    *,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="A folder made by istrc prepare.",
            show_default="none: faces are drawn from the model",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller samples, under a minute on two idle cores.")
    ] = False,
    markdown: MarkdownOption = None,
    model: options.TorchCircleOptions,
    results: ResultsOptions,
) -> None:
    """How fast and how light it is, on this machine.

    Rebuilding, walks, training, a large photograph, cold start, memory and sizes; beside each what
    the paper tells, a plain reading of the paper and the peers timed in the same run. Close other
    programs first.
    """
    options.need("bench", "sklearn")
    from istrc.evaluation.results import plain
    from istrc.evaluation.speed import table
    from istrc.evaluation.speed.bench import bench as measured

    started = time.monotonic()
    circle = model.open()
    prepared = options.open_prepared(data, circle) if data else None
    with Bar("bench") as bar:
        found = measured(
            circle,
            model=model.model,
            prepared=prepared,
            quick=quick,
            progress=bar.at,
            say=report.say,
        )
    found["bench_s"] = round(time.monotonic() - started, 1)
    results.write(report, found, markdown, "istrc.evaluation.speed.table:page", seed=0)
    report.facts |= plain(found)
    report.done(table.headline(found))
