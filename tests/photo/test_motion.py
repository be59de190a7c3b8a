"""What moves is followed; what changes colour is not; the two together are the change."""

import pytest
import torch

from istrc.photo.motion import FURTHEST, blurred, displacement, moved


def pictures(count: int = 3, size: int = 64, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return (blurred(torch.randn(count, 3, size, size), 2.0) * 4).clamp(-1, 1)


def bump(size: int, x: float, y: float, far: float) -> torch.Tensor:
    """A displacement (1, 2, S, S) that is (x, y) in the middle and dies out towards the edge."""
    axis = (torch.arange(size) + 0.5) / size - 0.5
    fall = torch.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / far**2)
    return torch.stack([x * fall, y * fall])[None]


def test_nothing_moves_where_nothing_changes():
    x = pictures()
    assert displacement(x, x).abs().max() < 1e-6


@pytest.mark.parametrize("x, y", [(0.03, 0.0), (0.0, -0.04), (0.025, 0.025)])
def test_what_moved_is_found(x, y):
    before = pictures()
    true = bump(64, x, y, 0.2).expand(3, -1, -1, -1)
    after = moved(before, true)
    found = displacement(before, after)
    middle = (slice(None), slice(None), slice(26, 38), slice(26, 38))
    assert (found[middle] - true[middle]).norm(dim=1).mean() < 0.25 * true[middle].norm(
        dim=1
    ).mean()
    left = (moved(before, found) - after).square().mean()
    assert left < 0.15 * (after - before).square().mean()


def test_a_change_of_colour_moves_little():
    before = pictures()
    fall = bump(64, 1.0, 0.0, 0.2)[:, :1]
    after = (before + 0.5 * fall).clamp(-1.5, 1.5)  # a patch is lit; nothing went anywhere
    assert displacement(before, after).norm(dim=1).mean() < 0.1 / 64 * 10


def test_never_further_than_the_limit():
    found = displacement(pictures(seed=1), pictures(seed=2))
    assert found.norm(dim=1).max() <= FURTHEST * (1 + 1e-5)


def test_a_face_does_not_depend_on_its_neighbours():
    before, after = pictures(seed=1), pictures(seed=2)
    alone = displacement(before[1:2], after[1:2])
    torch.testing.assert_close(displacement(before, after)[1:2], alone, rtol=1e-4, atol=1e-5)


def test_moved_by_whole_pixels_is_a_shift():
    x = pictures(1)
    u = torch.zeros(1, 2, 64, 64)
    u[:, 0] = 3 / 64
    torch.testing.assert_close(moved(x, u)[..., 4:-8], x[..., 7:-5], rtol=1e-4, atol=1e-4)


def test_blurred_is_a_gaussian_by_hand():
    x = torch.zeros(1, 1, 21, 21)
    x[..., 10, 10] = 1
    y = blurred(x, 1.5)[0, 0]
    at = torch.arange(21) - 10.0
    line = torch.exp(-0.5 * (at / 1.5) ** 2)
    line = torch.where(at.abs() <= 4, line, torch.zeros(()))
    line = line / line.sum()
    torch.testing.assert_close(y, line[:, None] * line[None], atol=1e-6, rtol=1e-4)
