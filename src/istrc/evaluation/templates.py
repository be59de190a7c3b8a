"""Templates: people known by the mean of several pictures, where angle and chord part ways.

The plain mean of unit vectors is shorter than 1, and the shorter, the more the pictures differ.
Its Euclidean distances,

    |p - q|^2 = |p|^2 + |q|^2 - 2 |p| |q| cos(angle),

therefore mix how near two people are with how well each was photographed. The Fréchet mean lies
on the sphere and knows the angle alone; so does the plain mean once it is put back there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.errors import InputError
from istrc.evaluation.embedding import frechet_means, precise
from istrc.evaluation.folds import verification_measures, verification_pairs
from istrc.evaluation.results import markdown_table

TEMPLATE_SIZES = (2, 3, 5)  # pictures in a mean
WAYS = {
    "frechet_angle": "Fréchet mean, angle",
    "plain_euclidean": "plain mean, Euclidean",
    "plain_angle": "plain mean put back on the sphere, angle",
}


def deal_templates(
    identities: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Faces dealt to templates of `size` pictures of one person, no picture in two of them.

    Returns places (T, size) into `identities` (N,), and who each template is (T,). Only people
    with at least two templates take part: a single one has nobody to be compared with.
    """
    places = []
    for person in np.unique(identities[identities >= 0]):
        mine = rng.permutation(np.flatnonzero(identities == person))
        if len(mine) >= 2 * size:
            places.append(mine[: len(mine) // size * size].reshape(-1, size))
    together = np.concatenate([np.zeros((0, size), np.int64), *places])
    return together, identities[together[:, 0]] if len(together) else together[:, 0]


def measure_templates(
    z: torch.Tensor,  # (N, D) unit norm
    identities: np.ndarray,  # (N,)
    *,
    sizes: Sequence[int] = TEMPLATE_SIZES,
    pairs: int = 20_000,
    folds: int = 10,
    seed: int = 0,
) -> dict[str, Any]:
    """Verification between templates of so many pictures, by three ways to take their mean.

    `angle_between_means`: radians from the Fréchet mean to the plain one's direction;
    `plain_length`: of the plain mean, the mean and the standard deviation over templates;
    `verdicts_differ`: share of pairs that the Fréchet mean's angle and the plain mean's Euclidean
    distance call differently, each at its own threshold. A size for which there are too few people
    is None.
    """
    found: dict[str, Any] = {}
    for size in sizes:
        dealt, who = deal_templates(identities, size, np.random.default_rng([seed, size]))
        faces = precise(z[dealt]) if len(dealt) else z[dealt]  # (T, size, D)
        frechet, kept = frechet_means(faces) if len(dealt) else (z[:0], np.zeros(0, bool))
        faces, who = faces[torch.from_numpy(kept)], who[kept]
        try:
            places, same, fold = verification_pairs(who, pairs=pairs, folds=folds, seed=seed)
        except InputError:
            found[str(size)] = None
            continue
        plain = faces.mean(1)  # (T, D)
        direction = sphere.normalize(plain)
        first, second = places.T
        distances = {
            "frechet_angle": sphere.angle(frechet[first], frechet[second]),
            "plain_euclidean": (plain[first] - plain[second]).norm(dim=1),
            "plain_angle": sphere.angle(direction[first], direction[second]),
        }
        distances = {way: values.numpy() for way, values in distances.items()}
        measured = {
            way: verification_measures(values, same, fold, roc=False)
            for way, values in distances.items()
        }
        verdicts = [
            distances[way] < measured[way]["threshold"]
            for way in ("frechet_angle", "plain_euclidean")
        ]
        found[str(size)] = {
            **measured,
            "angle_between_means": float(sphere.angle(frechet, direction).mean()),
            "plain_length": [float(plain.norm(dim=1).mean()), float(plain.norm(dim=1).std())],
            "verdicts_differ": float(np.mean(verdicts[0] != verdicts[1])),
            "templates": len(who),
            "without_a_mean": int((~kept).sum()),
            "people": len(np.unique(who)),
            "pairs": len(same),
        }
    return found


def templates_markdown(found: Mapping[str, Any]) -> str:
    """One row a size and way; "" where no size could be measured."""
    header = ["pictures", "mean and distance", "accuracy", "AUC", "TAR at FAR 0.01"]
    rows = [
        [size, said, one[way]["accuracy"], one[way]["auc"], one[way]["tar_at_far"]["0.01"]]
        for size, one in found.items()
        if one is not None
        for way, said in WAYS.items()
    ]
    return markdown_table(header, rows) if rows else ""
