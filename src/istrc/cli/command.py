"""How a function becomes a command: groups of options, and the report around its body.

And the command above them all: every failure is one line, and --json holds even for a mistyped
option.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from copy import copy
from dataclasses import is_dataclass
from typing import Annotated, Any, get_args, get_origin

import typer
from typer.core import TyperGroup

from istrc.cli.options import JsonOption, Shared
from istrc.cli.report import Report, one_line, print_json
from istrc.progress import Bar
from istrc.runtime import REMEDY, without_torch

# Typer carried Click inside itself from some release on; its base classes are the same by name.
UsageError = typer.BadParameter.__bases__[0]
ClickException: Any = UsageError.__bases__[0]
STOPPED = 130  # 128 and the number of Ctrl-C's signal, as shells have it


def as_command(name: str, function: Callable[..., None]) -> Callable[..., None]:
    """The function that typer makes the command `istrc NAME` of.

    A parameter that is a dataclass stands for its fields, which are options that several commands
    share. A parameter `report` stands for --json (which a group may have): the body runs inside
    that report. What the docstrings of both say of a parameter under Args is its option's help;
    where they say nothing it is what `options.Shared` says.
    """
    groups: dict[str, tuple[Any, list[str]]] = {}
    options: list[inspect.Parameter] = []
    for parameter in options_of(function):
        kind: Any = parameter.annotation
        if is_dataclass(kind):
            own = options_of(kind)
            groups[parameter.name] = kind, [one.name for one in own]
            options += own
        elif parameter.name != "report":
            options.append(parameter)
    reported = "report" in inspect.signature(function).parameters
    grouped = any(option.name == "as_json" for option in options)
    if reported and not grouped:
        json = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False)
        options.append(json.replace(annotation=JsonOption))

    def call(given: dict[str, Any]) -> None:
        objects = {
            group: kind(**{name: given.pop(name) for name in names})
            for group, (kind, names) in groups.items()
        }
        function(**given, **objects)

    def command(**given: Any) -> None:
        if not reported:
            call(given)
            return
        as_json = given["as_json"] if grouped else given.pop("as_json")
        with Report(name, as_json) as report, Bar(name):
            call({"report": report, **given})

    return with_signature(command, options, sections(function)["Text"])


def options_of(source: Any) -> list[inspect.Parameter]:
    """The parameters of a function or a dataclass, by keyword, their annotations as objects."""
    parameters = inspect.signature(source, eval_str=True).parameters.values()
    named = [one for one in parameters if one.kind is not one.VAR_KEYWORD]
    helps: dict[str, str] = {}
    for one in (Shared, *reversed(getattr(source, "__mro__", [source]))):
        told = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", sections(one).get("Args", ""), re.M)
        helps |= {name: " ".join(text.split()) for name, text in told}
    return [_with_help(one.replace(kind=one.KEYWORD_ONLY), helps.get(one.name)) for one in named]


def sections(source: Any) -> dict[str, str]:
    """A docstring by its sections, Args and Examples; what stands before them is Text."""
    parts = re.split(r"\n\n(Text|Args|Examples):\n", f"\n\nText:\n{inspect.getdoc(source) or ''}")
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def examples_of(source: Any) -> str:
    """The examples of a docstring, one a line, as the end of a help has them."""
    lines = [line.strip() for line in sections(source)["Examples"].split("\n")]
    return "\n\n".join(["Examples:" if len(lines) > 1 else "Example:", *lines])


def _with_help(parameter: inspect.Parameter, text: str | None) -> inspect.Parameter:
    """The parameter as an option with this help, without a default as an argument; what is off by
    default has no --no-NAME.
    """
    kind: Any = parameter.annotation
    if text is None or is_dataclass(kind):
        return parameter
    said: Any = typer.Option()
    if get_origin(kind) is Annotated:
        kind, said = get_args(kind)
    elif parameter.default is parameter.empty:
        said = typer.Argument()
    elif parameter.default is False:
        said = typer.Option(f"--{parameter.name.replace('_', '-')}")
    option = copy(said)
    option.help = option.help or text
    return parameter.replace(annotation=Annotated[kind, option])


def with_signature(
    command: Callable[..., None], parameters: list[inspect.Parameter], text: str | None
) -> Callable[..., None]:
    """The function under the signature and the text that typer shall find."""
    vars(command)["__signature__"] = inspect.Signature(parameters)  # no attribute for the checker
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    # Where a docstring breaks its lines no terminal does
    command.__doc__ = text and re.sub(r"(?<!\n)\n(?=\S)", " ", text)
    return command


class Commands(TyperGroup):
    """Prints usage errors as one line (exit 2) and, under --json, as the object too."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)  # in the order of use, not of the alphabet

    # Typer's `main` differs from release to release; it is handed on what it was given
    def main(  # type: ignore[override]
        self, args: list[str] | None = None, *, standalone_mode: bool = True, **how: Any
    ) -> Any:
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **how)
        try:
            code = super().main(args, standalone_mode=False, **how)
        except ClickException as error:
            if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
                error.show()
            else:
                self._usage(error, list(sys.argv[1:] if args is None else args))
            code = error.exit_code
        except ImportError as error:
            if not without_torch(error):
                raise
            print(f"istrc: this command needs torch: {REMEDY}", file=sys.stderr)
            code = 1
        except typer.Abort:  # Ctrl-C, from some releases of Typer
            code = STOPPED
        if code == STOPPED:
            print("istrc: stopped", file=sys.stderr)
        sys.exit(code if isinstance(code, int) else 0)

    def _usage(self, error: Any, given: list[str]) -> None:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "istrc"
        message = one_line(error.format_message()).rstrip(".")
        print(f"{path}: {message} (see {path} --help)", file=sys.stderr)
        if "--json" in given:
            command = path.partition(" ")[2]
            errors = [{"input": None, "message": message}]
            print_json({"command": command, "ok": False, "results": [], "errors": errors})
