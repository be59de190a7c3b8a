"""The figures of working on whole photographs: finding, aligning, and putting edits back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from istrc.circle import TRANSFORMATIONS
from istrc.data.prepared import Prepared
from istrc.evaluation.embedding import silent
from istrc.evaluation.photo_edits import MEGAPIXELS, MODES, measure_photographs
from istrc.evaluation.photo_finding import (
    CONDITIONS,
    CROWDS,
    LARGE,
    PICTURES,
    Condition,
    measure_alignment,
    measure_crowds,
    measure_detection,
    steps,
)
from istrc.evaluation.photo_scenes import FEATHER, draw_faces
from istrc.evaluation.results import circle_checksum, markdown_table, records_table
from istrc.photo.inputs import find_inputs


def evaluate_photos(
    *,
    circle: Any,
    prepared: Prepared,
    photos: str | Path | None = None,  # a folder of photographs; None leaves them out
    whole: str | Path | None = None,  # CelebA's official folder; None uses the prepared crops
    split: str = "valid",  # of the crops
    faces: int = 50,  # of each condition of detection, at most
    moved: int = 500,  # that are moved and aligned, at most
    conditions: Sequence[Condition] = CONDITIONS,
    crowds: Mapping[str, Sequence[float]] = CROWDS,  # name -> sides of faces, pixels
    pictures: int = PICTURES,  # of each crowd
    large: Mapping[int, tuple[int, int]] = LARGE,  # megapixels -> height, width
    transformations: Sequence[str] = TRANSFORMATIONS,
    strength: float = 1.0,
    megapixels: float = MEGAPIXELS,
    seed: int = 0,
    progress: Callable[[int, int], None] = silent,
) -> dict[str, Any]:
    """Measure on photographs put together from held-out faces, and on a folder of real ones.

    See `measure_alignment`, `measure_detection`, `measure_crowds`, and `measure_photographs`: there
    every transformation, both directions, of the largest face of each.

    Raises InputError where there is no face, or no photograph with one.
    """
    paths = find_inputs([photos]) if photos is not None else []
    common: dict[str, Any] = dict(split=split, seed=seed)
    to_align = draw_faces(prepared, whole, count=moved, **common)
    to_find = draw_faces(prepared, whole, count=faces, **common)
    known = [name for name in transformations if name in circle.attribute_names]
    edits = [(name, sign * strength) for name in known for sign in (+1, -1)]
    # An edit at both resolutions takes as long as several looks at small pictures
    total = len(to_align) + steps(conditions, len(to_find)) + 4 * len(paths) * len(edits)
    total += pictures * len(crowds) + len(large)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    aligner = circle.aligner
    shared: dict[str, Any] = dict(seed=seed, progress=tick)
    crowded: dict[str, Any] = dict(crowds=crowds, pictures=pictures, large=large)
    found: dict[str, Any] = {
        "alignment": measure_alignment(to_align, aligner, **shared),
        "detection": measure_detection(to_find, aligner, conditions=conditions, **shared),
        "crowds": measure_crowds(to_find, aligner, **crowded, **shared),
        "photographs": None,
    }
    if paths:
        found["photographs"] = measure_photographs(
            circle, paths, edits, megapixels=megapixels, progress=tick
        )
    progress(total, total)
    return {
        **found,
        "faces_are": "crops" if whole is None else "whole",
        "feather": FEATHER,
        "strength": strength,
        "split": split,
        "threads": torch.get_num_threads(),
        "seed": seed,
        "weights": circle_checksum(circle),
    }


def photos_markdown(found: Mapping[str, Any]) -> str:
    """Tables of alignment, of detection, and of edits of whole photographs, with notes."""
    text = [_alignment(found), _detection(found), _crowds(found["crowds"])]
    if found["photographs"]:
        text += [_photographs(found["photographs"], found)]
    return "\n".join(text)


def _alignment(found: Mapping[str, Any]) -> str:
    part = found["alignment"]
    rows = [
        [words, part[key].get("median"), part[key].get("p90")]
        for key, words in (("box", "the box as it is"), ("aligned", "after the aligner"))
    ]
    faces = "whole aligned pictures" if found["faces_are"] == "whole" else "prepared crops"
    return (
        markdown_table(["error of the eyes, eye distances", "median", "90th percentile"], rows)
        + f"\n{part['faces']} held-out faces ({faces}) turned by up to {part['rotate']:g} degrees, "
        f"their boxes moved by up to {part['shift']:g} of the side and resized by up to "
        f"{part['scale']:g}.\n"
    )


def _detection(found: Mapping[str, Any]) -> str:
    part = found["detection"]
    rows = [
        [
            name,
            one["rate"],
            one["false"],
            *(one[key].get(q) for key in ("box", "aligned") for q in ("median", "p90")),
        ]
        for name, one in part["conditions"].items()
    ]
    rows += [[f"no face, {ground}", None, false, *[None] * 4] for ground, false in
             part["empty"].items()]  # fmt: skip
    heads = ["found", "false a picture", "box, median", "box, 90 %", "aligned, median"]
    width, height = part["pixels"]
    crops = (
        "The faces are crops from forehead to chin, faded into the background: harder than a head "
        "with its surroundings. "
    )
    return (
        markdown_table(["a face of", *heads, "aligned, 90 %"], rows)
        + f"\n{part['faces']} photographs of {width}x{height} pixels a condition, put together of "
        "one face and a background (photograph: random, with the spectrum of one). A face's size "
        "is its crop's. Errors of the found faces' eyes in eye distances. "
        f"{crops if found['faces_are'] == 'crops' else ''}\n"
    )


def _crowds(part: Mapping[str, Any]) -> str:
    height, width = part["shape"]
    columns = {"rate": "found", "false": "false a picture"}
    large = [
        [
            f"{megapixels} megapixels",
            one["rate"],
            one["false"],
            one["seconds"],
        ]
        for megapixels, one in part["large"].items()
    ]
    return (
        records_table("faces, pixels", columns, part["crowds"])
        + f"\n{part['pictures']} photographs of {width}x{height} pixels a row, each with all of "
        "its faces; a face's size is the side of its crop.\n\n"
        + markdown_table(["a search of", "found", "false", "seconds"], large)
        + "\nNine faces each, of 2 to 20 % of the height. Not found, whatever their size: heads "
        "turned aside until one eye is hidden, and faces that are all but black.\n"
    )


def _photographs(part: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    words = {"photo": "the change added (photo)", "anchored": "the decoded face pasted (anchored)"}
    rows = []
    for name, resolution in part["resolutions"].items():
        at = "own resolution" if name == "own" else f"{part['megapixels']:g} megapixels"
        for mode in MODES:
            one = resolution[mode]
            outside = f"{one['outside']:.1e}" if one["outside"] else "0"  # not rounded to nothing
            numbers = [one["sharpness"], one["seam"], outside, one["seconds"]]
            rows.append([f"{at}, {words[mode]}", *numbers])
    heads = ["sharpness", "seam", "changed outside", "seconds an edit"]
    text = [
        markdown_table(["photographs", *heads], rows),
        f"\n{len(part['found'])} photographs, the largest face of each, every transformation in "
        f"both directions at strength {found['strength']:g}. Sharpness: variance of the Laplacian "
        "inside the face; seam: mean gradient where the mask fades; both edited over original. "
        "Changed outside: share of pixels beyond the mask. Strength 0 gives every byte back in "
        f"{100 * min(one['nothing'] for one in part['resolutions'].values()):g} % of them. "
        f"{part['faces']:.2f} faces found a photograph, in {part['seconds']:.2f} s.",
    ]
    text += [f" Left out: {name} ({why})." for name, why in part["left_out"].items()]
    return "".join(text) + "\n"
