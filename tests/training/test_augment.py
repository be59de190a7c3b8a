"""What may happen to a face: each option alone, on pictures whose outcome is known."""

import math

import pytest
import torch

from istrc.training.augment import augment

STILL = dict(move=1.0, rotate=0.0, scale=0.0, shift=0.0, light=0.0, grey=0.0, erase=0.0)


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.rand(64, 3, 16, 16) * 1.6 - 0.8


def run(x, seed=1, **options):
    torch.manual_seed(seed)
    return augment(x, **{**STILL, **options})


def test_the_defaults_keep_shape_and_range(x):
    torch.manual_seed(0)
    y = augment(x)
    assert y.shape == x.shape and y.isfinite().all() and y.abs().max() <= 1


def test_the_seed_decides_and_every_face_gets_its_own_draw(x):
    options = dict(rotate=8.0, scale=0.1, shift=0.05, light=0.25, grey=0.05, erase=0.15)
    assert torch.equal(run(x, **options), run(x, **options))
    assert not torch.equal(run(x, **options), run(x, 2, **options))
    same = run(x[:1].expand(64, -1, -1, -1), **options)
    assert len({tuple(face.flatten().tolist()) for face in same}) == 64


def test_without_options_a_face_is_itself_or_its_mirror_image(x):
    y = run(x)
    kept = [torch.allclose(a, b, atol=1e-5) for a, b in zip(y, x, strict=True)]
    mirrored = [torch.allclose(a, b.flip(2), atol=1e-5) for a, b in zip(y, x, strict=True)]
    assert all(a != b for a, b in zip(kept, mirrored, strict=True))
    assert 16 < sum(mirrored) < 48


def test_faces_that_are_not_moved_keep_their_pixels(x):
    """move=0: whatever the other limits, no face is turned, scaled or shifted."""
    y = run(x, move=0.0, rotate=30.0, scale=0.3, shift=0.3)
    for a, b in zip(y, x, strict=True):
        assert torch.allclose(a, b, atol=1e-5) or torch.allclose(a, b.flip(2), atol=1e-5)


def test_about_the_asked_share_is_moved(x):
    x = x.repeat(8, 1, 1, 1)
    y = run(x, move=0.25, rotate=30.0)
    still = [
        torch.allclose(a, b, atol=1e-5) or torch.allclose(a, b.flip(2), atol=1e-5)
        for a, b in zip(y, x, strict=True)
    ]
    assert 0.18 < 1 - sum(still) / len(still) < 0.32


def blob(size=33, at=(16, 16)):
    """One bright spot on black, (1, 3, S, S)."""
    rows = torch.arange(size)
    square = (rows[:, None] - at[1]) ** 2 + (rows[None, :] - at[0]) ** 2
    return (2 * torch.exp(-square / 4.0) - 1).expand(1, 3, -1, -1)


def where(y):
    """Centre of the bright spot of each picture, (B, 2) x and y from the middle, pixels."""
    light = y[:, 0] + 1
    axis = torch.arange(y.shape[-1]) - (y.shape[-1] - 1) / 2
    total = light.sum((1, 2))
    return (
        torch.stack([(light.sum(1) * axis).sum(1), (light.sum(2) * axis).sum(1)], 1)
        / total[:, None]
    )


def test_turns_reach_as_far_as_asked_and_no_further():
    moved = where(run(blob(at=(16, 8)).expand(200, -1, -1, -1), rotate=20.0))
    torch.testing.assert_close(moved.norm(dim=1), torch.full((200,), 8.0), atol=0.2, rtol=0)
    angles = torch.atan2(moved[:, 0], -moved[:, 1]) * 180 / math.pi
    assert 18 < angles.max() < 20.5 and -20.5 < angles.min() < -18
    assert abs(angles.mean()) < 3


def test_shifts_are_a_share_of_the_side():
    moved = where(run(blob().expand(200, -1, -1, -1), shift=0.1)) / 33
    assert 0.09 < moved.abs().amax() < 0.102
    assert (moved.amax(0) > 0.09).all() and (moved.amin(0) < -0.09).all()


def test_zooms_stay_within_the_share():
    moved = where(run(blob(at=(16, 8)).expand(200, -1, -1, -1), scale=0.2)).norm(dim=1) / 8
    assert math.exp(-0.2) - 0.02 < moved.min() < 0.86
    assert 1.17 < moved.max() < math.exp(0.2) + 0.02


def test_grey_faces_have_no_colour(x):
    y = run(x, grey=1.0)
    assert (y - y.mean(1, keepdim=True)).abs().max() < 1e-5
    some = run(x.repeat(8, 1, 1, 1), grey=0.3)
    share = ((some - some.mean(1, keepdim=True)).abs().amax((1, 2, 3)) < 1e-5).float().mean()
    assert 0.24 < share < 0.36


def test_light_is_affine_about_mean_and_grey():
    """Two pixels of one face and colour stay of one colour; brightness moves the mean by light."""
    torch.manual_seed(3)
    x = torch.rand(400, 3, 4, 4) * 0.2 - 0.1
    y = run(x, light=0.25)
    moved = (y - x).mean((1, 2, 3))
    assert 0.22 < moved.max() < 0.2501 and -0.2501 < moved.min() < -0.22
    contrast = y.mean(1).flatten(1).std(1) / x.mean(1).flatten(1).std(1)
    assert 0.749 < contrast.min() < 0.78 and 1.22 < contrast.max() < 1.251


def test_one_rectangle_of_one_grey_is_hidden():
    torch.manual_seed(3)
    x = torch.rand(300, 3, 20, 20) * 0.5
    y = run(x, erase=1.0)
    for face in y:
        # A hidden pixel is the same in all channels, which no drawn pixel is
        hidden = (face == face[0]).all(0)
        rows, columns = hidden.any(1), hidden.any(0)
        assert torch.equal(hidden, rows[:, None] & columns[None, :])
        assert 1 <= rows.sum() <= 8 and 1 <= columns.sum() <= 8
        assert face[0][hidden].unique().numel() == 1
    some = [(face == face[0]).all(0).any().item() for face in run(x, erase=0.15)]
    assert 0.08 < sum(some) / 300 < 0.23
