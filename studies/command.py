"""What the commands of the studies share: their options, where their results go, and tables."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.errors import IstrcError
from istrc.evaluation.results import markdown_table, plain, write_results, write_text
from istrc.shipped import DEFAULT

MADE = "<!-- made by "  # what a page begins with that a study wrote, and may write again


def run(main: Callable[[], None]) -> None:
    """Run a study's `main`; what is wrong with its input is said in one line."""
    try:
        main()
    except IstrcError as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}")


class Study:
    """The command line of one study, `python -m studies.NAME`.

    Args:
        text: what the study asks, its module's docstring.
        model: it works with a circle. data: what its first argument is, if anything.
        split: the faces that it measures on by default; None has no such option.
    """

    def __init__(
        self, name: str, text: str | None, *, model: bool = True, data: str | None = None,
        split: str | None = None,
    ):  # fmt: skip
        self.name = name
        self.parser = argparse.ArgumentParser(prog=f"python -m studies.{name}", description=text)
        if data:
            self.parser.add_argument("data", help=data)
        if model:
            self.parser.add_argument("--model", default=DEFAULT, help="shipped name or folder")
            self.parser.add_argument("--seed", type=int, default=0)
        if split:
            self.parser.add_argument("--split", default=split, help="faces to measure on")
        self.parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
        self.parser.add_argument("--json", help="write the results here")
        self.parser.add_argument("--markdown", help="write the table here")

    def parse(self, arguments: list[str] | None) -> argparse.Namespace:
        self.arguments = arguments or sys.argv[1:]
        self.given = self.parser.parse_args(arguments)
        page = self.given.markdown and Path(self.given.markdown)
        if page and page.is_file() and not page.read_text("utf-8").startswith(MADE):
            self.parser.error(f"{page}: no page that a study made; give --markdown another file")
        return self.given

    def open(self) -> dict[str, Any]:
        """The circle, the prepared folder, and what every measure takes beside them."""
        circle = Circle.from_pretrained(self.given.model, device=self.given.device)
        prepared = Prepared(self.given.data).of_size(circle.size)
        asked = {
            name: value for name, value in vars(self.given).items() if name in ("split", "seed")
        }
        return dict(circle=circle, prepared=prepared, **asked)

    def finish(
        self, part: str, found: Mapping[str, Any], table: Callable[[Mapping[str, Any]], str]
    ) -> None:
        """Print the table, and write it and the results where they were asked for."""
        text = table(plain(found))
        print(text)
        command = shlex.join(["python", "-m", f"studies.{self.name}", *self.arguments])
        if self.given.json:
            seed = getattr(self.given, "seed", None)
            write_results(self.given.json, {part: found}, command=command, seed=seed)
        if self.given.markdown:
            made = f"{MADE}`{command}`; do not edit by hand -->\n"
            write_text(self.given.markdown, made + text)


def records_table(
    first: str, columns: Mapping[str, str], records: Mapping[str, Mapping[str, Any]]
) -> str:
    """`markdown_table` of records by name: of each what `columns` names, under their headings."""
    rows = [[name, *(with_interval(one, key) for key in columns)] for name, one in records.items()]
    return markdown_table([first, *columns.values()], rows)


def with_interval(record: Mapping[str, Any], key: str) -> Any:
    """A figure, with its 95 % interval where its standard error is known."""
    error = record.get("standard_error", {}).get(key)
    return record.get(key) if error is None else f"{record[key]:.3f} ± {1.96 * error:.3f}"
