"""Resizing and looking between pixels, against torch's own."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from istrc.resample import blurred, looked_up, places, resized


@pytest.mark.parametrize("size, side", [(16, 40), (16, 16), (33, 16), (64, 32), (20, 7), (5, 1)])
@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_resized_is_torchs_antialiased(size, side, mode):
    torch.manual_seed(0)
    x = torch.randn(2, 3, size, size)
    expected = F.interpolate(x, (side, side), mode=mode, align_corners=False, antialias=True)
    linear = mode == "bilinear"
    torch.testing.assert_close(resized(x, side, linear), expected, atol=2e-6, rtol=1e-5)
    by_numpy = resized(x.numpy(), side, linear)
    assert by_numpy.dtype == np.float32
    np.testing.assert_allclose(by_numpy, expected.numpy(), atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("cubic", [True, False])
@pytest.mark.parametrize("turn", [0.0, 0.3, 2.5])
def test_looked_up_is_grid_sample(cubic, turn):
    rng = np.random.default_rng(0)
    source = rng.uniform(0, 255, (3, 30, 40)).astype(np.float32)
    cos, sin = 0.7 * np.cos(turn), 0.7 * np.sin(turn)
    matrix = np.array([[cos, -sin, 11.3], [sin, cos, 4.9]])
    region = (-20, -15, 45, 50)  # some of it outside of the source
    found = looked_up(source, *places(matrix, region), cubic)
    u, v = places(matrix, region)
    grid = torch.from_numpy(np.stack([(2 * u + 1) / 40 - 1, (2 * v + 1) / 30 - 1], -1))[None]
    expected = F.grid_sample(
        torch.from_numpy(source)[None],
        grid.float(),
        mode="bicubic" if cubic else "bilinear",
        padding_mode="border",
        align_corners=False,
    )[0].numpy()
    assert found.shape == expected.shape == (3, 65, 65)
    inside = (u > 0) & (u < 39) & (v > 0) & (v < 29)
    assert inside.sum() > 200
    np.testing.assert_allclose(found[:, inside], expected[:, inside], atol=2e-2)
    np.testing.assert_allclose(found, expected, atol=0.6)  # torch clips what is far outside


@pytest.mark.parametrize("size, sigma", [(70, 1.3), (70, 9.0), (32, 2.0), (8, 4.0)])
def test_blurred_is_a_gaussian_over_repeated_edges(size, sigma):
    x = np.random.default_rng(0).normal(0, 1, (2, size, size))
    radius = round(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    around = np.pad(x, ((0, 0), (radius, radius), (radius, radius)), mode="edge")
    expected = np.zeros_like(x)
    for down, a in enumerate(kernel):
        for aside, b in enumerate(kernel):
            expected += a * b * around[:, down : down + size, aside : aside + size]
    np.testing.assert_allclose(blurred(x, sigma), expected, atol=1e-12)
    single = blurred(x.astype(np.float32), sigma)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=1e-5)


def test_whole_places_are_exact():
    source = np.random.default_rng(0).integers(0, 256, (3, 9, 9), dtype=np.uint8)
    shift = np.array([[1.0, 0, 2], [0, 1.0, 3]])
    found = looked_up(source, *places(shift, (0, 0, 5, 5)))
    np.testing.assert_array_equal(found, source[:, 3:8, 2:7])
