"""`istrc export`: parts of the circle in formats that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from istrc.cli import options
from istrc.cli.report import Report
from istrc.errors import InputError

app = typer.Typer(help="Write a part of the circle for other programs.", no_args_is_help=True)


@app.command("recogniser")
def recogniser(
    out: Annotated[
        str,
        typer.Option("-o", "--out", metavar="FILE.ONNX", help="File to write.", show_default=False),
    ],
    model: options.ModelOption = options.MODEL,
    as_json: options.JsonOption = False,
) -> None:
    """Write the model's FaceNet as ONNX: faces (N, 3, S, S) RGB in [-1, 1] to embeddings (N, D).

    To use the file as a recogniser here, its options are --template crop (mean, scale and colour
    are the defaults).
    """
    with Report("export recogniser", as_json) as report:
        path = Path(out)
        if path.suffix.lower() != ".onnx":
            raise InputError(f"-o {out}: an ONNX file is written; end the name in .onnx")
        circle = options.open_circle(model, "cpu")
        if circle.facenet is None:
            raise InputError(
                f"{model}: belongs to the recogniser {circle.recogniser.record['kind']}, which is "
                "not ours to export; use its own file"
            )
        from istrc.recognisers.export import export_onnx

        export_onnx(circle.facenet, path)
        report.done(
            f"{path}: faces (N, 3, {circle.size}, {circle.size}) to embeddings (N, {circle.dim})",
            output=path,
            size=circle.size,
            dim=circle.dim,
        )
