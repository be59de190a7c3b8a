"""The root command: every failure is one line, and --json holds even for a mistyped option."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from istrc.cli.report import one_line, print_json
from istrc.runtime import REMEDY, without_torch

# Typer carried Click inside itself from some release on; its base classes are the same by name.
UsageError = typer.BadParameter.__bases__[0]
ClickException: Any = UsageError.__bases__[0]
STOPPED = 130  # 128 and the number of Ctrl-C's signal, as shells have it


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
