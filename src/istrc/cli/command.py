"""How a function becomes a command: groups of options, and the report around its body."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

from istrc.cli.options import JsonOption
from istrc.cli.report import Report
from istrc.progress import Bar


def as_command(name: str, function: Callable[..., None]) -> Callable[..., None]:
    """The function that typer makes the command `istrc NAME` of.

    A parameter that is a dataclass stands for its fields, which are options that several commands
    share. A parameter `report` stands for --json (which a group may have): the body runs inside
    that report.
    """
    groups: dict[str, Any] = {}
    options: list[inspect.Parameter] = []
    for parameter in options_of(function):
        kind: Any = parameter.annotation
        if is_dataclass(kind):
            groups[parameter.name] = kind
            options += options_of(kind)
        elif parameter.name != "report":
            options.append(parameter)
    reported = "report" in inspect.signature(function).parameters
    grouped = any(option.name == "as_json" for option in options)
    if reported and not grouped:
        json = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False)
        options.append(json.replace(annotation=JsonOption))

    def call(given: dict[str, Any]) -> None:
        objects = {
            group: kind(**{option.name: given.pop(option.name) for option in options_of(kind)})
            for group, kind in groups.items()
        }
        function(**given, **objects)

    def command(**given: Any) -> None:
        if not reported:
            call(given)
            return
        as_json = given["as_json"] if grouped else given.pop("as_json")
        with Report(name, as_json) as report, Bar(name):
            call({"report": report, **given})

    return with_signature(command, options, function.__doc__)


def options_of(source: Any) -> list[inspect.Parameter]:
    """The parameters of a function or a dataclass, by keyword, their annotations as objects."""
    parameters = inspect.signature(source, eval_str=True).parameters.values()
    named = [one for one in parameters if one.kind is not one.VAR_KEYWORD]
    return [one.replace(kind=one.KEYWORD_ONLY) for one in named]


def with_signature(
    command: Callable[..., None], parameters: list[inspect.Parameter], text: str | None
) -> Callable[..., None]:
    """The function under the signature and the text that typer shall find."""
    vars(command)["__signature__"] = inspect.Signature(parameters)  # no attribute for the checker
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    command.__doc__ = text
    return command
