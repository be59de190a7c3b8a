"""`istrc evaluate photos`: finding, aligning and editing faces in whole photographs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from istrc.cli.measuring import Bench, watched


def photos(
    bench: Bench,
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
) -> dict[str, Any]:
    """How faces are found and aligned in photographs, and what an edit leaves of them.

    On photographs put together from held-out faces, whose places are known; and on a folder of
    real ones: sharpness, seam, what changed outside, seconds and memory at 12 megapixels.
    """
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


def headline(found: dict[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    aligned = found["alignment"]["aligned"]
    told = f"eyes {aligned['median']:.3f} eye distances off (90 %: {aligned['p90']:.3f})"
    if found["photographs"]:
        own = found["photographs"]["resolutions"]["own"]
        sharp = [own[mode]["sharpness"] for mode in ("photo", "anchored")]
        told += "; sharpness {:.2f}, of a pasted face {:.2f}".format(*sharp)
    return told
