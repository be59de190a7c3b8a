"""`istrc train PART`: thin doors to the functions of istrc.training, which document themselves."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from istrc.cli import options
from istrc.cli.recognisers import PARAMETERS, open_recogniser
from istrc.cli.report import Report
from istrc.cli.signature import NETS, as_command, read_signature
from istrc.errors import IstrcError

# part: (module, function)
PARTS = {
    "landmarks": ("istrc.training.landmarks", "train_landmarks"),
    "textures": ("istrc.training.shape_free", "make_shape_free"),
    "facenet": ("istrc.training.facenet", "train_facenet"),
    "began": ("istrc.training.began", "train_began"),
    "search": ("istrc.training.search", "train_search"),
    "mapping": ("istrc.training.mapping", "train_mapping"),
    "attributes": ("istrc.training.attributes", "train_attributes"),
    "changes": ("istrc.training.changes", "train_changes"),
    "probes": ("istrc.training.probes", "train_probes"),
    "reach": ("istrc.training.reach", "train_reach"),
    "circle": ("istrc.training.circle", "train_circle"),
    "all": ("istrc.training.everything", "train_all"),
    "judge": ("istrc.evaluation.judges", "train_judge"),
}

SAVES_ITSELF = ("all", "circle", "judge", "textures")


class Doors(TyperGroup):
    """The commands, each made when it is asked for: its options are read from a source file."""

    @property
    def commands(self) -> dict[str, Any]:
        return {part: _command(part) for part in PARTS}

    @commands.setter
    def commands(self, _: Any) -> None:
        """There are no others."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(PARTS)

    def get_command(self, ctx: Any, name: str) -> Any:
        return _command(name) if name in PARTS else None


@cache
def _command(part: str) -> Any:
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    alone.command(part)(_door(part, *PARTS[part]))
    return typer.main.get_command(alone)


app = typer.Typer(
    cls=Doors,
    help="Train a part of the circle, or all of them. A run that was killed goes on where it "
    "was when the same command is given again.",
    no_args_is_help=True,
)

# Set by the entry point: only then may the process be started anew (see _restart).
process_is_ours = False


def _door(part: str, module: str, function: str) -> Callable[..., None]:
    """The command that stands for one training function."""
    purpose, parameters = read_signature(module, function)
    kinds = {p.name: p.annotation.split(" | ")[0] for p in parameters}
    nets = {name: kind for name, kind in kinds.items() if kind in NETS}

    def run(given: dict[str, Any], as_json: bool, **recogniser: Any) -> None:
        with Report(f"train {part}", as_json) as report:
            _restart()
            try:
                train = getattr(import_module(module), function)
                if "recogniser" in given:
                    given["recogniser"] = open_recogniser(
                        given["recogniser"], given["device"], report, **recogniser
                    )
                _load(given, nets)
                trained = train(**given)
                if part not in SAVES_ITSELF:
                    _save(trained, Path(given["out"]))
            except ImportError as error:
                message = f"training needs {error.name}: pip install 'istrc[train]'"
                raise IstrcError(message) from error
            report.done(
                f"{given['out']}: trained", part=part, data=given["data"], output=given["out"]
            )

    extra = inspect.Parameter(
        "as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=options.JsonOption
    )
    further = (*PARAMETERS, extra) if "Recogniser" in nets.values() else (extra,)
    command = as_command(parameters, run, positional=("data", "out"), extra=further)
    command.__doc__ = purpose
    return command


def _load(given: dict[str, Any], nets: dict[str, str]) -> None:
    """Make the device and the trained parts that were named into what the function takes."""
    from istrc.circle import Circle
    from istrc.device import choose_device
    from istrc.models.store import load_part

    device = choose_device(given.get("device", "cpu"))
    if "device" in given:
        given["device"] = device
    for name, kind in nets.items():
        if name not in given or kind == "Recogniser":
            continue
        load = Circle.from_pretrained if kind == "Circle" else load_part
        part = load(given[name], device)
        if type(part).__name__ != kind:
            raise IstrcError(f"--{name} {given[name]}: holds a {type(part).__name__}, not a {kind}")
        given[name] = part


def _save(trained: Any, out: Path) -> None:
    """What was trained, beside its checkpoint, as --facenet and --model read it."""
    from istrc.models.store import save_part

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
    from istrc.training.loop import ALLOCATOR

    if any(name not in os.environ for name in ALLOCATOR):
        os.execve(sys.executable, sys.orig_argv, {**ALLOCATOR, **os.environ})
