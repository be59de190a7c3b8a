"""From embeddings with and without something to an attribute that a walk can go to."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from istrc import sphere
from istrc.arrays import library, numpy
from istrc.errors import InputError
from istrc.learning.linear import REPEATS, learn_linear
from istrc.learning.trust import Trust, standard_error, trust
from istrc.models.learned import LearnedAttribute
from istrc.recognisers.recogniser import IDENTIFIED_BY
from istrc.roc import roc_auc

if TYPE_CHECKING:
    from istrc.arrays import Array

LEAST = 5  # faces a side
ENOUGH = 20  # from here on it is worth while
MANY = 500
DIFFERS = 0.75  # AUC, either way, from which an attribute is told to differ between the sides
SAME = 1e-4  # radians; two pictures closer than this are one
# Words that `Face.edit` and --keep take for something else
RESERVED = ("none", "self", "keep", "mode", "metric", "onto")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def checked_name(name: str) -> str:
    """A name that the command line, Python and a file may have. Raises InputError."""
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise InputError(
            f"{name}: no name for an attribute; use letters a to z, digits and _, such as red_hat"
            + (f" (and not {', '.join(RESERVED)})" if name in RESERVED else "")
        )
    return name


def learn_attribute(
    name: str,
    having: Any,
    lacking: Any,
    *,
    recogniser: dict[str, Any],  # the record of the recogniser that made the embeddings
    seed: int = 0,
) -> LearnedAttribute:
    """Learn an attribute; its notes have the AUC on faces left out (`trust_of` reads them).

    A picture that is twice on a side counts once.

    Args:
        having, lacking: faces that a circle has read (an iterable), or embeddings (N, D).

    Raises InputError for a name that cannot be, fewer than `LEAST` faces on a side, and for a
    picture that is on both.
    """
    checked_name(name)
    (z, names), (others, their_names) = map(_embeddings, (having, lacking))
    lib, one, other = library(z), *(numpy(side).astype(np.float64) for side in (z, others))
    if len(one) and len(other):
        for i, j in np.argwhere(_same(one, other)):
            raise InputError(
                f"{names[i]}: the same picture is on the other side, as {their_names[j]}; "
                "remove one of them"
            )
    sides = {"with": _distinct(one), "without": _distinct(other)}
    for side, z in sides.items():
        if len(z) < LEAST:
            count = f"{len(z)} different face{'' if len(z) == 1 else 's'}"
            raise InputError(
                f"{name}: {count} {side} it, and {LEAST} is the least; "
                f"add pictures, {ENOUGH} a side are a good start"
            )
    z = np.concatenate(list(sides.values()))  # (N + M, D)
    labels = np.repeat([1.0, 0.0], [len(sides["with"]), len(sides["without"])])
    # Of hundreds of faces one round of folds says as much as five of few
    fit = learn_linear(z, labels, repeats=REPEATS if len(z) < MANY else 1, seed=seed)
    found = trust(fit.logits, labels)
    aucs = {"auc": found.auc, "auc_low": found.low, "auc_high": found.high}
    notes: dict[str, Any] = {name: round(value, 4) for name, value in aucs.items()}
    notes |= {side: len(z) for side, z in sides.items()} | {"ridge": fit.ridge, "seed": seed}
    known = {key: recogniser[key] for key in (*IDENTIFIED_BY, "file") if key in recogniser}
    weight = fit.weight.astype(np.float32)
    if lib is not np:
        weight = lib.from_numpy(weight)
    return LearnedAttribute(name, weight, fit.bias, known, notes)


def trust_of(learned: LearnedAttribute) -> Trust:
    """How far an attribute can be trusted, from what was noted when it was learned.

    Raises InputError where nothing was, or no numbers.
    """
    try:
        found = [float(learned.notes[key]) for key in ("auc", "auc_low", "auc_high")]
        if not all(0 <= one <= 1 for one in found):
            raise ValueError
        return Trust(*found)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(
            f"{learned.name}: how far it can be trusted is not noted; learn it again"
        ) from None


def differing(
    having: np.ndarray,  # (N, A) scores of faces with it
    lacking: np.ndarray,  # (M, A) without
    names: Sequence[str],  # A of them
) -> dict[str, float]:
    """What else differs, the three most: name -> AUC, the most first, below 0.5 for less of it.

    What differs is learned, too: pictures of men with and women without something teach the sex.
    """
    labels = np.repeat([1, 0], [len(having), len(lacking)])
    found = {}
    for name, scores in zip(names, np.concatenate([having, lacking]).T, strict=True):
        auc = roc_auc(scores, labels)
        # Of dozens of attributes a few are far off by chance: three standard errors
        error = standard_error(0.5, len(having), len(lacking))
        if abs(auc - 0.5) >= max(DIFFERS - 0.5, 3 * error):
            found[name] = round(auc, 3)
    return dict(sorted(found.items(), key=lambda item: -abs(item[1] - 0.5))[:3])


def _embeddings(faces: Any) -> tuple[Array, list[str]]:
    """z (N, D) of faces or embeddings, and what errors call them."""
    if hasattr(faces, "ndim"):
        return faces, [f"face {number}" for number in range(len(faces))]
    faces = list(faces)
    if not faces:
        return np.zeros((0, 1)), []
    z = library(faces[0].z).concatenate([face.z for face in faces])
    return z, [str(face.path) for face in faces]


def _distinct(z: np.ndarray) -> np.ndarray:
    """Embeddings (N, D) without those that are an earlier one again: (n, D), n <= N."""
    return z[~np.tril(_same(z, z), -1).any(1)] if len(z) else z


def _same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Which of (N, D) and (M, D), float64, are one picture: (N, M) bool."""
    # By the cosine, as a product needs no (N, M, D); its error in float64 is below SAME^2
    return sphere.normalize(a) @ sphere.normalize(b).T >= math.cos(SAME)
