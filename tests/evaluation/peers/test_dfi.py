import pytest
import torch

from istrc.errors import InputError
from istrc.evaluation.peers.dfi import dfi, nearest_mean, phi, reverse


def test_features_are_the_coarser_maps(untrained, x):
    with torch.no_grad():
        maps = untrained.facenet.features(x)
    assert phi(untrained.facenet, x).shape == (3, 12 * 4 * 4)
    torch.testing.assert_close(phi(untrained.facenet, x), maps[1].flatten(1))


def test_the_nearest_the_slow_way():
    rng = torch.Generator().manual_seed(0)
    of, among = torch.randn(3, 6, generator=rng), torch.randn(9, 6, generator=rng)
    for count in (1, 4, 20):
        found = nearest_mean(of, among, count)
        for one, mean in zip(of, found, strict=True):
            order = sorted(range(9), key=lambda i, one=one: float((among[i] - one).norm()))
            torch.testing.assert_close(mean, among[order[:count]].mean(0))


def test_reverse_mapping_finds_a_picture_of_the_wanted_features(untrained, x):
    net = untrained.facenet
    with torch.no_grad():
        target = phi(net, x.flip(0))
        before = (phi(net, x) - target).square().sum()
        y = reverse(net, x, target, smooth=0.0, iterations=30)
        after = (phi(net, y) - target).square().sum()
    assert after < 0.2 * before and y.abs().max() <= 1
    assert all(p.grad is None for p in net.parameters())


def test_more_weight_on_smoothness_makes_it_smoother(untrained, x):
    target = phi(untrained.facenet, x.flip(0)).detach()
    rough, smooth = (
        reverse(untrained.facenet, x, target, smooth=weight, iterations=10)
        for weight in (0.0, 50.0)
    )
    steps = [(y[..., 1:] - y[..., :-1]).square().mean() for y in (rough, smooth)]
    assert steps[1] < 0.95 * steps[0]


def test_it_goes_where_the_neighbours_with_the_attribute_are(untrained, examples, x):
    edit = dfi(untrained, examples, neighbours=5, pool=20, iterations=5, together=2, smooth=0.0)
    with torch.no_grad():
        here, sides = phi(untrained.facenet, x), []
        for side in examples.sides("smile"):
            rows = examples.rows[[side[round(i * (len(side) - 1) / 19)] for i in range(20)]]
            maps = phi(untrained.facenet, examples.prepared.batch(rows))
            sides.append(nearest_mean(here, maps, 5))
        target = here - 2 * (sides[0] - sides[1])
        y = edit(x, {"smile": -2.0})
        near, was = ((phi(untrained.facenet, p) - target).norm(dim=1) for p in (y, x))
    assert (near < was).all()
    assert (y == x)[:, :, [0, -1]].all()  # the mask's border is the face's own


def test_a_circle_without_our_network_has_no_maps(untrained, examples, monkeypatch):
    monkeypatch.setattr(untrained, "facenet", None)
    with pytest.raises(InputError, match="--peers dfi"):
        dfi(untrained, examples)
