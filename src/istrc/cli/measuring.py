"""What the measures of `istrc evaluate` share: options, what is loaded, and how they report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.report import Bar, Report
from istrc.errors import IstrcError

DataOption = Annotated[
    str, typer.Option(metavar="FOLDER", help="A folder made by istrc prepare.", show_default=False)
]
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
    int | None,
    typer.Option(min=1, max=10_000_000, help="Faces to measure on.", show_default="all"),
]
GeneratorOption = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="BEGAN's generator: a run folder of istrc train began, or a folder made from it.",
        show_default="none: its space is left out",
    ),
]
MarkdownOption = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Also write the table as Markdown.", show_default="none"),
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
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of every random choice.")]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="Print the results as one JSON object; --json FILE also writes them there."
    ),
]
ResultsOption = Annotated[str | None, typer.Option("--results", hidden=True, help="See --json.")]


@dataclass
class Bench:
    """What the measures share, each loaded when first asked for."""

    report: Report
    data: str
    model: str
    device: str
    seed: int
    split: str = "valid"
    judge_folder: str | None = None
    second: bool = False
    generator_folder: str | None = None
    lfw: bool = False  # LFW's layout will do as well
    pairs: str | None = None  # LFW's pairs.txt, where it is not in the folder

    def __post_init__(self) -> None:
        try:
            import sklearn  # noqa: F401
            import torchmetrics  # noqa: F401
        except ImportError as error:
            raise IstrcError(f"evaluate needs {error.name}: pip install 'istrc[train]'") from error
        from istrc.data.prepared import SPLITS

        splits = (*SPLITS, "fit", "tune")
        if self.split not in splits:
            raise IstrcError(f"--split {self.split}: give one of {', '.join(splits)}")
        # A slip is told before anything is measured
        if self.is_prepared:
            self.prepared  # noqa: B018
        else:
            self.pairs_file  # noqa: B018

    @property
    def is_prepared(self) -> bool:
        """Whether the faces are a prepared folder's; only verification knows another layout."""
        if not self.lfw:
            return True
        return self.pairs is None and (Path(self.data) / "prepared.json").exists()

    @cached_property
    def pairs_file(self) -> Path:
        from istrc.evaluation.lfw import pairs_file

        return pairs_file(self.data, self.pairs)

    @cached_property
    def circle(self) -> Any:
        return options.open_circle(self.model, self.device)

    @cached_property
    def prepared(self) -> Any:
        from istrc.data.prepared import Prepared

        prepared = Prepared(self.data)
        if prepared.size != self.circle.size:
            raise IstrcError(
                f"{self.data}: faces of {prepared.size} px, and the model sees "
                f"{self.circle.size} px; prepare with --size {self.circle.size}"
            )
        return prepared

    @property
    def source(self) -> str | None:
        return self.prepared.info.get("source") if self.is_prepared else "lfw"

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

    @cached_property
    def generator(self) -> Any:
        if self.generator_folder is None:
            return None
        from istrc.evaluation.averages import load_generator

        generator = load_generator(self.generator_folder)
        if generator.size != self.circle.size:
            raise IstrcError(
                f"--generator {self.generator_folder}: makes {generator.size} px, and the model "
                f"sees {self.circle.size} px; train one at that size"
            )
        return generator.to(self.circle.device)


def watched(label: str, measure: Callable[..., dict[str, Any]], **settings: Any) -> dict[str, Any]:
    """Call a measure with a progress bar."""
    with Bar(label, 1) as bar:
        return measure(**settings, progress=bar.at)


def measure(
    part: str,
    parts: dict[str, Callable[[Bench], dict[str, Any]]],
    as_json: bool,
    results: str | None,
    headline: Callable[[str, dict[str, Any]], str],
    table: tuple[str | None, Callable[[dict[str, Any]], str]] | None = None,
    **settings: Any,
) -> None:
    """Run the measures, write them if a file was named, and report.

    `table`: the Markdown file that was asked for, and what makes it of the one part's results.
    """
    with Report(f"evaluate {part}", as_json) as report:
        bench = Bench(report, **settings)
        found: dict[str, Any] = {}
        for name, take in parts.items():
            started = time.monotonic()
            report.say(f"measuring {name} ...")
            found[name] = take(bench)
            found[name]["seconds"] = round(time.monotonic() - started, 1)
        if results:
            from istrc.evaluation.results import write_results

            write_results(
                results,
                {**found, "data": bench.source, "device": str(bench.circle.device)},
                seed=bench.seed,
            )
        for name, value in found.items():
            report.done(f"{name}: {headline(name, value)}", part=name, **value)
        if results:
            report.facts["written"] = results
            report.say(results)
        if table and table[0]:
            from istrc.evaluation.results import plain, write_text

            write_text(table[0], table[1](plain(found[part])))
            report.facts["markdown"] = table[0]
            report.say(table[0])
        if len(found) == 1:
            # The measures of one part stand at the top as well, for scripts that ask for one
            taken = {"part", "seconds", "command", "ok", "results", "errors", *report.facts}
            report.facts |= {k: v for k, v in found[part].items() if k not in taken}
