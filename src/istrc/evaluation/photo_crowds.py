"""How well faces of many sizes are found in one photograph, and what the search takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from istrc.evaluation.photo_edits import peak_memory
from istrc.evaluation.photo_finding import found_in
from istrc.evaluation.photo_scenes import background, frame_at, is_face, lay
from istrc.photo.align import Frame
from istrc.photo.find import Found

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
PATCH = 512  # pixels of a ground that is laid side by side, mirrored, in every picture


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
    pixels, frames = ground(shape, rng), []
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
        pixels = lay(faces[rng.integers(len(faces))], pixels, frames[-1])
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
    seconds of the search, median of three, and its memory in bytes.
    """
    told: dict[str, Any] = {"crowds": {}, "large": {}, "pictures": pictures, "shape": SHAPE}
    for name, sides in crowds.items():
        hits, false = [], []
        for number in range(pictures):
            rng = np.random.default_rng([seed, number])
            pixels, frames = crowd(faces, sides, SHAPE, rng)
            hit, beside = compared(found_in(pixels, aligner), frames)
            hits.append(hit / len(frames))
            false.append(beside)
            progress()
        told["crowds"][name] = {"rate": float(np.mean(hits)), "false": float(np.mean(false))}
    for megapixels, shape in large.items():
        sides = np.linspace(0.2, 0.02, 9) * shape[0]
        pixels, frames = crowd(faces, sides, shape, np.random.default_rng([seed, *shape]))
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            found = found_in(pixels, aligner)
            seconds.append(time.perf_counter() - started)
        hit, beside = compared(found, frames)
        memory = peak_memory(lambda pixels=pixels: found_in(pixels, aligner))
        told["large"][str(megapixels)] = {
            "rate": hit / len(frames),
            "false": beside,
            "seconds": median(seconds),
            "memory": memory,
        }
        progress()
    return told


def compared(found: Sequence[Found], frames: Sequence[Frame]) -> tuple[int, int]:
    """How many of the faces were found, and how much was that is none."""
    hits = sum(any(is_face(one.box, frame) for one in found) for frame in frames)
    return hits, sum(not any(is_face(one.box, frame) for frame in frames) for one in found)
