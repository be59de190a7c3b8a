"""`istrc arithmetic`: sums and differences of faces."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.operands import Operand, read_one, stack
from istrc.cli.pictures import EmbeddingOption, check_outputs, save_embeddings
from istrc.cli.report import Report
from istrc.cli.vectors import write_face
from istrc.errors import InputError

EXAMPLES = """Examples:

istrc arithmetic "A - B + C" --let A=ann.jpg --let B=bob.jpg --let C=cy.jpg -o out.png

istrc arithmetic "(ann.jpg + 'my friend.jpg') / 2 - cy.jpg + z.npy[3]" -o out.png

istrc arithmetic "me.jpg + 0.5 * (glasses.jpg - plain.jpg)" --onto me.jpg -o out.png"""

_LET = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*=\s*(?P<file>\S.*?)\s*")


def arithmetic(
    expression: Annotated[
        str,
        typer.Argument(
            metavar="EXPRESSION",
            help="Faces with + and -, * and / by numbers, and parentheses. A face is a name of "
            "--let, a file (quoted if it has spaces in it), or a row of saved embeddings, "
            "z.npy[3]. Leave a space beside an operator that stands beside a file.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="OUT", help="The picture to write.")
    ] = "arithmetic.png",
    let: Annotated[
        list[str],
        typer.Option(
            "--let",
            metavar="NAME=FILE",
            help="A short name for a picture or a row of embeddings; may be repeated.",
            show_default=False,
        ),
    ] = [],  # noqa: B006  typer copies it
    onto: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Put the result on this face: pose, light and background stay its own.",
            show_default="decode(F(z)), as in the paper",
        ),
    ] = None,
    save: EmbeddingOption = None,
    face: options.FaceOption = "largest",
    aligned: options.AlignedOption = False,
    provenance: options.ProvenanceOption = True,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    runtime: options.RuntimeOption = options.Runtime.auto,
    as_json: options.JsonOption = False,
) -> None:
    """Calculate with faces: "(A + B)/2 - C + D".

    The embeddings are added up as vectors, and the sum is put back on the sphere: (A + B)/2 is
    the middle of the shortest arc between them.
    """
    from istrc.verbs import expression as expressions

    with Report("arithmetic", as_json) as report:
        which, names = options.parse_face(face), parse_lets(let)
        report.facts.update(expression=expression, onto=onto)
        try:
            weights = expressions.parse(expression)
            expressions.check_names(expression, weights, names)
        except expressions.ExpressionError as error:
            _fail(report, error)
            return
        files = {operand: _file(operand, names) for operand in weights}
        check_outputs(out, [*files.values(), *([onto] if onto else [])], save)
        circle = options.open_circle(model, device, runtime.value)
        read: dict[str, Operand] = {}
        for text in [*files.values(), *([onto] if onto else [])]:
            if text in read:
                continue
            try:
                read[text] = read_one(circle, text, report, which, aligned)
            except InputError as error:
                operand = next((o for o, file in files.items() if file == text), None)
                if operand is None:
                    raise
                hint = _spaces(operand)
                _fail(
                    report,
                    expressions.ExpressionError(f"{error}{hint}", expression, operand.column),
                )
                return
        carrier = read[onto] if onto else None
        if carrier is not None and carrier.x is None:
            raise InputError(f"--onto {onto}: an embedding has no picture; give a picture")

        from istrc.data.prepared import to_pixels
        from istrc.photo.write import output_format
        from istrc.verbs.arithmetic import arithmetic as calculate

        output_format(Path(out))
        z, _ = stack([read[file] for file in files.values()])
        pair = (carrier.z, carrier.x) if carrier is not None else None
        made = calculate(circle, list(weights.values()), z, onto=pair)
        pixels = to_pixels(made.face)[0]
        write_face(pixels, Path(out), provenance, generated=carrier is None)
        save_embeddings(made.z, save)
        terms = [
            {
                "operand": str(operand),
                "input": read[file].name,
                "weight": weight,
                "angle": round(angle, 4),
            }
            for (operand, weight), file, angle in zip(
                weights.items(), files.values(), made.angles.tolist(), strict=True
            )
        ]
        nearest = min(terms, key=lambda term: term["angle"])
        report.done(
            f"{expression} -> {out}: nearest is {nearest['operand']}, {nearest['angle']:.2f} rad",
            output=Path(out),
            embeddings=save and Path(save),
            terms=terms,
            vector_length=round(made.length, 4),
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


def _fail(report: Report, error: Any) -> None:
    """One line, as for every error, and the expression with a caret below it."""
    report.failed(None, error)
    print(error.shown, file=sys.stderr, flush=True)
    report.errors[-1]["column"] = error.column
