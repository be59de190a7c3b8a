"""`istrc bench`: speed and size beside the paper, a plain reading and the peers."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from istrc.cli import options
from istrc.cli.group import JsonToFile
from istrc.cli.report import Report
from istrc.errors import IstrcError
from istrc.progress import Bar

EXAMPLES = """Examples:

istrc bench --quick

istrc bench --json results/bench.json --markdown docs/bench.md"""

COMMAND = JsonToFile


def bench(
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
    markdown: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also write the page as Markdown.", show_default="none"),
    ] = None,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the results as one JSON object; --json FILE also writes them there.",
        ),
    ] = False,
    results: Annotated[
        str | None, typer.Option("--results", hidden=True, help="See --json.")
    ] = None,
) -> None:
    """How fast and how light it is, on this machine.

    Rebuilding, walks, training, a large photograph, cold start, memory and sizes; beside each what
    the paper tells, a plain reading of the paper and the peers timed in the same run. Close other
    programs first.
    """
    with Report("bench", as_json) as report:
        _check()
        from istrc.evaluation.results import plain, write_results, write_text
        from istrc.evaluation.speed import table
        from istrc.evaluation.speed.bench import bench as measured

        started = time.monotonic()
        circle = options.open_circle(model, device)
        prepared = _prepared(data, circle) if data else None
        with Bar("bench", 1) as bar:
            found = measured(
                circle,
                model=model,
                prepared=prepared,
                quick=quick,
                progress=bar.at,
                say=report.say,
            )
        found["bench_s"] = round(time.monotonic() - started, 1)
        if results:
            write_results(results, found, seed=0)
            report.facts["written"] = results
            report.say(results)
        if markdown:
            write_text(markdown, table.page(plain(found)))
            report.facts["markdown"] = markdown
            report.say(markdown)
        report.facts |= plain(found)
        report.done(table.headline(found))


def _check() -> None:
    """Raises IstrcError for what could not be done in the end, before anything is measured."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise IstrcError(f"bench needs {error.name}: pip install 'istrc[train]'") from error


def _prepared(folder: str, circle):
    from istrc.data.prepared import Prepared

    prepared = Prepared(folder)
    if prepared.size != circle.size:
        raise IstrcError(
            f"{folder}: faces of {prepared.size} px, and the model sees {circle.size} px; "
            f"prepare with --size {circle.size}"
        )
    return prepared
