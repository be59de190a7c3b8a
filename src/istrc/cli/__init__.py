"""The command line. Only this package prints, parses options and ends the process.

Nothing heavy is imported until a command runs: `istrc --help` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from istrc.cli import (
    arithmetic,
    average,
    bench,
    blend,
    compare,
    datasets,
    edit,
    evaluate,
    export,
    faces,
    figures,
    film,
    inspect,
    learn,
    train,
    vary,
    vectors,
)
from istrc.cli.group import Commands, JsonToFile

EXAMPLES = """Examples:

istrc edit me.jpg -a smile=+1 -o out.jpg

istrc edit holiday/ -a young=-0.5 --keep bangs -o older/

istrc walk me.jpg -a smile -a beard -o strip.png

istrc embed holiday/ -o z.npy

istrc decode z.npy -o faces/"""

app = typer.Typer(
    cls=Commands,
    help="Edit, compare and rebuild faces in the space of a face recogniser.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"istrc {version('istrc')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


app.command("edit", epilog=edit.EDIT_EXAMPLES)(edit.edit)
app.command("walk", epilog=edit.WALK_EXAMPLES)(edit.walk)
app.command("reconstruct", epilog=vectors.RECONSTRUCT_EXAMPLES)(vectors.reconstruct)
app.command("film", epilog=film.EXAMPLES)(film.film)
app.command("faces", epilog=faces.EXAMPLES)(faces.faces)
app.command("embed", epilog=vectors.EMBED_EXAMPLES)(vectors.embed)
app.command("decode", epilog=vectors.DECODE_EXAMPLES)(vectors.decode)
app.command("blend", epilog=blend.EXAMPLES)(blend.blend)
app.command("average", epilog=average.EXAMPLES)(average.average)
app.command("arithmetic", epilog=arithmetic.EXAMPLES)(arithmetic.arithmetic)
app.command("vary", epilog=vary.EXAMPLES)(vary.vary)
app.command("compare", epilog=compare.COMPARE_EXAMPLES)(compare.compare)
app.command("calibrate", epilog=compare.CALIBRATE_EXAMPLES)(compare.calibrate)
app.command("learn", epilog=learn.EXAMPLES)(learn.learn)
app.command("figures", cls=figures.ManyInputs, epilog=figures.EXAMPLES)(figures.figures)
app.command("prepare", epilog=datasets.EXAMPLES)(datasets.prepare)
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="evaluate")
app.command("inspect", epilog=inspect.EXAMPLES)(inspect.inspect)
app.add_typer(export.app, name="export")
app.command("bench", cls=JsonToFile, epilog=bench.EXAMPLES)(bench.bench)


def main() -> None:
    """The entry point `istrc`."""
    for stream in (sys.stdout, sys.stderr):  # names that a console's encoding does not have
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    train.process_is_ours = True
    app(prog_name="istrc")
