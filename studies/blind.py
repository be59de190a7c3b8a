"""Which of two programs' edits does somebody prefer who does not know which is which?

    istrc evaluate editing --data prepared/ --keep-pictures new/     (and old/, of another commit)
    python -m studies.blind make prepared/ new/ old/ sheets/
    python -m studies.blind score sheets/ verdict.csv --json results/blind.json

`make` writes sheets of triples: the untouched face, and the same edit of it by both programs, A and
B in an order that is drawn anew for every face, four faces a sheet; and key.json, which nobody who
judges should open. A verdict is a CSV with a row for each face: edit, face (its number, from 0),
a_believable, a_asked, b_believable, b_asked (yes or no) and better (A, B or equal). Small pictures
of a whole table look better than they are: sheets are drawn at 2.5 times the faces' size.
"""

from __future__ import annotations

import argparse
import csv
import shlex
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from studies.command import run
from studies.kept import faces_of, read_kept

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation.results import markdown_table, write_results
from istrc.whole import read_json, write_json

A_SHEET, TIMES = 4, 2.5  # faces of a sheet; times their size
ANSWERS = ("a_believable", "a_asked", "b_believable", "b_asked")
NAMES = ("believable", "asked", "both", "preferred")
ORDERS = {"A": "AB", "B": "BA"}  # the letters of both programs, by that of the first


def make(data: Path, first: Path, second: Path, out: Path, faces: int, seed: int) -> int:
    """Write the sheets of the edits that both folders have, of faces that both have; how many."""
    prepared, rng = Prepared(data), np.random.default_rng(seed)
    one, other = (read_kept(folder, prepared) for folder in (first, second))
    out.mkdir(parents=True, exist_ok=True)
    key, sheets = {}, 0
    for edit in sorted(one.keys() & other.keys()):
        rows, *places = np.intersect1d(one[edit].rows, other[edit].rows, return_indices=True)
        some = np.sort(rng.permutation(len(rows))[:faces])
        drawn = [of[edit].pictures[at[some]] for of, at in zip((one, other), places, strict=True)]
        tiles = []
        for number, (face, *both) in enumerate(
            zip(faces_of(prepared, rows[some]), *drawn, strict=True)
        ):
            letter = "AB"[rng.integers(2)]  # the first's
            key[f"{edit} {number}"] = letter
            tiles.append(np.concatenate([face, *(both if letter == "A" else both[::-1])], 1))
        for start in range(0, len(tiles), A_SHEET):
            sheet = Image.fromarray(np.concatenate(tiles[start : start + A_SHEET]))
            size = round(sheet.width * TIMES), round(sheet.height * TIMES)
            sheet.resize(size, Image.Resampling.LANCZOS).save(out / f"{edit}_{start}.png")
            sheets += 1
    if not key:
        raise InputError(f"{first} and {second}: no edit of the same faces in both")
    write_json(out / "key.json", {"first": str(first), "second": str(second), "letters": key})
    return sheets


def score(sheets: Path, verdict: Path) -> dict[str, dict[str, int]]:
    """Of each edit and of all, how many of either program's pictures were found believable, as
    asked and both, and which was preferred.

    Raises InputError for a row that names no face of the sheets, or has another answer.
    """
    letters = read_json(sheets / "key.json")["letters"]
    found: dict[str, Counter[str]] = defaultdict(Counter)
    with open(verdict, newline="") as file:
        rows = list(csv.DictReader(file))
    for line, row in enumerate(rows, 2):
        row = {name: (value or "").strip() for name, value in row.items()}
        face = f"{row.get('edit')} {row.get('face')}"
        plain = {row.get(name) for name in ANSWERS} <= {"yes", "no"}
        if face not in letters or not plain or row.get("better") not in ("A", "B", "equal"):
            raise InputError(
                f"{verdict}, line {line}: {face!r} is none of the sheets' faces, or an answer is "
                "not yes, no, A, B or equal"
            )
        for of in (row["edit"], "all"):
            found[of]["faces"] += 1
            for who, letter in zip(("first", "second"), ORDERS[letters[face]], strict=True):
                seen = [row[f"{letter.lower()}_{name}"] == "yes" for name in NAMES[:2]]
                values = *seen, all(seen), row["better"] == letter
                for name, value in zip(NAMES, values, strict=True):
                    found[of][f"{who}_{name}"] += value
    return {edit: dict(counts) for edit, counts in sorted(found.items())}


def table(found: dict[str, dict[str, int]]) -> str:
    """What `score` found, in Markdown: first / second."""
    rows = [
        [edit, of["faces"], *(f"{of[f'first_{name}']} / {of[f'second_{name}']}" for name in NAMES)]
        for edit, of in found.items()
    ]
    return markdown_table(["edit", "faces", *NAMES], rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.blind", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="write sheets, and the key to them")
    for name, help_ in (
        ("data", "the prepared folder"), ("first", "a program's pictures"),
        ("second", "another's"), ("out", "the folder of the sheets"),
    ):  # fmt: skip
        making.add_argument(name, type=Path, help=help_)
    making.add_argument("--faces", type=int, default=12, help="of each edit")
    making.add_argument("--seed", type=int, default=0)
    scoring = commands.add_parser("score", help="count what somebody found")
    scoring.add_argument("sheets", type=Path, help="the folder of the sheets")
    scoring.add_argument("verdict", type=Path, help="the CSV")
    scoring.add_argument("--json", help="write the results here")
    given = parser.parse_args(arguments)
    if given.command == "make":
        many = make(given.data, given.first, given.second, given.out, given.faces, given.seed)
        print(f"{given.out}: {many} sheets")
        return
    found: Any = score(given.sheets, given.verdict)
    print(table(found))
    if given.json:
        key = read_json(given.sheets / "key.json")
        told = {"first": key["first"], "second": key["second"], "edits": found}
        command = shlex.join(["python", "-m", "studies.blind", *(arguments or sys.argv[1:])])
        write_results(given.json, {"blind": told}, command=command)


if __name__ == "__main__":
    run(main)
