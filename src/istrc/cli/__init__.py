"""The command line. Only this package prints, parses options and ends the process.

Nothing is imported until a command runs, and then its own module alone: `istrc --help` answers at
once, and an edit does not wait for the options of training.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, Any

import typer

from istrc.cli.command import as_command
from istrc.cli.group import Commands

EXAMPLES = """
istrc edit me.jpg -a smile=+1 -o out.jpg
istrc edit holiday/ -a young=-0.5 --keep bangs -o older/
istrc walk me.jpg -a smile -a beard -o strip.png
istrc embed holiday/ -o z.npy
istrc decode z.npy -o faces/"""

# command: module, its function or the Typer of its own commands, its examples; in order of use
COMMANDS: dict[str, tuple[str, str, str]] = {
    "edit": ("edit", "edit", "EDIT_EXAMPLES"),
    "walk": ("edit", "walk", "WALK_EXAMPLES"),
    "reconstruct": ("vectors", "reconstruct", "RECONSTRUCT_EXAMPLES"),
    "film": ("film", "film", "EXAMPLES"),
    "faces": ("faces", "faces", "EXAMPLES"),
    "embed": ("vectors", "embed", "EMBED_EXAMPLES"),
    "decode": ("vectors", "decode", "DECODE_EXAMPLES"),
    "blend": ("blend", "blend", "EXAMPLES"),
    "average": ("average", "average", "EXAMPLES"),
    "arithmetic": ("arithmetic", "arithmetic", "EXAMPLES"),
    "vary": ("vary", "vary", "EXAMPLES"),
    "compare": ("compare", "compare", "COMPARE_EXAMPLES"),
    "calibrate": ("compare", "calibrate", "CALIBRATE_EXAMPLES"),
    "learn": ("learn", "learn", "EXAMPLES"),
    "serve": ("serve", "serve", "EXAMPLES"),
    "figures": ("figures", "figures", "EXAMPLES"),
    "prepare": ("datasets", "prepare", "EXAMPLES"),
    "train": ("train", "app", ""),
    "evaluate": ("evaluate", "app", ""),
    "inspect": ("inspect", "inspect", "EXAMPLES"),
    "export": ("export", "app", ""),
    "bench": ("bench", "bench", "EXAMPLES"),
    "doctor": ("doctor", "doctor", "EXAMPLES"),
}


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"istrc {version('istrc')}")
        raise typer.Exit


def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def shown(examples: str) -> str:
    """Examples, one a line, as the end of a help has them."""
    lines = examples.split("\n")[1:]
    return "\n\n".join(["Examples:" if len(lines) > 1 else "Example:", *lines])


def built(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """`istrc` with these of its commands."""
    app = typer.Typer(
        cls=Commands,
        help="Edit, compare and rebuild faces in the space of a face recogniser.",
        epilog=shown(EXAMPLES),
        no_args_is_help=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    app.callback()(root)
    for name in names:
        module, function, examples = COMMANDS[name]
        found = import_module(f"istrc.cli.{module}")
        if function == "app":
            app.add_typer(found.app, name=name)
            continue
        command = as_command(name, getattr(found, function))
        app.command(name, epilog=shown(getattr(found, examples)))(command)
    return app


def __getattr__(name: str) -> Any:
    if name == "app":  # all of it, for who asks: tests, documentation, completion
        return built()
    raise AttributeError(name)


def main() -> None:
    """The entry point `istrc`."""
    for stream in (sys.stdout, sys.stderr):  # names that a console's encoding does not have
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    if asked not in ("train", "bench"):
        # A face's matrices are small: a second thread of NumPy's BLAS costs more than it gives.
        # It is read when NumPy is imported
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if asked == "train":
        vars(import_module("istrc.cli.train"))["process_is_ours"] = True
    built([asked] if asked in COMMANDS else COMMANDS)(prog_name="istrc")
