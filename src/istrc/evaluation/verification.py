"""Same person or not: people that no part was trained on, by the recogniser's distances.

A pair is one of the same person when its distance is below a threshold. `angle` is the spherical
distance (paper section 4), `euclidean` the chord |a - b| = 2 sin(angle / 2): on the unit sphere
the one is an increasing function of the other, so that both rank single pairs alike.

They differ for templates, means of several pictures of a person. The plain mean of unit vectors is
shorter than 1, and the shorter, the more the pictures differ. Its Euclidean distances,

    |p - q|^2 = |p|^2 + |q|^2 - 2 |p| |q| cos(angle),

therefore mix how near two people are with how well each was photographed. The Fréchet mean lies
on the sphere and knows the angle alone; so does the plain mean once it is put back there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.data.pairs import count_pairs, draw_pairs
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation import identity
from istrc.evaluation.embedding import Progress, embed_rows, frechet_means, precise, silent
from istrc.evaluation.results import circle_checksum, markdown_table
from istrc.evaluation.roc_figure import roc_figure
from istrc.roc import best_threshold, roc_auc, roc_points, tar_at_far

FALSE_ACCEPT_RATES = (1e-1, 1e-2, 1e-3, 1e-4)
TEMPLATE_SIZES = (2, 3, 5)  # pictures in a mean
WAYS = {
    "frechet_angle": "Fréchet mean, angle",
    "plain_euclidean": "plain mean, Euclidean",
    "plain_angle": "plain mean put back on the sphere, angle",
}


def verification_pairs(
    identities: np.ndarray, *, pairs: int, folds: int = 10, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Balanced pairs of the same and of different people, in folds that share no person.

    Args:
        identities: (N,) who each face is; -1 (not known) takes no part.
        pairs: how many to draw, half of them the same person. Pairs are distinct, and so there may
            be fewer where the people have too few pictures; they stay balanced in every fold.
        folds: as in the protocol of LFW: people, not pairs, are dealt to the folds.

    Returns:
        places (P, 2) into `identities`; same (P,) bool; fold (P,) in 0..folds-1.

    Raises InputError where a fold would have no pair of one kind.
    """
    rng = np.random.default_rng(seed)
    people = rng.permutation(np.unique(identities[identities >= 0]))
    places, same, fold = [], [], []
    for number in range(folds):
        mine = np.flatnonzero(np.isin(identities, people[number::folds]))
        wanted = min(pairs // (2 * folds), *count_pairs(identities[mine]))
        if wanted < 1:
            raise InputError(
                f"{len(people)} people and {pairs} pairs are too few for {folds} folds; "
                "ask for fewer folds or more pairs"
            )
        drawn, kind = draw_pairs(identities[mine], wanted, wanted, rng)
        places.append(mine[drawn])
        same.append(kind)
        fold.append(np.full(len(kind), number))
    return np.concatenate(places), np.concatenate(same), np.concatenate(fold)


def verification_measures(
    distances: np.ndarray,
    same: np.ndarray,
    fold: np.ndarray,
    *,
    roc: bool = True,
) -> dict[str, Any]:
    """Accuracy by folds (the threshold is found on the others), AUC, TAR at FAR, and the ROC.

    Args:
        distances: (P,), small for the same person.
        same: (P,) bool.
        fold: (P,), at least two different numbers.

    A rate finer than the pairs can show is NaN. `threshold` is the mean over the folds;
    `accuracy_std` the standard deviation between them, and `accuracy_standard_error` that over
    the square root of their number, as LFW's protocol reports it (Huang et al. 2007).
    """
    accuracies, thresholds = [], []
    for number in np.unique(fold):
        here = fold == number
        cut = best_threshold(distances[~here], same[~here])
        thresholds.append(cut)
        accuracies.append(np.mean((distances[here] < cut) == same[here]))
    spread = float(np.std(accuracies, ddof=1))
    found = {
        "accuracy": float(np.mean(accuracies)),
        "accuracy_std": spread,
        "accuracy_standard_error": spread / len(accuracies) ** 0.5,
        "auc": roc_auc(-distances, same.astype(int)),
        "tar_at_far": {
            f"{rate:g}": tar_at_far(distances[same], distances[~same], rate)
            for rate in FALSE_ACCEPT_RATES
        },
        "threshold": float(np.mean(thresholds)),
    }
    if roc:
        points = roc_points(distances[same], distances[~same])
        found["roc"] = dict(zip(("far", "tar"), points, strict=True))
    return found


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


def measure_pairs(
    z: torch.Tensor,  # (N, D) unit norm
    places: np.ndarray,  # (P, 2) into z
    same: np.ndarray,
    fold: np.ndarray,
) -> dict[str, Any]:
    """Both distances of the same pairs, side by side, and how far they are from one another."""
    a, b = precise(z[places[:, 0]]), precise(z[places[:, 1]])
    angle, chord = sphere.angle(a, b).numpy(), (a - b).norm(dim=1).numpy()
    order = np.argsort(angle, kind="stable")
    return {
        "angle": verification_measures(angle, same, fold),
        "euclidean": verification_measures(chord, same, fold),
        "one_pair": {
            # Both are 0 but for rounding, as geometry says: measured, because it is claimed
            "largest_chord_minus_2_sin_half_angle": float(
                np.abs(chord - 2 * np.sin(angle / 2)).max()
            ),
            "ranked_differently": int((np.diff(chord[order]) < -1e-9).sum()),
        },
    }


def evaluate_verification(
    *,
    circle: Any,
    prepared: Prepared,
    split: str = "valid",
    pairs: int = 20_000,  # half of them the same person
    folds: int = 10,
    templates: Sequence[int] = TEMPLATE_SIZES,  # faces in a mean
    limit: int | None = None,  # only the first so many faces of the split
    second: identity.SecondRecogniser | None = None,  # dlib beside it, on the same pairs
    progress: Progress = silent,
    seed: int = 0,
) -> dict[str, Any]:
    """Verification of people outside the train split, by single faces and by means of several."""
    rows = prepared.rows(split)[:limit]
    people = prepared.identity[rows]
    places, same, fold = verification_pairs(people, pairs=pairs, folds=folds, seed=seed)
    known = np.flatnonzero(people >= 0)
    z = torch.zeros(len(rows), circle.dim)
    z[known] = embed_rows(circle, prepared, rows[known], progress=progress)
    used, flat = np.unique(places, return_inverse=True)
    flat = flat.reshape(places.shape)
    results = measure_pairs(z, places, same, fold)
    if second is not None:
        d = np.concatenate([second.describe(x) for x in prepared.batches(rows[used])])
        results[second.name] = verification_measures(
            identity.distance(d[flat[:, 0]], d[flat[:, 1]]), same, fold
        )
    return {
        **results,
        "templates": measure_templates(
            z[known], people[known], sizes=templates, pairs=pairs, folds=folds, seed=seed
        ),
        "split": split,
        "pairs": {
            "same": int(same.sum()),
            "different": int((~same).sum()),
            "people": len(np.unique(people[used])),
            "faces": len(used),
            "folds": folds,
            "people_shared_between_folds": 0,
        },
        "seed": seed,
        "weights": circle_checksum(circle),
    }


def distances_in(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The distances that were measured, by name."""
    return {k: v for k, v in found.items() if isinstance(v, Mapping) and "tar_at_far" in v}


def draw_roc(found: Mapping[str, Any], file: str | Path) -> None:
    """Write the ROC of every distance."""
    curves = {
        f"{name} (AUC {one['auc']:.4f})": (one["roc"]["far"], one["roc"]["tar"])
        for name, one in distances_in(found).items()
    }
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    title = "{same} pairs of one person, {different} of two".format(**found["pairs"])
    roc_figure(curves, title=title).save(file)


def verification_markdown(found: Mapping[str, Any]) -> str:
    """The distances side by side, then the templates."""
    header = ["distance", "accuracy", "standard error", "AUC"]
    header += [f"TAR at FAR {rate:g}" for rate in FALSE_ACCEPT_RATES]
    rows = [
        [name, one["accuracy"], one["accuracy_standard_error"], one["auc"]]
        + [one["tar_at_far"].get(f"{rate:g}") for rate in FALSE_ACCEPT_RATES]
        for name, one in distances_in(found).items()
    ]
    text = markdown_table(header, rows)
    return text + "\n" + templates_markdown(found["templates"]) if "templates" in found else text
