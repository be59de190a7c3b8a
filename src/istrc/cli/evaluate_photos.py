"""`istrc evaluate photos`: finding, aligning and editing faces in whole photographs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.measuring import (
    Bench,
    DataOption,
    JsonOption,
    MarkdownOption,
    ResultsOption,
    SeedOption,
    SplitOption,
    measure,
    watched,
)


def photos(
    data: DataOption,
    photos: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Photographs to find the faces of and to edit.",
            show_default="none: what is measured on them is left out",
        ),
    ] = None,
    whole: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="CelebA's official folder, whose held-out faces have their surroundings.",
            show_default="the crops of --data",
        ),
    ] = None,
    faces: Annotated[
        int,
        typer.Option(min=1, max=100_000, help="Faces of each condition of detection, at most."),
    ] = 50,
    moved: Annotated[
        int, typer.Option(min=1, max=100_000, help="Faces that are moved and aligned, at most.")
    ] = 500,
    markdown: MarkdownOption = None,
    split: SplitOption = "valid",
    seed: SeedOption = 0,
    model: options.ModelOption = options.MODEL,
    device: options.DeviceOption = "cpu",
    as_json: JsonOption = False,
    results: ResultsOption = None,
) -> None:
    """How faces are found and aligned in photographs, and what an edit leaves of them.

    On photographs put together from held-out faces, whose places are known; and on a folder of
    real ones: sharpness, seam, what changed outside, seconds and memory at 12 megapixels.
    """

    def take(bench: Bench) -> dict[str, Any]:
        from istrc.evaluation.photos import evaluate_photos

        return watched(
            "photos",
            evaluate_photos,
            **bench.common,
            photos=photos,
            whole=whole,
            faces=faces,
            moved=moved,
            seed=bench.seed,
        )

    def table(found: dict[str, Any]) -> str:
        from istrc.evaluation.photos import photos_markdown

        return photos_markdown(found)

    place = dict(data=data, split=split, seed=seed, model=model, device=device)
    measure("photos", {"photos": take}, as_json, results, headline, (markdown, table), **place)


def headline(_: str, found: dict[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    aligned = found["alignment"]["aligned"]
    told = f"eyes {aligned['median']:.3f} eye distances off (90 %: {aligned['p90']:.3f})"
    if found["photographs"]:
        own = found["photographs"]["resolutions"]["own"]
        sharp = [own[mode]["sharpness"] for mode in ("photo", "anchored")]
        told += "; sharpness {:.2f}, of a pasted face {:.2f}".format(*sharp)
    return told
