"""What an edit does to a whole photograph: how sharp the face stays, its border, and all else."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from istrc.attributes import TRANSFORMATIONS
from istrc.errors import InputError
from istrc.evaluation.embedding import Progress, silent
from istrc.evaluation.metrics import LUMA, finite_mean, standard_error
from istrc.evaluation.results import circle_checksum
from istrc.face import Face
from istrc.photo.align import Frame, around, transform
from istrc.photo.inputs import find_inputs
from istrc.photo.paste import FULL, ROUNDNESS
from istrc.shape.crop import CROP_CENTRE, CROP_SIDE

MEGAPIXELS = 12.0  # of what a telephone takes
MODES = ("photo", "anchored")  # the change added to the photograph, and the decoded face pasted
PULLED = 1.35  # radius beyond which nothing moves with a face (istrc.shape.mesh)
KEYS = ("sharpness", "seam", "outside", "seconds")  # what is measured of an edit
Edits = Sequence[tuple[str, float]]  # attribute, strength


@dataclass(frozen=True)
class Region:
    """Where in a photograph an edit may show."""

    # Rows and columns of the square round what moves with the face, a pixel to spare
    cut: tuple[slice, slice]
    # (h, w) of each of its pixels: 1 on the mask's border, FULL where it begins to fade
    radius: np.ndarray

    @classmethod
    def of(cls, frame: Frame, height: int, width: int) -> Region:
        corners = frame.corners()
        corners = corners.mean(0) + PULLED * (corners - corners.mean(0))
        left, top, right, bottom = around(corners, height, width, margin=1)
        x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
        at = transform(frame.matrix, np.stack([x, y], -1))  # (h, w, 2), in the frame
        u = np.abs((at - CROP_CENTRE) / (CROP_SIDE / 2)) ** ROUNDNESS
        radius = u.sum(-1) ** (1 / ROUNDNESS)
        return cls((slice(top, bottom), slice(left, right)), radius.astype(np.float32))

    @property
    def face(self) -> np.ndarray:
        """Where the mask is 1: (h, w) bool."""
        return self.radius <= FULL

    @property
    def border(self) -> np.ndarray:
        """Where the mask fades: (h, w) bool."""
        return (self.radius > FULL) & (self.radius < 1)


def luminance(pixels: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 -> (h, w) float32, ITU-R BT.601."""
    return pixels.astype(np.float32) @ np.array(LUMA, np.float32)


def sharpness(grey: np.ndarray, where: np.ndarray) -> float:
    """The variance of the Laplacian (four neighbours) over these pixels; NaN over none.

    Pixels of the picture's own edge have too few neighbours and do not count.
    """
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    chosen = laplacian[where[1:-1, 1:-1]]
    return float(chosen.var(dtype=np.float64)) if chosen.size else float("nan")


def roughness(grey: np.ndarray, where: np.ndarray) -> float:
    """The mean length of the gradient (central differences) over these pixels; NaN over none."""
    down, across = np.gradient(grey)
    chosen = np.hypot(down, across)[where]
    return float(chosen.mean(dtype=np.float64)) if chosen.size else float("nan")


def changed_outside(before: np.ndarray, after: np.ndarray, region: Region) -> float:
    """The share of pixels beyond what moves with the face whose bytes are not what they were."""
    changed = (before != after).any(-1)  # (H, W)
    outside = changed.size - int((region.radius < PULLED).sum())
    inside = int((changed[region.cut] & (region.radius < PULLED)).sum())
    return (int(changed.sum()) - inside) / max(outside, 1)


def enlarged(pixels: np.ndarray, megapixels: float = MEGAPIXELS) -> np.ndarray:
    """The photograph at about so many megapixels; as it is where it has as many."""
    height, width = pixels.shape[:2]
    factor = (megapixels * 1e6 / (height * width)) ** 0.5
    if factor <= 1:
        return pixels
    size = (round(width * factor), round(height * factor))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def measure_face(
    face: Face, edits: Edits, progress: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Make every edit of one face of a photograph, and put every question to the photograph.

    `modes[mode][edit]`: `sharpness` inside the face and `seam`, the roughness of the mask's border,
    both edited over original; `outside`, the share of pixels beyond the face that changed;
    `seconds` of the processor. `nothing`: whether strength 0 gives every byte back.
    """
    before = face.picture.pixels
    region = Region.of(face.frame, *before.shape[:2])
    grey = luminance(before[region.cut])
    was_sharp, was_rough = sharpness(grey, region.face), roughness(grey, region.border)
    modes: dict[str, dict[str, dict[str, float]]] = {mode: {} for mode in MODES}
    for attribute, strength in edits:
        strengths: dict[str, Any] = {attribute: strength}
        for mode in MODES:
            started = time.process_time()  # which does not wait for other work
            after = face.edit(mode=mode, **strengths).pixels
            seconds = time.process_time() - started
            grey = luminance(after[region.cut])
            modes[mode][f"{attribute}{'+' if strength > 0 else '-'}"] = {
                "sharpness": _ratio(sharpness(grey, region.face), was_sharp),
                "seam": _ratio(roughness(grey, region.border), was_rough),
                "outside": changed_outside(before, after, region),
                "seconds": seconds,
            }
            progress()
    strengths[attribute] = 0.0
    nothing = face.edit(**strengths).pixels
    return {"modes": modes, "nothing": bool(np.array_equal(nothing, before))}


def evaluate_photos(
    *,
    circle: Any,
    photos: str | Path,  # a folder of photographs
    transformations: Sequence[str] = TRANSFORMATIONS,
    strength: float = 1.0,
    megapixels: float = MEGAPIXELS,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Find the faces of photographs, and edit the largest of each by every transformation, both
    directions.

    `found`: faces and seconds of each photograph, to read, find, align and embed. `resolutions`:
    `measure_face` at the photographs' own and enlarged, as means over photographs and edits.

    Raises InputError where no photograph has a face.
    """
    paths = find_inputs(photos)
    known = [name for name in transformations if name in circle.attribute_names]
    edits = [(name, sign * strength) for name in known for sign in (+1, -1)]
    total, ticks = 2 * len(MODES) * len(paths) * len(edits), count(1)
    found: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    at: dict[str, list] = {"own": [], "enlarged": []}
    for number, path in enumerate(paths):
        try:
            if not number:
                circle.faces(path)  # the first loads the detector
            started = time.perf_counter()
            faces = circle.faces(path)
            seconds = time.perf_counter() - started
        except InputError as error:
            left_out[path.name] = str(error).removeprefix(f"{path}: ")
            continue
        height, width = faces[0].picture.pixels.shape[:2]
        size = dict(width=width, height=height)
        found[path.name] = {"faces": len(faces), "seconds": seconds, **size}
        for name in at:
            try:
                face = faces[0] if name == "own" else enlarged_face(circle, faces[0], megapixels)
            except InputError as error:
                left_out[f"{path.name}, enlarged"] = str(error)
                continue
            at[name].append(measure_face(face, edits, lambda: progress(next(ticks), total)))
    if not found:
        raise InputError(f"no photograph with a face among {len(paths)}: {left_out}")
    return {
        "found": found,
        "left_out": left_out,
        "megapixels": megapixels,
        "faces": sum(one["faces"] for one in found.values()) / len(paths),
        "finding_seconds": finite_mean([one["seconds"] for one in found.values()]),
        "resolutions": {name: together(measured) for name, measured in at.items() if measured},
        "strength": strength,
        "threads": torch.get_num_threads(),
        "weights": circle_checksum(circle),
    }


def enlarged_face(circle: Any, face: Face, megapixels: float) -> Face:
    """The largest face of the enlarged photograph, read as a file of that size would be."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{face.path.stem}.png"
        pixels = enlarged(face.picture.pixels, megapixels)
        Image.fromarray(pixels).save(path, compress_level=1)
        return circle.read(path)


def together(measured: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over photographs of each edit, and over the edits; the worst of what must be 0.

    `standard_error`: of the means over the edits, from those of each photograph.
    """
    summary: dict[str, Any] = {"photographs": len(measured)}
    for mode in MODES:
        of_mode = [one["modes"][mode] for one in measured]
        per_edit = {name: _means([one[name] for one in of_mode]) for name in of_mode[0]}
        of_each = [_means(one.values()) for one in of_mode]
        errors = {key: standard_error(np.array([one[key] for one in of_each])) for key in KEYS}
        summary[mode] = {**_means(per_edit.values()), "standard_error": errors, "edits": per_edit}
    summary["nothing"] = float(np.mean([one["nothing"] for one in measured]))
    return summary


def _means(of: Iterable[dict[str, float]]) -> dict[str, float]:
    of = list(of)
    return {key: finite_mean([one[key] for one in of]) for key in KEYS}


def _ratio(after: float, before: float) -> float:
    return after / before if before > 0 else float("nan")
