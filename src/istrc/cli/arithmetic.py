"""`istrc arithmetic`: sums and differences of faces."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.operands import Operand, read_one
from istrc.cli.pictures import VerbOutput
from istrc.cli.report import Report
from istrc.errors import InputError

_LET = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*=\s*(?P<file>\S.*?)\s*")


def arithmetic(
    report: Report,
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION")],
    *,
    out: Annotated[str, options.out_option()] = "arithmetic.png",
    let: Annotated[list[str], typer.Option(metavar="NAME=FILE")] = [],
    onto: Annotated[
        str | None, typer.Option(metavar="FILE", show_default="decode(F(z)), as in the paper")
    ] = None,
    faces: options.FaceOptions,
    output: VerbOutput,
    model: options.CircleOptions,
) -> None:
    """Calculate with faces: "(A + B)/2 - C + D".

    The embeddings are added up as vectors, and the sum is put back on the sphere: (A + B)/2 is
    the middle of the shortest arc between them.

    Args:
        expression: Faces with + and -, * and / by numbers, and parentheses. A face is a name of
            --let, a file (quoted if it has spaces in it), or a row of saved embeddings, z.npy[3].
            Leave a space beside an operator that stands beside a file.
        out: The picture to write.
        let: A short name for a picture or a row of embeddings; may be repeated.
        onto: Put the result on this face: pose, light and background stay its own.

    Examples:
        istrc arithmetic "A - B + C" --let A=ann.jpg --let B=bob.jpg --let C=cy.jpg -o out.png
        istrc arithmetic "(ann.jpg + 'my friend.jpg') / 2 - cy.jpg + z.npy[3]" -o out.png
        istrc arithmetic "me.jpg + 0.5 * (glasses.jpg - plain.jpg)" --onto me.jpg -o out.png
    """
    from istrc.verbs import expression as expressions

    names = parse_lets(let)
    report.facts.update(expression=expression, onto=onto)
    try:
        weights = expressions.parse(expression)
        expressions.check_names(expression, weights, names)
        files = {operand: _file(operand, names) for operand in weights}
        # What carries the result is no operand
        wanted = {file: operand for operand, file in reversed(files.items())}
        texts = list(dict.fromkeys([*files.values(), *([onto] if onto else [])]))
        output.check(out, texts)
        circle = model.open()
        read: dict[str, Operand] = {}
        for text in texts:
            try:
                read[text] = read_one(circle, text, report, faces)
            except InputError as error:
                if text not in wanted:
                    raise
                raise expressions.ExpressionError(
                    f"{error}{_spaces(wanted[text])}", expression, wanted[text].column
                ) from None
    except expressions.ExpressionError as error:
        # One line, as for every error, and the expression with a caret below it
        report.failed(None, error)
        print(error.shown, file=sys.stderr, flush=True)
        report.errors[-1]["column"] = error.column
        return
    carrier = read[onto] if onto else None
    if carrier is not None and carrier.x is None:
        raise InputError(f"--onto {onto}: an embedding has no picture; give a picture")

    from istrc.data.prepared import to_pixels
    from istrc.photo.write import output_format
    from istrc.verbs.anchor import stack
    from istrc.verbs.arithmetic import arithmetic as calculate

    output_format(Path(out))
    z, _ = stack([read[file] for file in files.values()])
    pair = (carrier.z, carrier.x) if carrier is not None else None
    result = calculate(circle, list(weights.values()), z, onto=pair)
    written = output.write(out, to_pixels(result.face)[0], result.z, generated=carrier is None)
    terms = [
        {
            "operand": str(operand),
            "input": read[file].name,
            "weight": weights[operand],
            "angle": round(angle, 4),
        }
        for (operand, file), angle in zip(files.items(), result.angles.tolist(), strict=True)
    ]
    nearest = min(terms, key=lambda term: term["angle"])
    report.done(
        f"{expression} -> {out}: nearest is {nearest['operand']}, {nearest['angle']:.2f} rad",
        terms=terms,
        vector_length=round(result.length, 4),
        **written,
    )


def parse_lets(texts: list[str]) -> dict[str, str]:
    """`["A=ann.jpg"]` to `{"A": "ann.jpg"}`. Raises InputError for what is not NAME=FILE."""
    names: dict[str, str] = {}
    for text in texts:
        match = _LET.fullmatch(text)
        if match is None:
            raise InputError(f"--let {text}: write NAME=FILE, such as A=ann.jpg")
        if match["name"] in names:
            raise InputError(f"--let {text}: {match['name']} has a file already; use another name")
        names[match["name"]] = match["file"]
    return names


def _file(operand: Any, names: dict[str, str]) -> str:
    file = operand.name if operand.is_file else names[operand.name]
    return file if operand.row is None else f"{file}[{operand.row}]"


def _spaces(operand: Any) -> str:
    """`A-b.jpg` may have been meant as a difference."""
    if operand.is_file and not Path(operand.name).exists() and re.search(r"[-/]", operand.name):
        return " (an operator beside a file needs spaces)"
    return ""
