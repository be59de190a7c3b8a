"""Commands of `istrc evaluate`, made of what takes a measure: their options, and where they go."""

import inspect
import json
from typing import Annotated, Any

import numpy as np
import pytest
import typer

from istrc.cli.measuring import JudgeOption, LimitOption, Measure, SecondOption, measure_command

COMMON = ["seed", "model", "device", "as_json", "file"]


def take(
    bench: Any,
    faces: Annotated[int, typer.Option(help="How many.")] = 7,
    judge: JudgeOption = None,
    second: SecondOption = True,
) -> dict[str, Any]:
    """Measure something.

    At length.
    """
    place = [bench.split, bench.seed, bench.judge_folder, bench.second]
    return {"faces": faces, "place": place, "size": bench.circle.size}


def size(bench: Any, limit: LimitOption = None) -> dict[str, Any]:
    """Measure something else."""
    return {"known": len(bench.prepared)}


OTHER_DATA = Annotated[str, typer.Option(help="Another layout.")]
MEASURES = {
    "faces": Measure(take, lambda found: f"{found['faces']} faces"),
    "size": Measure(size, str),
    "others": Measure(size, str, data=OTHER_DATA),
}


@pytest.fixture
def taken(write_prepared, toy_model, tmp_path, capsys):
    """Takes a measure of 20 faces of 32 px: its object, and its lines for a human."""
    pytest.importorskip("sklearn")
    faces = np.zeros((20, 32, 32, 3))
    who = dict(identity=np.arange(20), split=np.arange(20) >= 10)
    data = write_prepared(tmp_path, faces, np.ones((20, 1)), attributes=("smile",), **who)

    def run(command, **given):
        command(
            **{"data": str(data), "model": toy_model, "seed": 0, "device": "cpu", "as_json": True}
            | {"split": "valid", "file": None}
            | given
        )
        told = capsys.readouterr()
        return json.loads(told.out), told.err.splitlines()

    return run


def options(command):
    return inspect.signature(command).parameters


def test_a_measure_has_its_own_options_between_those_of_all():
    command = measure_command("faces", MEASURES)
    own = ["faces", "judge", "second"]
    assert list(options(command)) == ["data", *own, "split", *COMMON]
    assert options(command)["faces"].default == 7
    assert options(command)["data"].default is inspect.Parameter.empty
    assert options(command)["split"].default == "valid"
    assert inspect.getdoc(command) == "Measure something.\n\nAt length."
    assert command.__annotations__["judge"] == JudgeOption


def test_what_a_measure_has_not_is_no_option():
    command = measure_command("size", MEASURES)
    assert list(options(command)) == ["data", "limit", "split", *COMMON]
    command = measure_command("others", MEASURES)
    assert list(options(command)) == ["data", "limit", *COMMON]
    assert options(command)["data"].annotation == OTHER_DATA


def test_the_bench_gets_what_it_opens_and_the_measure_its_options(taken, tmp_path):
    file = str(tmp_path / "out.json")
    command = measure_command("faces", MEASURES)
    own = dict(faces=3, judge="j", second=False, split="test", seed=5)
    told, lines = taken(command, **own, file=file)
    assert told["command"] == "evaluate faces" and told["faces"] == 3 and told["size"] == 32
    assert told["place"] == ["test", 5, "j", False]
    assert lines == ["measuring faces ...", file]
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["faces"]["faces"] == 3 and written["seed"] == 5


def test_several_measures_are_taken_with_the_options_chosen_for_each(taken):
    def choose(limit: int = 9, judge: JudgeOption = None) -> dict[str, dict[str, Any]]:
        """Everything."""
        return {"size": {}, "faces": dict(faces=limit)}

    command = measure_command("all", MEASURES, choose)
    assert list(options(command)) == ["data", "limit", "judge", "split", *COMMON]
    assert inspect.getdoc(command) == "Everything."
    told, _ = taken(command, limit=4, judge="j")
    assert [one["part"] for one in told["results"]] == ["size", "faces"]
    assert told["results"][0]["known"] == 20 and told["results"][1]["faces"] == 4
    assert told["results"][1]["place"][2] == "j" and "size" not in told


def test_a_file_is_for_the_json(istrc, tmp_path):
    result = istrc("evaluate", "attributes", tmp_path / "out.json", "--data", tmp_path)
    assert result.exit_code == 1 and "give --json" in result.lines[-1] and len(result.lines) == 1
    assert not (tmp_path / "out.json").exists()
