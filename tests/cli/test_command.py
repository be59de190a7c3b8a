"""Functions made into commands: groups of options become options, a report becomes --json."""

import inspect
import json
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer.main

from istrc.cli.command import as_command, examples_of
from istrc.cli.report import Report
from istrc.errors import IstrcError


@dataclass
class Side:
    """One side.

    Args:
        width: Pixels from the left
            to the right.
    """

    width: Annotated[int, typer.Option(min=-9)] = 3


@dataclass
class Size(Side):
    """Both sides.

    Args:
        height: Pixels.
    """

    height: int = 4

    def __post_init__(self):
        if self.width < 0:
            raise IstrcError(f"--width {self.width}: give a positive number")


def area(
    report: Report,
    name: str,
    *,
    square: bool = False,
    round: bool = True,
    size: Size,
):
    """Tell how large it is.

    Args:
        name: What it is called.
        square: The same either way: also
            where it is not.
        round: As an ellipse.

    Examples:
        area x --width 2
        area y
    """
    report.done(name=name, area=size.width * size.height)


def test_a_group_stands_for_its_options_and_a_report_for_json():
    command = as_command("area", area)
    parameters = inspect.signature(command).parameters
    assert list(parameters) == ["name", "square", "round", "width", "height", "as_json"]
    assert (
        parameters["width"].default == 3 and parameters["name"].default is inspect.Parameter.empty
    )
    assert command.__doc__ == "Tell how large it is."


def test_docstrings_say_what_options_mean():
    app = typer.Typer()
    app.command(epilog=examples_of(area))(as_command("area", area))
    command = typer.main.get_command(app)
    helps = {one.name: one.help for one in command.params}
    assert helps["square"] == "The same either way: also where it is not."
    assert helps["width"] == "Pixels from the left to the right." and helps["height"] == "Pixels."
    assert helps["name"] == "What it is called."
    opts = {one.name: (one.opts, one.secondary_opts) for one in command.params}
    assert opts["square"] == (["--square"], [])  # off: nobody has to say so
    assert opts["round"] == (["--round"], ["--no-round"])
    assert command.epilog == "Examples:\n\narea x --width 2\n\narea y"


def test_the_body_runs_inside_the_report(capsys):
    command = as_command("area", area)
    command(name="x", width=2, height=5, as_json=True)
    assert json.loads(capsys.readouterr().out)["results"] == [{"name": "x", "area": 10}]
    # What a group refuses is one line of the report, too
    with pytest.raises(typer.Exit):
        command(name="x", width=-2, height=5, as_json=True)
    told = capsys.readouterr()
    assert told.err == "istrc area: --width -2: give a positive number\n"
    assert not json.loads(told.out)["ok"]


def test_a_command_may_report_by_itself():
    seen = []
    command = as_command("plain", lambda size=1: seen.append(size))
    assert list(inspect.signature(command).parameters) == ["size"]
    command(size=7)
    assert seen == [7]
