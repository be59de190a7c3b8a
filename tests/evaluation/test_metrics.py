"""Every measure against its definition, computed the slow way."""

import itertools
import math

import numpy as np
import pytest
import torch

from istrc.evaluation import metrics


def random(seed=0):
    return np.random.default_rng(seed)


def pictures(count=3, size=16, seed=0):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_one_class_has_no_balanced_accuracy():
    assert math.isnan(metrics.balanced_accuracy(np.array([0.1, 0.9]), np.array([0, -1])))


def test_the_standard_error_is_what_means_of_samples_spread_by():
    values = random().normal(size=200_000)
    means = values.reshape(-1, 50).mean(1)
    found = metrics.standard_error(np.append(values[:50], np.nan))
    assert found == pytest.approx(values[:50].std(ddof=1) / 50**0.5)
    assert means.std() == pytest.approx(1 / 50**0.5, rel=0.05)
    assert math.isnan(metrics.standard_error(np.array([1.0, np.nan])))


def test_accuracies_are_counted():
    probability = np.array([0.9, 0.4, 0.5, 0.1, 0.8, 0.7])
    labels = np.array([1, 1, 1, 0, 0, -1])
    assert metrics.accuracy(probability, labels) == pytest.approx(3 / 5)
    assert metrics.balanced_accuracy(probability, labels) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_calibration_error_the_slow_way():
    rng = random(1)
    probability = rng.uniform(size=400)
    labels = (rng.uniform(size=400) < probability**2).astype(int)
    total = 0.0
    for low in range(15):
        inside = [i for i in range(400) if low / 15 <= probability[i] < (low + 1) / 15]
        if inside:
            total += len(inside) / 400 * abs(labels[inside].mean() - probability[inside].mean())
    assert metrics.calibration_error(probability, labels) == pytest.approx(total)


def test_certain_and_right_is_calibrated():
    assert metrics.calibration_error(np.array([0.0, 1.0, 1.0]), np.array([0, 1, 1])) == 0


def test_psnr_by_hand_and_only_inside_the_mask():
    x = pictures(2)
    y = x + 0.1
    assert metrics.psnr(x, y).numpy() == pytest.approx([10 * math.log10(4 / 0.01)] * 2, rel=1e-4)
    mask = torch.zeros(16, 16, dtype=torch.bool)
    mask[:4] = True
    y = x.clone()
    y[:, :, 4:] += 1
    assert torch.isinf(metrics.psnr(x, y, mask)).all()
    y[:, :, 0, 0] += 0.5
    expected = 10 * math.log10(4 / (0.25 / 64))
    assert metrics.psnr(x, y, mask)[0].item() == pytest.approx(expected, rel=1e-4)
    # A mask of each
    found = metrics.psnr(x, y, torch.stack([mask, ~mask]))
    assert found.numpy() == pytest.approx([expected, 10 * math.log10(4)], rel=1e-4)


def test_ssim_is_one_for_equal_and_falls_with_noise():
    x = pictures(3, 32)
    assert metrics.ssim(x, x).numpy() == pytest.approx([1, 1, 1], abs=1e-5)
    assert metrics.ssim(x, x).shape == (3,)
    near, far = x + 0.05 * torch.randn_like(x), x + 0.5 * torch.randn_like(x)
    assert (metrics.ssim(x, near) > metrics.ssim(x, far)).all()
    assert metrics.ssim(x[:1], near[:1]).shape == (1,)


def test_sharpness_the_slow_way():
    x = pictures(1, 6)
    grey = (0.299 * x[0, 0] + 0.587 * x[0, 1] + 0.114 * x[0, 2]).double().numpy()
    values = [
        grey[i - 1, j] + grey[i + 1, j] + grey[i, j - 1] + grey[i, j + 1] - 4 * grey[i, j]
        for i, j in itertools.product(range(1, 5), repeat=2)
    ]
    assert metrics.sharpness(x).item() == pytest.approx(np.var(values), rel=1e-4)


def test_blur_lowers_sharpness_and_gradient_energy():
    x = pictures(4, 32)
    blurred = torch.nn.functional.avg_pool2d(x, 3, 1, 1)
    assert (metrics.sharpness(blurred) < 0.5 * metrics.sharpness(x)).all()
    assert (metrics.gradient_energy(blurred) < 0.5 * metrics.gradient_energy(x)).all()


def test_gradient_energy_the_slow_way():
    x = pictures(1, 5)
    p = x[0].double().numpy()
    r4, r5 = range(4), range(5)
    across = [(p[c, i, j + 1] - p[c, i, j]) ** 2 for c in range(3) for i in r5 for j in r4]
    down = [(p[c, i + 1, j] - p[c, i, j]) ** 2 for c in range(3) for i in r4 for j in r5]
    assert metrics.gradient_energy(x).item() == pytest.approx(np.mean(across) + np.mean(down))


def test_the_ellipse_holds_eyes_and_mouth_and_leaves_the_corners():
    inside = metrics.face_ellipse(64)
    for x, y in ((0.35, 0.52), (0.65, 0.52), (0.5, 0.83), (0.5, 0.95)):
        assert inside[int(y * 64), int(x * 64)]
    for i, j in ((0, 0), (0, 63), (63, 0), (63, 63), (0, 32)):
        assert not inside[i, j]
    assert torch.equal(inside, inside.flip(1))


def test_frechet_distance_of_gaussians_with_known_answer():
    rng = random(2)
    a = rng.normal(size=(200, 3))
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-8)
    assert metrics.frechet_distance(a, a + [1, 2, 0]) == pytest.approx(5)
    # scaling one set by 2: tr(C + 4C - 2 * 2C) = tr(C), plus the shift of the mean
    expected = np.trace(np.cov(a, rowvar=False)) + np.square(a.mean(0)).sum()
    assert metrics.frechet_distance(a, 2 * a) == pytest.approx(expected)


def test_frechet_distance_agrees_with_the_matrix_root():
    rng = random(3)
    a = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4))
    b = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4)) + 1
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.sqrt(np.linalg.eigvals(ca @ cb).astype(complex)).sum().real
    slow = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(ca) + np.trace(cb) - 2 * root
    assert metrics.frechet_distance(a, b) == pytest.approx(slow)
    assert metrics.frechet_distance(a, b) == pytest.approx(metrics.frechet_distance(b, a))


def test_kernel_distance_the_slow_way():
    rng = random(4)
    a, b = rng.normal(size=(7, 3)), rng.normal(size=(9, 3)) + 0.5

    def k(x, y):
        return (sum(p * q for p, q in zip(x, y, strict=True)) / 3 + 1) ** 3

    slow = (
        np.mean([k(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j])
        + np.mean([k(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j])
        - 2 * np.mean([k(x, y) for x in a for y in b])
    )
    assert metrics.kernel_distance(a, b) == pytest.approx(slow)


def test_kernel_distance_of_many_rows():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(1300, 4)), rng.normal(0.2, 1, (1050, 4))
    aa, bb, ab = ((x @ y.T / 4 + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    apart = [k[~np.eye(len(k), dtype=bool)].mean() for k in (aa, bb)]
    assert metrics.kernel_distance(a, b) == pytest.approx(sum(apart) - 2 * ab.mean())


def test_finite_mean():
    assert metrics.finite_mean([1.0, float("nan"), 3.0]) == 2
    assert math.isnan(metrics.finite_mean([]))
