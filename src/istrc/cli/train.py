"""`istrc train PART`: the functions of istrc.training as commands, their settings as options.

A setting is a line of istrc.training.settings, and nothing is said of it again here: see
CONTRIBUTING.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from istrc.cli.command import as_command, with_signature
from istrc.cli.recognisers import SPEC, WHAT, RecogniserOptions
from istrc.cli.report import Report
from istrc.errors import IstrcError
from istrc.training.presets import PRESETS
from istrc.training.settings import OLD_PARTS, PARTS, Run

SAVES_ITSELF = ("all", "circle", "judge", "textures")
# What is worth several processes: the networks that see pictures. The others learn from codes that
# are made once, in minutes
SHARED = ("landmarks", "facenet", "began")

# A trained part is given as the folder that holds it.
NETS = ("FaceNet", "AutoEncoder", "Landmarks", "Circle")


class Parts(TyperGroup):
    """Also by their old names, which no help or page shows."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, OLD_PARTS.get(cmd_name, cmd_name))


app = typer.Typer(
    cls=Parts,
    help="Train a part of the circle, or all of them. A run that was killed goes on where it "
    "was when the same command is given again.",
    no_args_is_help=True,
)

# Allocations of a training step are large and short-lived; with glibc's defaults each one is a
# fresh mmap, and half of the time goes into page faults. These are read when a process starts.
ALLOCATOR = {
    "THP_MEM_ALLOC_ENABLE": "1",
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
}

# Set by the entry point: only then may the process be started anew (see _restart).
process_is_ours = False


def _command(part: str, trainer: str, kind: Any) -> Callable[..., None]:
    """The command that stands for one training function."""
    shown = [option for one in in_order(kind) if (option := _option(one)) is not None]

    def command(report: Report, data: str, out: str, feeding: Any = None, **values: Any) -> None:
        given = {name: value for name, value in values.items() if value is not None}
        _restart()
        if int(os.environ.get("WORLD_SIZE", 1)) > 1 and part not in SHARED:
            raise IstrcError(
                f"train {part}: on one process; those of several are {', '.join(SHARED)}"
            )
        try:
            module, _, function = trainer.rpartition(".")
            train = getattr(import_module(module), function)
            if "recogniser" in given:
                given["recogniser"] = feeding.open(given["recogniser"], given["device"], report)
            from istrc.training import processes

            processes.connect(given.get("device", "cpu"))
            _load(given, kind)
            trained = train(data, out, **given)
            if part not in SAVES_ITSELF and processes.rank() == 0:
                _save(trained, Path(out))
        except ImportError as error:
            message = f"training needs {error.name}: pip install 'istrc[train]'"
            raise IstrcError(message) from error
        report.done(f"{out}: trained", part=part, data=data, output=out)

    parameters = [
        _parameter("report", Report),
        _parameter("data", Annotated[str, typer.Argument(metavar="DATA", help=kind.data)]),
        _parameter("out", Annotated[str, typer.Argument(metavar="OUT", help=kind.out)]),
        *shown,
    ]
    if any(option.name == "recogniser" for option in shown):
        parameters.append(_parameter("feeding", RecogniserOptions))
    text = (kind.__doc__ or "").partition("\n")[0]
    return as_command(f"train {part}", with_signature(command, parameters, text))


def in_order(kind: type) -> list[Field]:
    """The settings of a part, its own first and those of every part last."""
    shared = [one.name for one in fields(Run)]
    return sorted(fields(kind), key=lambda one: one.name in shared)


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> Any:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _option(one: Field) -> inspect.Parameter | None:
    """The option that stands for a setting; None where no text can stand for its type."""
    name = one.type.split(" | ")[0]
    offered = {
        "int": (int, "INTEGER"),
        "float": (float, "NUMBER"),
        "bool": (bool, None),
        "str": (str, "TEXT"),
        "Path": (str, "FOLDER"),
        "Recogniser": (str, SPEC),
        "tuple[int, ...]": (str, "N,N,..."),
        **dict.fromkeys(NETS, (str, "FOLDER")),
    }
    if name not in offered:
        return None
    kind, metavar = offered[name]
    flag = one.name.rstrip("_").replace("_", "-")
    default = inspect.Parameter.empty if one.default is MISSING else one.default
    if isinstance(default, tuple):
        default = ",".join(map(str, default)) or None
    preset = [f"{name}_steps" for name in PRESETS["face128"].steps]
    information = typer.Option(
        f"--{flag}/--no-{flag}" if kind is bool else f"--{flag}",
        metavar=metavar,
        help=f"Any recogniser: {WHAT}." if metavar == SPEC else one.metadata["help"],
        show_default="the preset's" if one.default is None and one.name in preset else True,
        parser=_numbers if name.startswith("tuple") else None,
    )
    return _parameter(one.name, Annotated[kind, information], default)


def _numbers(text: str) -> tuple[int, ...]:
    """ "64,96" as (64, 96)."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        message = f"{text!r} is not a list of numbers separated by commas"
        raise typer.BadParameter(message) from None


def _load(given: dict[str, Any], kind: type) -> None:
    """Make the device and the trained parts that were named into what the function takes."""
    from istrc.circle import Circle
    from istrc.device import choose_device
    from istrc.models.serialization import load_part

    device = choose_device(given.get("device", "cpu"))
    if "device" in given:
        given["device"] = device
    for one in fields(kind):
        wanted = one.type.split(" | ")[0]
        if one.name not in given or wanted not in NETS:
            continue
        folder = given[one.name]
        part = (Circle.from_pretrained if wanted == "Circle" else load_part)(folder, device)
        if type(part).__name__ != wanted:
            found = type(part).__name__
            raise IstrcError(f"--{one.name} {folder}: holds a {found}, not a {wanted}")
        given[one.name] = part


def _save(trained: Any, out: Path) -> None:
    """What was trained, beside its checkpoint, as --facenet and --model read it."""
    from istrc.models.serialization import save_part

    if hasattr(trained, "save_pretrained"):
        trained.save_pretrained(out)
        return
    first, *others = trained if isinstance(trained, tuple) else (trained,)
    save_part(first, out)
    for other in others:  # BEGAN's generator
        save_part(other, out / type(other).__name__.lower())


def _restart() -> None:
    """Start this process anew with the allocator's settings, which are read only at the start."""
    if not (process_is_ours and sys.platform == "linux"):
        return
    if any(name not in os.environ for name in ALLOCATOR):
        os.execve(sys.executable, sys.orig_argv, {**ALLOCATOR, **os.environ})


for _part, _of in PARTS.items():
    app.command(_part)(_command(_part, *_of))
