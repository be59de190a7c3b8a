"""One attribute from few faces: a linear classifier, its ridge and its calibration by folds.

All of it is NumPy in float64: a few hundred fits of at most a few hundred numbers take less time
than torch takes to import.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIDGES = tuple(10.0 ** float(power) for power in np.arange(-3, 1.5, 0.5))
FOLDS, REPEATS = 5, 5
ENOUGH, STEPS = 1e-10, 50  # Newton's decrement, twice the loss still to be gained; steps at most
# The least slope of a calibration, in logits for a standard deviation of what is calibrated.
# Scores that run against the labels are chance, and no reason to turn the direction round; with
# this slope an edit walks until its bound.
FLATTEST = 0.1


@dataclass(frozen=True)
class Fit:
    """A classifier of one attribute.

    Attributes:
        weight: (D,), and bias: calibrated logit l(z) = weight . z + bias, as if half of all
            faces had the attribute.
        ridge: the strength of regularisation that was chosen.
        logits: (R, N) calibrated, of each face from classifiers that did not see it.
    """

    weight: np.ndarray
    bias: float
    ridge: float
    logits: np.ndarray


def learn_linear(
    z: np.ndarray,  # (N, D), unit norm
    labels: np.ndarray,  # (N,) 0 or 1, both there
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Fit:
    """Logistic regression, both sides weighing the same, with a ridge.

    The ridge is the one of least cross-entropy on faces left out (`repeats` times `FOLDS` folds),
    and the calibration is Platt's on the logits of those, with his targets that keep few faces
    from being certain (Platt 1999, section 2.2).

    The ridge is on |weight|, of z as it is. In units of the data's covariance S (weight^T S weight,
    which is linear discriminant analysis) 20 faces a side do clearly worse: what varies little
    between faces is not where their attributes are. S has its say when an edit is walked.
    """
    # In the span of the faces, where the weight must be: K = min(N, D) numbers a face
    mean = z.mean(0)
    left, size, right = np.linalg.svd(z - mean, full_matrices=False)
    scale = np.sqrt(np.sum(size**2) / len(z)) or 1.0  # from their mean, as a root mean square
    features = left * size / scale  # (N, K)

    out = out_of_fold(features, labels, RIDGES, folds=FOLDS, repeats=repeats, seed=seed)
    weights = class_weights(labels)
    loss = [float(np.mean(cross_entropy(logits, labels) @ weights)) for logits in out]
    best = int(np.argmin(loss))
    v, bias = logistic(features, labels, weights, RIDGES[best])
    slope, shift = platt(out[best], labels)

    weight = right.T @ v / scale  # (D,)
    bias = bias - mean @ weight
    return Fit(slope * weight, slope * bias + shift, RIDGES[best], slope * out[best] + shift)


def out_of_fold(
    features: np.ndarray,  # (N, K)
    labels: np.ndarray,  # (N,)
    ridges: tuple[float, ...],
    *,
    folds: int,
    repeats: int,
    seed: int,
) -> np.ndarray:
    """Logits (len(ridges), repeats, N) of each face from a fit that did not see it.

    The folds of a repeat have the same share of each side, as far as that can be.
    """
    rng = np.random.default_rng(seed)
    out = np.empty((len(ridges), repeats, len(labels)))
    for repeat in range(repeats):
        fold = np.empty(len(labels), int)
        for side in (0, 1):
            mine = rng.permutation(np.flatnonzero(labels == side))
            fold[mine] = np.arange(len(mine)) % folds
        for number in range(folds):
            out_of = fold == number
            weights = class_weights(labels[~out_of])
            start = None
            for place in reversed(range(len(ridges))):  # from the strongest: each starts the next
                start = logistic(features[~out_of], labels[~out_of], weights, ridges[place], start)
                out[place, repeat, out_of] = features[out_of] @ start[0] + start[1]
    return out


def logistic(
    features: np.ndarray,  # (N, K)
    labels: np.ndarray,  # (N,) 0 or 1; between them for a target that is not certain
    weights: np.ndarray,  # (N,) of the faces
    ridge: float,
    start: tuple[np.ndarray, float] | None = None,
) -> tuple[np.ndarray, float]:
    """The v (K,) and bias of least sum(weights * cross-entropy) + ridge |v|^2 / 2, by Newton.

    The bias is not regularised.
    """
    design = np.column_stack([features, np.ones(len(features))])  # (N, K + 1)
    penalty = np.append(np.full(features.shape[1], ridge), 0.0)
    theta = np.zeros(design.shape[1]) if start is None else np.append(start[0], start[1])

    def loss(theta: np.ndarray) -> float:
        return weights @ cross_entropy(design @ theta, labels) + 0.5 * penalty @ theta**2

    now = loss(theta)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ theta, -500, 500)))
        gradient = design.T @ (weights * (p - labels)) + penalty * theta
        curvature = (design * (weights * p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        curvature[-1, -1] += 1e-9  # where every face is certain, the bias is not curved
        step = np.linalg.solve(curvature, gradient)
        decrement = gradient @ step
        if decrement < ENOUGH:
            break
        length = 1.0
        while (then := loss(theta - length * step)) > now - 0.1 * length * decrement:
            length /= 2
            if length < 1e-6:
                return theta[:-1], float(theta[-1])
        theta, now = theta - length * step, then
    return theta[:-1], float(theta[-1])


def platt(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Slope and shift that calibrate logits (R, N) of N faces with labels (N,), sides balanced.

    The slope is positive (`FLATTEST`).
    """
    yes, no = int(labels.sum()), int(len(labels) - labels.sum())
    target = np.where(labels == 1, (yes + 1) / (yes + 2), 1 / (no + 2))
    targets, weights = (np.tile(one, len(logits)) for one in (target, class_weights(labels)))
    scale = float(np.std(logits)) or 1.0
    slopes, shift = logistic(logits.reshape(-1, 1) / scale, targets, weights, ridge=1e-6)
    if slopes[0] >= FLATTEST:
        return float(slopes[0]) / scale, shift
    slope = FLATTEST / scale
    return slope, -slope * float(np.mean(logits @ class_weights(labels)) / len(labels))


def class_weights(labels: np.ndarray) -> np.ndarray:
    """Weights (N,) of mean 1 that give both sides the same."""
    share = labels.mean()
    return np.where(labels == 1, 0.5 / share, 0.5 / (1 - share))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy (..., N) of logits (..., N)."""
    return np.logaddexp(0, logits) - labels * logits
