"""`istrc evaluate training`: what training a circle took."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from istrc.cli import options
from istrc.cli.measuring import JsonOption, MarkdownOption, ResultsOption
from istrc.cli.report import Report


def training(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="CIRCLE", help="The folder that istrc train all made.", show_default=False
        ),
    ],
    markdown: MarkdownOption = None,
    device: options.DeviceOption = "cpu",
    as_json: JsonOption = False,
    results: ResultsOption = None,
) -> None:
    """What training a circle took, part by part, beside the machine's peak and a GPU's.

    Seconds are those that `istrc train all` kept; the GPU's are projected from counted work.
    """
    with Report("evaluate training", as_json) as report:
        import torch

        from istrc.device import choose_device
        from istrc.evaluation.results import plain, write_results, write_text
        from istrc.evaluation.speed.clock import Clock
        from istrc.evaluation.training import evaluate_training, training_markdown

        started = time.monotonic()
        clock = Clock(torch.device(choose_device(device)))
        found = evaluate_training(folder, clock)
        took = round(time.monotonic() - started, 1)
        if results:
            write_results(results, {"training": {**found, "measuring_seconds": took}})
        report.done(
            f"training: {found['seconds'] / 60:.0f} minutes for {len(found['runs'])} parts; "
            f"{found['gpu_seconds'] / 60:.0f} on a GPU, projected",
            part="training",
            **found,
        )
        if markdown:
            write_text(markdown, training_markdown(plain(found)))
        for name, path in (("written", results), ("markdown", markdown)):
            if path:
                report.facts[name] = path
                report.say(path)
