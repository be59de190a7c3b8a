"""A small change shades, a great one covers, and between them nothing jumps."""

import pytest
import torch

from istrc.photo.cover import FAINT, FULL, blurred, cover, laid, overlay
from istrc.photo.paste import face_mask


def pictures(count: int = 3, size: int = 64, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return (blurred(torch.randn(count, 3, size, size), 2.0) * 4).clamp(-1, 1)


@pytest.mark.parametrize(
    "level, expected", [(0.0, 0), (FAINT, 0), ((FAINT + FULL) / 2, 0.5), (FULL, 1), (-2.0, 1)]
)
def test_how_much_is_covered_grows_with_the_change(level, expected):
    assert torch.allclose(cover(torch.full((2, 3, 16, 16), level)), torch.tensor(float(expected)))


def test_one_pixel_covers_nothing_and_a_mouth_is_covered():
    change = torch.zeros(1, 3, 64, 64)
    change[..., 10, 10] = 0.5
    change[..., 40:48, 24:40] = 0.8
    a = cover(change)[0, 0]
    assert a[10, 10] == 0 and a[44, 32] > 0.95 and a[60, 32] == 0
    assert (a.diff(dim=0).abs().max() < 0.45) and (a.diff(dim=1).abs().max() < 0.45)


def test_the_laid_face_by_hand():
    x, before, after = pictures(seed=0), pictures(seed=1), pictures(seed=2)
    change, mask = 0.4 * (after - before), torch.from_numpy(face_mask(64))
    a = cover(change)
    assert 0.05 < a.mean() < 0.95
    got = laid(x, overlay(change, before), mask)
    torch.testing.assert_close(got, x + mask * (change + a * (before - x)), atol=1e-5, rtol=0)
    torch.testing.assert_close(laid(x, change, mask), x + mask * change)


def test_where_nothing_changes_every_bit_stays():
    x, before = pictures(seed=0), pictures(seed=1)
    over = overlay(torch.zeros_like(before), before)
    assert torch.equal(laid(x, over, torch.from_numpy(face_mask(64))), x)


def test_blurred_is_a_gaussian_by_hand():
    x = torch.zeros(1, 1, 21, 21)
    x[..., 10, 10] = 1
    y = blurred(x, 1.5)[0, 0]
    at = torch.arange(21) - 10.0
    line = torch.exp(-0.5 * (at / 1.5) ** 2)
    line = torch.where(at.abs() <= 4, line, torch.zeros(()))
    line = line / line.sum()
    torch.testing.assert_close(y, line[:, None] * line[None], atol=1e-6, rtol=1e-4)
