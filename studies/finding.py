"""How well faces are found in photographs, alone and in crowds, and how exact their frames are.

    python -m studies.finding prepared/ --whole CELEBA --json results/finding.json
    python -m studies.finding prepared/ --only kinds

On photographs put together from held-out faces, whose places are known. The kinds of faces (heads
turned aside, tones of skin, covered faces) are crops of the prepared folder, which needs landmarks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from studies.command import Study, records_table
from studies.scenes import (
    BACKGROUNDS,
    EYE_DISTANCE,
    FEATHER,
    background,
    box_of,
    disturbed,
    draw_faces,
    eye_error,
    frame_at,
    is_face,
    lay,
    spoilt,
)

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation.embedding import Progress, silent
from istrc.evaluation.groups import DARK, LIGHT, TURNED, Groups, skin_angle
from istrc.evaluation.results import markdown_table
from istrc.photo.align import FindsPoints, Frame, find_frame, frame_from_box
from istrc.photo.find import Found, find_faces
from istrc.progress import Bar
from istrc.shape.crop import CROP_SIDE

HEIGHT, WIDTH = 720, 960  # pixels of a photograph that is put together
SIZES = (40, 60, 80, 120, 240)  # sides of faces' crops, pixels
# Of each picture the sides of its faces, the largest first
CROWDS = {
    **{f"6 of {side}": (side,) * 6 for side in SIZES},
    "15 of 40 to 80": tuple(np.linspace(80, 40, 15)),
    "1 of 600, 6 of 100": (600, *(100,) * 6),
    "2 each of 40 to 240": tuple(side for side in reversed(SIZES) for _ in range(2)),
}
SHAPE = (1500, 2000)  # height and width of a picture, pixels
PICTURES = 4  # of each crowd
LARGE = {12: (3000, 4000), 50: (5774, 8660)}  # megapixels: height, width
PATCH = 512  # pixels of a ground that is laid side by side, mirrored, in every crowd
PARTS = ("alignment", "detection", "kinds", "crowds")
# How far the nose's tip lies beside the middle of the eyes, in their distances. No face of CelebA's
# valid split has more than 0.8, one in a hundred more than 0.55. No degrees: of profiles the points
# say too little, for the network that set them draws both eyes
YAWS = (TURNED, 0.3, 0.4, 0.55, 0.8)
DARKEST = -30.0  # degrees of the typology angle: below is "dark", between it and DARK "brown"
SEEN = 5  # pictures of a person that tell dark skin from shade: none of them is light
# The points that an ellipse covers; of the eye the picture's left one, with its brow
COVERS = {
    "one eye": (*range(17, 22), *range(36, 42)),
    "the mouth": tuple(range(48, 60)),
    "the lower half": (*range(2, 15), 30),  # from the nose's tip to the chin, as a mask
}
SHIFT, SCALE, ROTATE = 0.1, 1.15, 30.0  # of a box: share of its side, factor, degrees


@dataclass(frozen=True)
class Condition:
    """How a face is put into a photograph."""

    size: float = 0.2  # side of THE CROP, as a share of the photograph's height
    ground: str = "photograph"
    angle: float = 0.0  # degrees, clockwise
    light: float = 1.0  # factor on all pixels
    blur: float = 0.0  # standard deviation, in eye distances

    @property
    def name(self) -> str:
        plain = Condition(size=self.size, ground=self.ground)
        worse = {
            "turned {:g} degrees": (self.angle, plain.angle),
            "light x {:g}": (self.light, plain.light),
            "blurred by {:g} eye distances": (self.blur, plain.blur),
        }
        words = [f"{100 * self.size:g} % of the height, {self.ground}"]
        return ", ".join([*words, *(w.format(v) for w, (v, usual) in worse.items() if v != usual)])


# Every size on every background, and then one thing at a time
CONDITIONS = (
    *(Condition(size, ground) for size in (0.05, 0.1, 0.2, 0.4, 0.8) for ground in BACKGROUNDS),
    *(Condition(angle=angle) for angle in (15.0, 30.0)),
    *(Condition(light=light) for light in (0.5, 0.25)),
    *(Condition(blur=blur) for blur in (0.05, 0.1, 0.2)),
)


def quantiles(errors: Sequence[float]) -> dict[str, float]:
    """The median and the 90th percentile; {} of nothing."""
    if not len(errors):
        return {}
    middle, high = np.quantile(errors, (0.5, 0.9))
    return {"median": float(middle), "p90": float(high)}


def measure_alignment(
    faces: Sequence[np.ndarray],
    aligner: FindsPoints | None,
    *,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Put every face somewhere, draw a wrong box round it, and align it from there.

    The face is 80 to 320 pixels large (THE CROP) and turned by up to `ROTATE` degrees; its box is
    upright, moved by up to `SHIFT` of its side and resized by up to `SCALE`. Errors in eye
    distances: `box`, when the box is taken as it is; `aligned`, after the aligner's looks.
    """
    box_errors, errors = [], []
    for number, face in enumerate(faces):
        rng = np.random.default_rng([seed, number])
        side = 80 * 4 ** rng.uniform()
        space = int(2.2 * side)
        centre = tuple(space / 2 + rng.uniform(-0.2, 0.2, 2) * side)
        true = frame_at(centre, side, np.radians(rng.uniform(-ROTATE, ROTATE)))
        pixels = lay(face, background("photograph", space, space, rng), true)
        box = disturbed(box_of(true), rng, shift=SHIFT, scale=SCALE)
        box_errors.append(eye_error(frame_from_box(box), true))
        errors.append(eye_error(find_frame(pixels, box, aligner), true))
        progress()
    return {
        "box": quantiles(box_errors),
        "aligned": quantiles(errors),
        "faces": len(faces),
        "shift": SHIFT,
        "scale": SCALE,
        "rotate": ROTATE,
    }


def scene(face: np.ndarray, condition: Condition, rng: np.random.Generator):
    """A photograph (H, W, 3) uint8 of one face as the condition says, and the face's frame."""
    side = condition.size * HEIGHT
    room = np.maximum(np.array([WIDTH, HEIGHT]) - side, 0) / 2
    centre = np.array([WIDTH, HEIGHT]) / 2 + rng.uniform(-1, 1, 2) * room
    frame = frame_at(tuple(centre), side, np.radians(condition.angle))
    pixels = lay(face, background(condition.ground, HEIGHT, WIDTH, rng), frame)
    eyes = EYE_DISTANCE * side / CROP_SIDE  # pixels between them
    return spoilt(pixels, condition.light, condition.blur * eyes), frame


def found_in(pixels: np.ndarray, aligner: FindsPoints | None) -> list[Found]:
    """The faces that are found in a picture; that there is none is no error here."""
    try:
        return find_faces(pixels, "", aligner)
    except InputError:
        return []


def detect(
    faces: Sequence[np.ndarray],
    aligner: FindsPoints | None,
    condition: Condition,
    *,
    seed: int,
    progress: Callable[[], None],
) -> dict[str, Any]:
    """`rate`, `false`, `box` and `aligned` of `measure_detection`, under one condition."""
    hits, false, box_errors, errors = 0, 0, [], []
    for number, face in enumerate(faces):
        # The same places and grounds under every condition of the same size
        rng = np.random.default_rng([seed, number])
        pixels, true = scene(face, condition, rng)
        found = found_in(pixels, aligner)
        own = [one for one in found if is_face(one.box, true)]
        hits += bool(own)
        false += len(found) - len(own)
        if own:
            box_errors.append(eye_error(frame_from_box(own[0].box), true))
            errors.append(eye_error(own[0].frame, true))
        progress()
    return {
        "rate": hits / len(faces),
        "false": false / len(faces),
        "box": quantiles(box_errors),
        "aligned": quantiles(errors),
    }


def measure_detection(
    faces: Sequence[np.ndarray],
    aligner: FindsPoints | None,
    *,
    conditions: Sequence[Condition] = CONDITIONS,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Find every face under every condition, one a photograph.

    For each condition: `rate`, the share that is found; `false`, detections a photograph that are
    of nothing; `box` and `aligned`, errors of the found faces' frames as in `measure_alignment`.
    `empty` has the false detections of backgrounds alone, as many as there are faces.
    """
    result = {
        condition.name: asdict(condition)
        | detect(faces, aligner, condition, seed=seed, progress=progress)
        for condition in conditions
    }
    empty = {}
    for ground in dict.fromkeys(condition.ground for condition in conditions):
        count = 0
        for number in range(len(faces)):
            rng = np.random.default_rng([seed, number, 1])
            count += len(found_in(background(ground, HEIGHT, WIDTH, rng), aligner))
            progress()
        empty[ground] = count / len(faces)
    return {"conditions": result, "empty": empty, "faces": len(faces), "pixels": [WIDTH, HEIGHT]}


def steps(conditions: Sequence[Condition], faces: int) -> int:
    """How often `measure_detection` tells its progress."""
    return faces * (len(conditions) + len({condition.ground for condition in conditions}))


def covered(
    face: np.ndarray, points: np.ndarray, part: Sequence[int], colour: np.ndarray
) -> np.ndarray:
    """A face (S, S, 3) uint8 with an ellipse of one colour (3,) round the box of some points.

    points: (68, 2) in [-1, 1]. part: which of them.
    """
    size = len(face)
    own = (points[list(part)] + 1) * size / 2  # pixels
    low, high = own.min(0), own.max(0)
    axis = np.arange(size) + 0.5
    away = (np.stack(np.meshgrid(axis, axis), -1) - (low + high) / 2) / (high - low)  # (S, S, 2)
    inside = (away**2).sum(-1) <= 0.5  # the box's corners are at (1/2, 1/2)
    return np.where(inside[..., None], colour, face).astype(np.uint8)


def kinds(
    prepared: Prepared, *, split: str, count: int, seed: int
) -> dict[str, Sequence[np.ndarray]]:
    """By name, at most `count` faces (S, S, 3) uint8 of each kind.

    Heads turned aside, in bins of `YAWS`; of those that look ahead, skin tones, and people whose
    skin is brown or dark in all of their pictures, so that it is no shade; and the first of those
    that look ahead, with something before the face. A kind of which there is none is left out.

    Raises InputError where the data has no landmarks or scikit-image is missing.
    """
    points, groups = prepared.landmarks, Groups(prepared, split)
    rows = np.random.default_rng(seed).permutation(prepared.rows(split))
    yaw = np.abs(groups.yaw[rows])
    tone = np.array([skin_angle(prepared.images[row], points[row]) for row in rows])
    ahead = yaw <= TURNED
    which = {f"looks ahead, up to {TURNED:g} aside": ahead}
    for low, high in pairwise(YAWS):
        which[f"turned, {low:g} to {high:g} aside"] = (yaw > low) & (yaw <= high)
    which |= {
        f"light tone, over {LIGHT:g}": ahead & (tone > LIGHT),
        f"brown tone, {DARK:g} to {DARKEST:g}": ahead & (tone < DARK) & (tone >= DARKEST),
        f"dark tone, under {DARKEST:g}": ahead & (tone < DARKEST),
        f"people under {DARK:g} in all pictures": ahead & _dark(prepared.identity[rows], tone),
    }
    drawn: dict[str, Sequence[np.ndarray]] = {
        name: prepared.images[rows[own][:count]] for name, own in which.items() if own.any()
    }
    rng = np.random.default_rng([seed, 2])
    for name, part in COVERS.items():
        drawn[f"{name} covered"] = [
            covered(prepared.images[row], points[row], part, rng.integers(0, 256, 3))
            for row in rows[ahead][:count]
        ]
    return drawn


def _dark(people: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Which faces (N,) are of people with `SEEN` pictures and more, all of them under `DARK`."""
    _, person, count = np.unique(people, return_inverse=True, return_counts=True)
    lightest = np.full(len(count), -np.inf)
    np.maximum.at(lightest, person, tone)  # NaN stays: a tone that is not known
    return ((lightest < DARK) & (count >= SEEN))[person] & (people >= 0)


def ground(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8 with the spectrum of a photograph, whatever its size."""
    height, width = shape
    patch = background("photograph", PATCH, PATCH, rng)
    patch = np.concatenate([patch, patch[:, ::-1]], 1)
    patch = np.concatenate([patch, patch[::-1]])  # no seam
    times = (-(-height // (2 * PATCH)), -(-width // (2 * PATCH)), 1)
    return np.ascontiguousarray(np.tile(patch, times)[:height, :width])


def crowd(
    faces: Sequence[np.ndarray],
    sides: Sequence[float],
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[np.ndarray, list[Frame]]:
    """A photograph (H, W, 3) uint8 with a face of each side, none over another; their frames."""
    pixels = ground(shape, rng)
    frames: list[Frame] = []
    for side in sides:
        for _ in range(10_000):
            centre = rng.uniform(0.9 * side, np.array(shape[::-1]) - 0.9 * side)
            # Its surroundings may cover those of the others, but no face
            if all(
                np.abs(centre - frame.corners().mean(0)).max() > 0.5 * frame.side + 0.9 * side
                for frame in frames
            ):
                break
        else:
            raise ValueError(f"{len(sides)} faces of up to {max(sides):g} do not fit in {shape}")
        frames.append(frame_at(tuple(centre), side, rng.normal() * 0.1))
        pixels = lay(faces[int(rng.integers(len(faces)))], pixels, frames[-1])
    return pixels, frames


def measure_crowds(
    faces: Sequence[np.ndarray],
    aligner: Any,
    *,
    crowds: Mapping[str, Sequence[float]] = CROWDS,
    pictures: int = PICTURES,
    large: Mapping[int, tuple[int, int]] = LARGE,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Find the faces of crowds, and time the search of large photographs.

    `crowds`: of each the share of faces that are found, and what is found a picture beside them.
    `large`: of each so many megapixels the same of nine faces of 2 to 20 % of the height, the
    seconds of the search, median of three.
    """
    result: dict[str, Any] = {"crowds": {}, "large": {}, "pictures": pictures, "shape": SHAPE}
    for name, sides in crowds.items():
        hits, false = [], []
        for number in range(pictures):
            rng = np.random.default_rng([seed, number])
            pixels, frames = crowd(faces, sides, SHAPE, rng)
            hit, beside = compared(found_in(pixels, aligner), frames)
            hits.append(hit / len(frames))
            false.append(beside)
            progress()
        result["crowds"][name] = {"rate": float(np.mean(hits)), "false": float(np.mean(false))}
    for megapixels, shape in large.items():
        nine = np.linspace(0.2, 0.02, 9) * shape[0]
        pixels, frames = crowd(faces, nine.tolist(), shape, np.random.default_rng([seed, *shape]))
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            found = found_in(pixels, aligner)
            seconds.append(time.perf_counter() - started)
        hit, beside = compared(found, frames)
        result["large"][str(megapixels)] = {
            "rate": hit / len(frames),
            "false": beside,
            "seconds": median(seconds),
        }
        progress()
    return result


def compared(found: Sequence[Found], frames: Sequence[Frame]) -> tuple[int, int]:
    """How many of the faces were found, and how much was that is none."""
    hits = sum(any(is_face(one.box, frame) for one in found) for frame in frames)
    return hits, sum(not any(is_face(one.box, frame) for frame in frames) for one in found)


def evaluate_finding(
    *,
    circle: Any,
    prepared: Prepared,
    whole: str | Path | None = None,  # CelebA's official folder; None uses the prepared crops
    split: str = "valid",  # of the crops
    faces: int = 50,  # of each condition of detection, at most
    moved: int = 500,  # that are moved and aligned, at most
    conditions: Sequence[Condition] = CONDITIONS,
    crowds: Mapping[str, Sequence[float]] = CROWDS,  # name -> sides of faces, pixels
    pictures: int = PICTURES,  # of each crowd
    large: Mapping[int, tuple[int, int]] = LARGE,  # megapixels -> height, width
    parts: Collection[str] = PARTS,  # what is measured
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """`measure_alignment`, `measure_detection`, `detect` of all `kinds`, and `measure_crowds`.

    Raises InputError where there is no face, and of `kinds` where the data has no landmarks.
    """
    common: dict[str, Any] = dict(split=split, seed=seed)
    to_align = draw_faces(prepared, whole, count=moved, **common)
    to_find = draw_faces(prepared, whole, count=faces, **common)
    of_kinds = kinds(prepared, count=faces, **common) if "kinds" in parts else {}
    ticks = count(1)
    steps_of = {
        "alignment": len(to_align),
        "detection": steps(conditions, len(to_find)),
        "kinds": sum(map(len, of_kinds.values())),
        "crowds": pictures * len(crowds) + len(large),
    }
    total = sum(steps_of[part] for part in parts)
    shared: dict[str, Any] = dict(seed=seed, progress=lambda: progress(next(ticks), total))
    crowded: dict[str, Any] = dict(crowds=crowds, pictures=pictures, large=large)
    aligner = circle.aligner
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        "alignment": lambda: measure_alignment(to_align, aligner, **shared),
        "detection": lambda: measure_detection(to_find, aligner, conditions=conditions, **shared),
        "kinds": lambda: {
            name: detect(own, aligner, Condition(), **shared) | {"faces": len(own)}
            for name, own in of_kinds.items()
        },
        "crowds": lambda: measure_crowds(to_find, aligner, **crowded, **shared),
    }
    return {part: measures[part]() for part in PARTS if part in parts} | {
        "faces_are": "crops" if whole is None else "whole",
        "feather": FEATHER,
        "split": split,
    }


def finding_markdown(found: Mapping[str, Any]) -> str:
    """Tables of alignment, of detection, of kinds of faces and of crowds, as they were measured."""
    tables = dict(zip(PARTS, (_alignment, _detection, _kinds, _crowds), strict=True))
    return "\n".join(table(found) for part, table in tables.items() if part in found)


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
    errors = [(key, q) for key in ("box", "aligned") for q in ("median", "p90")]
    rows = [
        [name, one["rate"], one["false"], *(one[key].get(q) for key, q in errors)]
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


def _kinds(found: Mapping[str, Any]) -> str:
    columns = {"faces": "faces", "rate": "found", "false": "false a picture"}
    errors = {"median": "aligned, median", "p90": "aligned, 90 %"}
    rows = {name: {**one, **one["aligned"]} for name, one in found["kinds"].items()}
    return (
        records_table("a face", {**columns, **errors}, rows)
        + f"\nPrepared crops, {Condition().name}, one a photograph of {WIDTH}x{HEIGHT} pixels. "
        "Aside: how far the nose's tip lies beside the middle of the eyes, in eye distances, less "
        "the median of all; not in degrees. Tone: of heads that look ahead, degrees of the "
        "individual typology angle; it says what the picture shows, so that shade is dark too. "
        f"People: who has {SEEN} pictures or more. "
        "Covered: the first row's faces, with an ellipse of one random colour over each.\n"
    )


def _crowds(found: Mapping[str, Any]) -> str:
    part = found["crowds"]
    height, width = part["shape"]
    columns = {"rate": "found", "false": "false a picture"}
    large = {f"{megapixels} megapixels": one for megapixels, one in part["large"].items()}
    return (
        records_table("faces, pixels", columns, part["crowds"])
        + f"\n{part['pictures']} photographs of {width}x{height} pixels a row, each with all of "
        "its faces; a face's size is the side of its crop.\n\n"
        + records_table("a search of", {**columns, "seconds": "seconds"}, large)
        + "\nNine faces each, of 2 to 20 % of the height. Not found, whatever their size: heads "
        "turned aside until one eye is hidden, and faces that are all but black.\n"
    )


def main(arguments: list[str] | None = None) -> None:
    study = Study("finding", __doc__, data="a folder made by istrc prepare", split="valid")
    add = study.parser.add_argument
    add("--whole", help="CelebA's official folder, whose held-out faces have their surroundings")
    add("--faces", type=int, default=50, help="of each condition of detection, at most")
    add("--moved", type=int, default=500, help="faces that are moved and aligned, at most")
    add("--only", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    given = study.parse(arguments)
    asked = dict(parts=given.only, whole=given.whole, faces=given.faces, moved=given.moved)
    with Bar("finding") as bar:
        found = evaluate_finding(**study.open(), **asked, progress=bar.at)
    study.finish("finding", found, finding_markdown)


if __name__ == "__main__":
    main()
