"""Who is it: nearest neighbours and nearest means over people that no part was trained on.

Paper section 4 claims classification among the recognition tasks. Each person's pictures are
dealt to a gallery, which is known, and to probes, which are asked; both distances side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation.embedding import Progress, embed_rows, frechet_means, precise, silent
from istrc.evaluation.results import circle_checksum, markdown_table

NEIGHBOURS = (1, 5)
TOPS = (1, 5)
CHUNK = 256  # probes whose distances are held at a time


def deal_gallery(
    identities: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Places (G,) of the gallery and (P,) of the probes, both ordered by person.

    Of each person with two known pictures or more, `share` go to the gallery, but never none or
    all; -1 (not known) takes no part.
    """
    gallery, probes = [], []
    for person in np.unique(identities[identities >= 0]):
        mine = rng.permutation(np.flatnonzero(identities == person))
        if len(mine) > 1:
            count = min(len(mine) - 1, max(1, round(share * len(mine))))
            gallery.append(mine[:count])
            probes.append(mine[count:])
    if len(gallery) < 2:
        raise InputError(
            "classification needs two people with two known pictures each; use more faces, or "
            "data with identities"
        )
    return np.concatenate(gallery), np.concatenate(probes)


def rank_by_neighbours(
    distances: np.ndarray,  # (P, G) of probes to the gallery
    starts: np.ndarray,  # (C,) where each class begins in the gallery, which is ordered by class
    classes: np.ndarray,  # (G,) class of each gallery face, 0..C-1
    k: int,
) -> np.ndarray:
    """Scores (P, C), higher is better: votes of the k nearest, then the nearest face's distance."""
    nearest = np.minimum.reduceat(distances, starts, axis=1)  # (P, C)
    k = min(k, distances.shape[1])
    chosen = np.argpartition(distances, k - 1, axis=1)[:, :k]  # (P, k)
    votes = np.zeros_like(nearest)
    np.add.at(votes, (np.arange(len(votes))[:, None], classes[chosen]), 1)
    # No distance reaches 4, so that a vote always weighs more
    return 4 * votes - nearest


def places_of_truth(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many classes score above the true one, (P,): 0 is right. Ties count against it."""
    own = scores[np.arange(len(truth)), truth][:, None]
    return (scores >= own).sum(1) - 1


def _angles(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    """Spherical distances (P, G) of points (P, D) and (G, D), float64."""
    return torch.arccos((a @ b.T).clamp(-1, 1)).numpy()


def _chords(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").numpy()


DISTANCES = {"angle": _angles, "euclidean": _chords}


def evaluate_classification(
    *,
    circle: Any,
    prepared: Prepared,
    split: str = "valid",
    limit: int | None = None,  # only the first so many faces of the split
    gallery: float = 0.5,  # share of each person's pictures that are known
    neighbours: Sequence[int] = NEIGHBOURS,
    progress: Progress = silent,
    seed: int = 0,
) -> dict[str, Any]:
    """Top-1 and top-5 accuracy over identities, by k-NN and by nearest mean.

    `angle`: spherical distances, and the Fréchet mean of a person's gallery. `euclidean`: chords,
    and the plain mean, which is not put back on the sphere. `chance` is top-1 of a blind guess.

    Raises InputError where fewer than two people have two pictures.
    """
    rows = prepared.rows(split)[:limit]
    people = prepared.identity[rows]
    known, asked = deal_gallery(people, gallery, np.random.default_rng(seed))
    z = precise(embed_rows(circle, prepared, rows, progress=progress))
    names, starts, classes = np.unique(people[known], return_index=True, return_inverse=True)
    truth = np.searchsorted(names, people[asked])
    bounds = [*starts, len(known)]
    owned = [z[known[a:b]] for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
    plain = torch.stack([points.mean(0) for points in owned])
    means = {
        # A gallery that balances out has no Fréchet mean; what is left is the direction of its sum
        "angle": torch.stack(
            [
                mean[0] if len(mean := frechet_means(points[None])[0]) else direction
                for points, direction in zip(owned, sphere.normalize(plain), strict=True)
            ]
        ),
        "euclidean": plain,
    }
    found: dict[str, Any] = {}
    for name, distance in DISTANCES.items():
        worse: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(asked), CHUNK):
            probes, right = z[asked[start : start + CHUNK]], truth[start : start + CHUNK]
            to_faces = distance(probes, z[known])
            scores = {
                f"{k}-nn": rank_by_neighbours(to_faces, starts, classes, k) for k in neighbours
            }
            scores["nearest_mean"] = -distance(probes, means[name])
            for way, score in scores.items():
                worse.setdefault(way, []).append(places_of_truth(score, right))
        found[name] = {
            way: {
                f"top{top}": float(np.mean(np.concatenate(places) < min(top, len(names))))
                for top in TOPS
            }
            for way, places in worse.items()
        }
    return {
        **found,
        "people": len(names),
        "gallery": len(known),
        "probes": len(asked),
        "chance": 1 / len(names),
        "split": split,
        "seed": seed,
        "weights": circle_checksum(circle),
    }


def classification_markdown(found: Mapping[str, Any]) -> str:
    """One row a classifier, both distances side by side."""
    header = ["classifier", *(f"top-{top}, {name}" for top in TOPS for name in DISTANCES)]
    rows = [
        [way, *(found[name][way][f"top{top}"] for top in TOPS for name in DISTANCES)]
        for way in found["angle"]
    ]
    text = markdown_table(header, rows)
    return (
        f"{text}\n{found['people']} people, {found['gallery']} faces in the gallery, "
        f"{found['probes']} probes; a blind guess has {found['chance']:.4f}.\n"
    )
