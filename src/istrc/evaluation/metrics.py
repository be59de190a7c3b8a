"""The measures, as pure functions: numbers in, numbers out; no networks, no files.

Scores and labels are NumPy arrays, pictures are tensors (B, 3, S, S) float32 in [-1, 1]. A label
is 1 (yes), 0 (no) or -1 (not known; left out). A measure that is not defined on its input, such as
the accuracy without a known label, is NaN and never a made-up number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torchmetrics.functional.image import structural_similarity_index_measure

PEAK = 2.0  # the range of a picture in [-1, 1]
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


# -- scores and labels ---------------------------------------------------------------------------


def finite_mean(values: Sequence[float | None] | np.ndarray) -> float:
    """The mean of the numbers that are defined; NaN where none is."""
    values = np.array(values, np.float64)  # of None it makes NaN
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _known(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
    return scores[labels >= 0], labels[labels >= 0]


def standard_error(values: np.ndarray) -> float:
    """The standard error of the mean of those values that are finite; NaN of fewer than two."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    return float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("nan")


def accuracy(probability: np.ndarray, labels: np.ndarray, threshold: float = 0.5) -> float:
    """Share of known labels that the thresholded probability gets right."""
    probability, labels = _known(probability, labels)
    return finite_mean((probability >= threshold) == (labels == 1))


def balanced_accuracy(probability: np.ndarray, labels: np.ndarray, threshold: float = 0.5) -> float:
    """Mean of the accuracies on the yes and on the no: 0.5 for a judge that always says the same.

    NaN where one class is missing.
    """
    probability, labels = _known(probability, labels)
    said = probability >= threshold
    return (finite_mean(said[labels == 1]) + finite_mean(~said[labels == 0])) / 2


def calibration_error(probability: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017, eq. 3) of the probability of yes.

    In equal-width bins of the probability: |share of yes - mean probability|, weighted by how many
    fall in the bin. 0 is perfect. NaN without a known label.
    """
    probability, labels = _known(probability, labels)
    if not len(labels):
        return float("nan")
    index = np.clip((probability * bins).astype(int), 0, bins - 1)
    # a bin's weight is count / N and its means divide by count, so that the counts cancel
    gap = np.bincount(index, (labels == 1) - probability, minlength=bins)
    return float(np.abs(gap).sum() / len(labels))


# -- pictures ------------------------------------------------------------------------------------


def psnr(x: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Peak signal-to-noise ratio of each picture in dB, (B,); infinite where they are equal.

    x, y (B, 3, S, S) in [-1, 1], so the peak is 2. mask (S, S), or (B, S, S) where each has its
    own, bool: the pixels that count.
    """
    square = (x.float() - y.float()).square().mean(1)  # (B, S, S)
    counts = torch.ones_like(square) if mask is None else mask.to(square).expand_as(square)
    error = (square * counts).sum((1, 2)) / counts.sum((1, 2))  # (B,)
    return 10 * torch.log10(PEAK**2 / error)


def ssim(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Structural similarity of each picture, (B,), Gaussian sigma 1.5 (Wang et al. 2004)."""
    found: Any = structural_similarity_index_measure(
        x.float(), y.float(), data_range=PEAK, reduction="none"
    )
    return found.reshape(len(x))


def luma(x: torch.Tensor) -> torch.Tensor:
    """Brightness (B, 1, S, S) of pictures (B, 3, S, S)."""
    return (x.float() * x.new_tensor(LUMA, dtype=torch.float32).view(1, 3, 1, 1)).sum(1, True)


def sharpness(x: torch.Tensor) -> torch.Tensor:
    """Variance of the Laplacian of the brightness, (B,): falls when a picture is blurred.

    The 4-neighbour Laplacian, valid pixels only, so that no border is made up.
    """
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], device=x.device)
    laplacian = functional.conv2d(luma(x), kernel.view(1, 1, 3, 3))
    return laplacian.flatten(1).var(1, unbiased=False)


def gradient_energy(x: torch.Tensor) -> torch.Tensor:
    """Mean squared difference of neighbouring pixels, along rows and columns together, (B,)."""
    across = (x[..., :, 1:] - x[..., :, :-1]).float().square().flatten(1).mean(1)
    down = (x[..., 1:, :] - x[..., :-1, :]).float().square().flatten(1).mean(1)
    return across + down


def face_ellipse(size: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """Where the face is in an aligned crop, (S, S) bool, True inside.

    CelebA's alignment puts the eyes at about (0.35, 0.52) and (0.65, 0.52) of our crop and the
    mouth at (0.5, 0.83), so one ellipse serves every face: centre (0.5, 0.60), half axes
    0.40 x 0.50 of the side, from the middle of the forehead to below the chin.
    """
    line = (torch.arange(size, device=device) + 0.5) / size
    return ((line[None, :] - 0.5) / 0.40) ** 2 + ((line[:, None] - 0.60) / 0.50) ** 2 <= 1


# -- sets of features ----------------------------------------------------------------------------


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of two Gaussians fitted to feature sets (N, D), (M, D) (Heusel et al. 2017).

    |mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)). The trace of the root is the sum of the
    singular values of C_a^(1/2) C_b^(1/2), which stays real where a matrix root would not. NaN
    below two samples.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if len(a) < 2 or len(b) < 2:
        return float("nan")
    cov_a, cov_b = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    shift = np.square(a.mean(0) - b.mean(0)).sum()
    cross = np.linalg.svd(_root(cov_a) @ _root(cov_b), compute_uv=False).sum()
    return float(max(0.0, shift + np.trace(cov_a) + np.trace(cov_b) - 2 * cross))


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy, kernel (x.y / D + 1)^3 (Binkowski et al. 2018).

    Feature sets (N, D), (M, D). Unlike the Fréchet distance it has no bias in small samples, and so
    may be slightly negative. NaN below two samples.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if len(a) < 2 or len(b) < 2:
        return float("nan")

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:  # (N, M)
        k = x @ y.T / x.shape[1] + 1
        return k * k * k  # faster than ** 3

    def apart(x: np.ndarray) -> float:
        k = kernel(x, x)
        return (k.sum() - np.trace(k)) / (len(x) * (len(x) - 1))

    return float(apart(a) + apart(b) - 2 * kernel(a, b).mean())
