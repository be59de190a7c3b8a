"""What the measures of `istrc evaluate` share: options, what is loaded, and how they report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.report import Report
from istrc.errors import IstrcError
from istrc.progress import Bar
from istrc.shipped import DEFAULT

Found = dict[str, Any]  # what a measure found, by name
JudgeOption = Annotated[str | None, typer.Option(metavar="FOLDER", show_default="the shipped one")]
SplitOption = Annotated[str, typer.Option(metavar="train|valid|test|fit|tune")]
LimitOption = Annotated[int | None, typer.Option(min=1, max=10_000_000, show_default="all")]


@dataclass(kw_only=True)
class ResultsOptions:
    """Where results go, beside a human's eye.

    Args:
        as_json: Print the results as one JSON object; --json FILE also writes them there.
        file: With --json: the file that the results are also written to.
    """

    as_json: Annotated[bool, typer.Option("--json")] = False
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", show_default=False)] = None

    def __post_init__(self) -> None:
        if self.file and not self.as_json:
            raise IstrcError(f"{self.file}: to write the results there, give --json {self.file}")

    def write(self, report: Report, record: dict[str, Any], *, seed: int | None = None) -> None:
        """Write the record where it was asked for, and say where it is."""
        from istrc.evaluation.results import write_results

        if self.file:
            write_results(self.file, record, seed=seed)
            report.facts["written"] = self.file
            report.say(self.file)


@dataclass
class Bench(ResultsOptions):
    """Which circle is measured on which faces; each is loaded when first asked for.

    Args:
        data: A folder made by istrc prepare.
        split: Faces to measure on; tune is the part of train that choices are made on.
    """

    data: Annotated[str, typer.Option(metavar="FOLDER")]
    split: SplitOption = "valid"
    seed: options.SeedOption = 0
    model: options.ModelOption = DEFAULT
    device: options.DeviceOption = "cpu"

    @cached_property
    def circle(self) -> Any:
        return options.open_circle(self.model, self.device)

    @cached_property
    def prepared(self) -> Any:
        """Raises IstrcError for what can be refused before anything is measured."""
        options.need("evaluate", "sklearn", "torchmetrics")
        from istrc.data.prepared import SPLITS

        splits = (*SPLITS, "fit", "tune")
        if self.split not in splits:
            raise IstrcError(f"--split {self.split}: give one of {', '.join(splits)}")
        return options.open_prepared(self.data, self.circle)

    @property
    def common(self) -> dict[str, Any]:
        return dict(circle=self.circle, prepared=self.prepared, split=self.split)

    def judge(self, folder: str | None) -> Any:
        from istrc.evaluation.judges import Judge

        return Judge.load(folder, self.circle.device)

    def recogniser(self, asked: bool) -> Any:
        from istrc.evaluation.identity import SecondRecogniser

        return SecondRecogniser(self.circle.device) if asked else None

    def measured(self, label: str, measure: Callable[..., Found], **settings: Any) -> Found:
        """Call a measure of the circle on prepared faces, with a progress bar."""
        with Bar(label) as bar:
            return measure(**self.common, seed=self.seed, **settings, progress=bar.at)


@dataclass
class TuneBench(Bench):
    """The same, on the faces that choices are made on."""

    split: SplitOption = "tune"
