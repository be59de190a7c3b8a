"""`istrc export`: parts of the circle in formats that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from istrc.cli import options
from istrc.cli.command import as_command
from istrc.cli.report import Report
from istrc.errors import InputError
from istrc.shipped import DEFAULT

app = typer.Typer(
    help="Write the circle, or its recogniser, for programs and machines without torch; and "
    "prepared pictures for other programs.",
    no_args_is_help=True,
)


def recogniser(
    report: Report,
    *,
    out: Annotated[str, options.out_option("FILE.ONNX")],
    model: options.ModelOption = DEFAULT,
) -> None:
    """Write the model's FaceNet as ONNX: faces (N, 3, S, S) RGB in [-1, 1] to embeddings (N, D).

    To use the file as a recogniser here, its options are --template crop (mean, scale and colour
    are the defaults).

    Args:
        out: File to write.
    """
    path = Path(out)
    if path.suffix.lower() != ".onnx":
        raise InputError(f"-o {out}: an ONNX file is written; end the name in .onnx")
    circle = options.open_circle(model, "cpu")
    if circle.facenet is None:
        raise InputError(
            f"{model}: belongs to the recogniser {circle.recogniser.record['kind']}, which is "
            "not ours to export; use its own file"
        )
    from istrc.onnx_runtime.export import export_recogniser

    export_recogniser(circle.facenet, path)
    report.done(
        f"{path}: faces (N, 3, {circle.size}, {circle.size}) to embeddings (N, {circle.dim})",
        output=path,
        size=circle.size,
        dim=circle.dim,
    )


def circle(
    report: Report,
    *,
    out: Annotated[str, options.out_option("FOLDER")],
    inside: bool = False,
    model: options.ModelOption = DEFAULT,
) -> None:
    """Write the whole circle as ONNX: embed, step of the walk, map, change, encode, decode.

    FOLDER is then a model that needs no torch: istrc edit --model FOLDER --runtime onnx. Its
    graphs are small and take the weights from the files beside them.

    Args:
        out: Folder to write; the model's own folder gets the graphs beside its weights.
        inside: For other programs: the graphs alone, each with its weights inside, in single
            precision.
    """
    from istrc.runtime import need_torch
    from istrc.shipped import folder_of

    need_torch("istrc export")
    folder, target = folder_of(model), Path(out)
    if not (folder / "circle.json").exists():
        raise InputError(f"{model}: no circle here and none shipped of this name")
    if target.exists() and not target.is_dir():
        raise InputError(f"-o {out}: is a file; give a folder")
    from istrc.onnx_runtime.export import export_circle, export_whole

    written = (export_whole if inside else export_circle)(folder, target)
    graphs = [path for path in written if path.suffix == ".onnx"]
    size = sum(path.stat().st_size for path in written)
    report.done(
        f"{target}: {len(graphs)} graphs, {size / 1e6:.1f} MB",
        output=target,
        graphs=graphs,
        bytes=size,
    )


def data(
    report: Report,
    folder: Annotated[str, typer.Argument(metavar="PREPARED")],
    *,
    out: Annotated[str, options.out_option("FOLDER")],
) -> None:
    """Write a prepared folder as parquet, a file a split, as Hugging Face's datasets reads it.

    istrc prepare reads it, too, and makes the same of it.

    Args:
        folder: What istrc prepare made.
        out: Folder to write.
    """
    from istrc.data.parquet_out import write_parquet
    from istrc.data.prepared import Prepared

    prepared = Prepared(folder)
    written = write_parquet(prepared, out)
    report.done(
        f"{out}: {len(prepared)} pictures in {len(written)} files",
        input=folder,
        output=written,
        count=len(prepared),
    )


for name, function in (("recogniser", recogniser), ("circle", circle), ("data", data)):
    app.command(name)(as_command(f"export {name}", function))
