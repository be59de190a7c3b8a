"""Principal components as a code: coordinates in a loop, and the projection that they are."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from istrc.models.components import Components, feathered

REGIONS = [(2, 1, 10, 6, 3), (6, 4, 8, 9, 2)]  # they overlap


def build(regions=(), side=8, size=16, count=5, weighed=True):
    """Components with orthonormal bases, as they are measured."""
    torch.manual_seed(0)
    net = Components(count, side, size, regions)
    net.mean.normal_(0, 0.2)
    if weighed:
        net.weight.uniform_(0.4, 1)
    for name, basis in net.named_buffers():
        if name.startswith("basis"):
            basis.copy_(torch.linalg.qr(torch.randn(basis.shape[1], len(basis)))[0].T)
    net.spread.uniform_(0.5, 2)
    return net


@pytest.fixture
def x():
    return torch.randn(4, 3, 16, 16, generator=torch.manual_seed(1))


def test_the_global_part_is_a_projection(x):
    """Encoded at its own size: what is composed has the coordinates that it is composed of."""
    net = build(side=16)
    coordinates = net(x)
    once = net.compose(coordinates)
    torch.testing.assert_close(net(once), coordinates, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(net.compose(net(once)), once, atol=1e-4, rtol=1e-4)
    # Nothing is nearer, as the pixels are weighed
    weight = net.weight.view(1, 1, 16, 16)
    error = ((x - once) * weight).square().sum((1, 2, 3))
    for _ in range(5):
        other = net.compose(coordinates + 0.1 * torch.randn(4, 5))
        assert (((x - other) * weight).square().sum((1, 2, 3)) >= error - 1e-4).all()


def slow(net, x):
    """Coordinates of one face (3, S, S), coordinate by coordinate."""
    small = F.interpolate(x[None], (net.side,) * 2, mode="bilinear", antialias=True)[0]
    weight = net.weight.repeat(3)
    flat = (small.flatten() - net.mean) * weight
    found = [float(flat @ direction) for direction in net.basis]
    whole = net.mean + sum(c * d for c, d in zip(found, net.basis, strict=True)) / weight
    whole = whole.view(1, 3, net.side, net.side)
    whole = F.interpolate(whole, (net.size,) * 2, mode="bicubic", align_corners=False)[0]
    rest = x - whole
    for number, (left, top, width, height, own) in enumerate(net.regions):
        window = torch.from_numpy(feathered(width, height))
        place = (slice(None), slice(top, top + height), slice(left, left + width))
        part = (rest[place] * window).flatten()
        basis = getattr(net, f"basis{number}")
        coordinates = [float(part @ basis[k]) for k in range(own)]
        found += coordinates
        taken = sum(c * d for c, d in zip(coordinates, basis, strict=True))
        rest = rest.clone()
        rest[place] -= taken.view(3, height, width) * window
    return torch.tensor(found) / net.spread, x - rest


def test_regions_have_their_own_of_what_is_left(x):
    net = build(REGIONS)
    assert net.counts == [5, 3, 2] and net(x).shape == (4, 10)
    for face, coordinates, drawn in zip(x, net(x), net.compose(net(x)), strict=True):
        wanted, composed = slow(net, face)
        torch.testing.assert_close(coordinates, wanted, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(drawn, composed, atol=1e-4, rtol=1e-4)


def test_a_region_shows_in_itself_alone():
    net = build(REGIONS)
    change = torch.zeros(1, 10)
    blank = net.compose(change)
    change[0, 5:8] = 1
    left, top, width, height, _ = REGIONS[0]
    moved = (net.compose(change) - blank)[0].abs().amax(0) > 1e-7
    assert moved.any() and not moved[top + height :].any() and not moved[:, left + width :].any()
    assert not moved[:top].any() and not moved[:, :left].any()


def test_feathers_fall_to_nothing_at_the_edges():
    window = feathered(24, 12)
    assert window.shape == (12, 24) and window.max() == 1 and window.min() < 0.02
    np.testing.assert_allclose(window, window[::-1, ::-1], atol=1e-7)
    assert (window[2:-2, 4:-4] == 1).all() and (np.diff(window[6, :5]) > 0).all()


def test_inside_is_all_where_pixels_count_the_most_and_nothing_where_the_least():
    net = Components(3, 4, 8)
    assert torch.equal(net.inside(), torch.ones(8, 8))  # all alike
    net.weight.copy_(torch.full((16,), 0.15).sqrt())
    net.weight[5] = 1.0  # row 1, column 1 of 4x4
    inside = net.inside()
    assert inside.shape == (8, 8) and inside.min() < 1e-5
    far = inside[5:, :].max(), inside[:, 5:].max()
    assert max(far) < 1e-5
    assert inside[2:4, 2:4].min().item() == pytest.approx(0.75**2, abs=1e-4)  # bilinear
