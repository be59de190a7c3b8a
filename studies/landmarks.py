r"""How well landmarks are found: against dlib's labels, in mirrors, and as an aligner.

    python -m studies.landmarks prepared/ --json results/landmarks.json \
        --markdown docs/results/landmarks.md

Errors are distances over the distance of the eyes' centres. dlib's predictor made the labels that
the network was trained on, of other people; its own noise is in them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from studies.command import Study, records_table
from torch.nn import functional as F

from istrc.arrays import numpy
from istrc.circle import Circle
from istrc.data.prepared import Prepared, to_pixels
from istrc.errors import InputError
from istrc.evaluation.embedding import Progress, silent
from istrc.evaluation.groups import Groups
from istrc.progress import Bar
from istrc.resample import resized
from istrc.roc import roc_auc
from istrc.shape.frame import aligning, mirrored
from istrc.shape.measures import MEASURED, eyes, measures
from istrc.training.changes import REGIONS
from istrc.training.landmarks import grid, in_views, occlude, similarities
from istrc.training.loop import generator

LABELS = ("eyeglasses", "beard", "wearing_hat", "smile", "mouth_open")  # groups of their own
BATCH = 128
ASTRAY = dict(shift=0.12, scale=1.25, rotate=20.0)  # of a frame to be put right


def errors(found: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distances (N, 68) of points (N, 68, 2) from where they belong, over the eye distance."""
    left, right = eyes(points)
    unit = np.linalg.norm(right - left, axis=-1)[:, None]
    return np.linalg.norm(found - points, axis=-1) / unit


def summarise(apart: np.ndarray) -> dict[str, float]:
    """The mean over the points and faces, and the 95th percentile of the faces' means."""
    of_faces = apart.mean(1)
    return {
        "mean": float(apart.mean()),
        "median": float(np.median(of_faces)),
        "p95": float(np.percentile(of_faces, 95)),
        "faces": len(apart),
    }


def realigned(circle: Circle, x: torch.Tensor, rng: np.random.Generator) -> np.ndarray:
    """Faces x (B, 3, S, S) seen under wrong frames, put right in three looks: how far from their
    places the eyes land, (B,) over the eye distance.
    """
    net, mean = circle.landmarks, numpy(circle.landmarks.mean)
    frames = similarities(rng, len(x), **ASTRAY)  # view -> face
    for look in range(3):
        seen = F.grid_sample(x, grid(frames, circle.size), "bilinear", "border", False)
        pixels = to_pixels(resized(seen, net.size if look == 2 else net.rough_size))
        shapes = net.find_in(pixels, rough=look < 2)[..., :2]
        for number, shape in enumerate(shapes):
            back = np.vstack([aligning(shape.astype(np.float64), mean), [0, 0, 1]])
            frame = np.vstack([frames[number], [0, 0, 1]])
            frames[number] = (frame @ np.linalg.inv(back))[:2]
    # A frame that is right takes each place of the view to itself
    there = np.broadcast_to(np.stack(eyes(mean)), (len(x), 2, 2)).astype(np.float64)
    unit = np.linalg.norm(there[:, 1] - there[:, 0], axis=-1)
    return np.linalg.norm(in_views(there, frames) - there, axis=-1).mean(1) / unit


def evaluate_landmarks(
    *,
    circle: Circle,
    prepared: Prepared,  # with landmarks
    split: str = "valid",
    limit: int | None = None,  # faces, at most
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Measure the landmark network.

    `error`: of all points, of each region, and of each group of faces. `mirror`: how far points
    found in the mirrored picture lie from the mirrored points. `eyes`: as an aligner, where the
    eyes land after frames that were off. `measures`: correlation of each measure of a shape with
    that of the labels. `covered`: area under the curve of telling covered points, and the share
    of faces with nothing over them that it doubts. `milliseconds`: of a face, alone, on this
    machine, its mirror image included.
    """
    if circle.landmarks is None:
        raise InputError("this circle takes all shapes as the same; it finds no landmarks")
    rows, labels = prepared.rows(split)[:limit], prepared.landmarks.astype(np.float64)
    found, logits, twice, landed, hidden, doubt = [], [], [], [], [], []
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        x = prepared.batch(some)
        seen = numpy(circle.find(x))
        found.append(seen[..., :2])
        logits.append(seen[..., 2])
        small = resized(x, circle.landmarks.size)
        with torch.no_grad():
            one, other = circle.landmarks(small), circle.landmarks(small.flip(3))
        twice.append(errors(numpy(mirrored(other))[..., :2], numpy(one)[..., :2]))
        rng = generator(seed, start)
        landed.append(realigned(circle, x, rng))
        laid = x.clone()
        hidden.append(occlude(laid, labels[some], rng))
        doubt.append(numpy(circle.find(laid))[..., 2])
        progress(start + len(some), len(rows))
    found, points = np.concatenate(found), labels[rows]
    apart = errors(found, points)
    groups = Groups(prepared, split).of(rows)
    groups |= {
        name: prepared.column(name)[rows] == 1
        for name in LABELS
        if name in prepared.attribute_names
    }
    ours, theirs = measures(found), measures(points)
    landed = np.concatenate(landed)
    clear = np.concatenate(logits)[:, 48:68].max(1) > 0
    face = prepared.batch(rows[:1])
    began = time.perf_counter()
    for _ in range(20):
        circle.find(face)
    return {
        "split": split,
        "faces": len(rows),
        "seed": seed,
        "error": summarise(apart),
        "regions": {name: summarise(apart[:, list(some)]) for name, some in REGIONS.items()},
        "groups": {name: summarise(apart[of]) for name, of in groups.items() if of.any()},
        "mirror": summarise(np.concatenate(twice)),
        "eyes": {"median": float(np.median(landed)), "p95": float(np.percentile(landed, 95))},
        "measures": {
            name: float(np.corrcoef(ours[name], theirs[name])[0, 1]) for name in MEASURED.values()
        },
        "covered": {
            "auc": roc_auc(np.concatenate(doubt).ravel(), np.concatenate(hidden).ravel()),
            "clear_mouths_doubted": float(clear.mean()),
        },
        "milliseconds": 50 * (time.perf_counter() - began),
    }


def landmarks_markdown(found: Mapping[str, Any]) -> str:
    """The table of docs/results/landmarks.md."""
    rows = {
        "all": found["error"],
        **found["regions"],
        **found["groups"],
        "mirrored picture against picture": found["mirror"],
    }
    shares, eye = {"mean": "mean", "median": "median face", "p95": "95th percentile"}, found["eyes"]
    shown = {
        name: {**{key: f"{100 * one[key]:.1f} %" for key in shares}, "faces": one["faces"]}
        for name, one in rows.items()
    }
    return (
        records_table("points, faces", {**shares, "faces": "faces"}, shown)
        + f"\nAs an aligner, of frames up to {100 * ASTRAY['shift']:.0f} % aside, "
        f"{ASTRAY['scale']} times off and {ASTRAY['rotate']:.0f} degrees turned: the eyes land "
        f"within {100 * eye['median']:.1f} % of their distance (median; 95th percentile "
        f"{100 * eye['p95']:.1f} %).\n"
    )


def main(arguments: list[str] | None = None) -> None:
    data = "a folder made by istrc prepare --measured"
    study = Study("landmarks", __doc__, data=data, split="valid")
    study.parser.add_argument("--limit", type=int, help="faces, at most")
    given = study.parse(arguments)
    with Bar("landmarks", 1) as bar:
        found = evaluate_landmarks(**study.open(), limit=given.limit, progress=bar.at)
    study.finish("landmarks", found, landmarks_markdown)


if __name__ == "__main__":
    main()
