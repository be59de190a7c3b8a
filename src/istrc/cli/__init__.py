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

from istrc.cli.command import Commands, as_command, examples_of

# command: the module of its function, or of the Typer of its own commands; in order of use
COMMANDS = {
    "edit": "edit",
    "walk": "edit",
    "reconstruct": "vectors",
    "film": "film",
    "faces": "faces",
    "embed": "vectors",
    "decode": "vectors",
    "blend": "new_faces",
    "average": "new_faces",
    "arithmetic": "arithmetic",
    "vary": "new_faces",
    "compare": "compare",
    "calibrate": "compare",
    "learn": "learn",
    "serve": "serve",
    "figures": "figures",
    "prepare": "datasets",
    "train": "train",
    "evaluate": "evaluate",
    "inspect": "inspect",
    "export": "export",
    "bench": "bench",
    "doctor": "doctor",
}


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"istrc {version('istrc')}")
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Edit, compare and rebuild faces in the space of a face recogniser.

    Args:
        version: Print the version.

    Examples:
        istrc edit me.jpg -a smile=+1 -o out.jpg
        istrc edit holiday/ -a young=-0.5 --keep bangs -o older/
        istrc walk me.jpg -a smile -a beard -o strip.png
        istrc embed holiday/ -o z.npy
        istrc decode z.npy -o faces/
    """


def built(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """`istrc` with these of its commands."""
    app = typer.Typer(
        cls=Commands,
        epilog=examples_of(root),
        no_args_is_help=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    app.callback()(as_command("", root))
    for name in names:
        module = import_module(f"istrc.cli.{COMMANDS[name]}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            function = getattr(module, name)
            app.command(name, epilog=examples_of(function))(as_command(name, function))
    return app


def __getattr__(name: str) -> Any:
    if name == "app":  # all of it, for who asks: tests, documentation, completion
        return built()
    raise AttributeError(name)


def main() -> None:
    """The entry point `istrc`."""
    for name in ("stdout", "stderr"):  # a daemon may have closed them
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))
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
