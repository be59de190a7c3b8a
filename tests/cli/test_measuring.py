"""Commands of `istrc evaluate`, made of what takes a measure: their options, and where they go."""

import inspect
from typing import Annotated, Any

import pytest
import typer

from istrc.cli import measuring
from istrc.cli.measuring import JudgeOption, LimitOption, Measure, SecondOption, as_command
from istrc.shipped import DEFAULT

COMMON = ["seed", "model", "device", "as_json", "results"]


def take(
    bench: Any,
    faces: Annotated[int, typer.Option(help="How many.")] = 7,
    judge: JudgeOption = None,
    second: SecondOption = True,
) -> dict[str, Any]:
    """Measure something.

    At length.
    """
    return {"faces": faces, "of": bench}


def size(bench: Any, limit: LimitOption = None) -> dict[str, Any]:
    """Measure something else."""
    return {}


OTHER_DATA = Annotated[str, typer.Option(help="Another layout.")]
MEASURES = {
    "faces": Measure(take, lambda found: f"{found['faces']} faces", "json:dumps"),
    "size": Measure(size, str, data=OTHER_DATA, lfw=True),
    "tuned": Measure(size, str, split="tune"),
}


@pytest.fixture
def ran(monkeypatch):
    """What a command hands on: name, parts, as_json, results, markdown, and what a bench takes."""
    seen = []
    monkeypatch.setattr(measuring, "run", lambda *given, **place: seen.append((*given, place)))
    return seen


def options(command):
    return inspect.signature(command).parameters


def test_a_measure_has_its_own_options_between_those_of_all():
    command = as_command("faces", MEASURES)
    own = ["faces", "judge", "second"]
    assert list(options(command)) == ["data", *own, "markdown", "split", *COMMON]
    assert options(command)["faces"].default == 7
    assert options(command)["data"].default is inspect.Parameter.empty
    assert options(command)["split"].default == "valid"
    assert inspect.getdoc(command) == "Measure something.\n\nAt length."
    assert command.__annotations__["judge"] == JudgeOption


def test_what_a_measure_has_not_is_no_option():
    command = as_command("size", MEASURES)
    assert list(options(command)) == ["data", "limit", "split", *COMMON]
    assert options(command)["data"].annotation == OTHER_DATA
    assert options(as_command("tuned", MEASURES))["split"].default == "tune"


def test_the_bench_gets_what_it_opens_and_the_measure_its_options(ran):
    as_command("faces", MEASURES)(
        data="d", faces=3, judge="j", second=False, split="test", seed=5, markdown="m.md"
    )
    [(name, parts, as_json, results, markdown, place)] = ran
    assert (name, as_json, results, markdown) == ("faces", False, None, "m.md")
    assert parts == {"faces": (MEASURES["faces"], dict(faces=3, judge="j", second=False))}
    assert place == dict(
        data="d", split="test", seed=5, model=DEFAULT, device="cpu", lfw=False,
        judge_folder="j", second=False,
    )  # fmt: skip
    as_command("size", MEASURES)(data="d")
    assert ran[1][-1]["lfw"]


def test_several_measures_are_taken_with_the_options_chosen_for_each(ran):
    def choose(limit: int = 9, judge: JudgeOption = None) -> dict[str, dict[str, Any]]:
        """Everything."""
        return {"size": {}, "faces": dict(faces=limit)}

    command = as_command("all", MEASURES, choose)
    assert list(options(command)) == ["data", "limit", "judge", "split", *COMMON]
    command(data="d", limit=4, judge="j")
    [(name, parts, *_, place)] = ran
    assert name == "all" and list(parts) == ["size", "faces"]
    assert parts["faces"] == (MEASURES["faces"], dict(faces=4))
    assert place["judge_folder"] == "j" and inspect.getdoc(command) == "Everything."
