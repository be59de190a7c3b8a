"""The landmark network: points over the picture, from a mean shape that it begins at."""

import numpy as np
import torch

from istrc.models.landmarks import Landmarks
from istrc.models.serialization import load_part, save_part
from istrc.shape.frame import mirrored

ROUGH = dict(size=16, fold=2, widths=(4, 4, 6, 6), hidden=8)
FINE = dict(size=32, fold=4, widths=(4, 4, 6, 6), hidden=8)


def build(mean, spread=0.1):
    torch.manual_seed(0)
    net = Landmarks(ROUGH, FINE, faces=5)
    net.mean.copy_(torch.from_numpy(mean))
    for part in (net.rough, net.fine):
        torch.nn.init.normal_(part.place.weight, std=spread)
    return net.eval()


@torch.no_grad()
def test_it_begins_at_the_mean_shape(face_points):
    net = Landmarks(ROUGH, FINE, faces=5)
    net.mean.copy_(torch.from_numpy(face_points))
    assert (net.size, net.rough_size) == (32, 16)
    for found in (net(torch.rand(2, 3, 32, 32)), net.guess(torch.rand(2, 3, 16, 16))):
        wanted = torch.from_numpy(face_points).float().expand(2, -1, -1)
        torch.testing.assert_close(found[..., :2], wanted)
        assert found.shape == (2, 68, 3) and not found[..., 2].any()


@torch.no_grad()
def test_points_are_the_mean_and_what_is_seen(face_points):
    net = build(face_points)
    for part, size, look in ((net.fine, 32, net), (net.rough, 16, net.guess)):
        x = torch.rand(3, 3, size, size) * 2 - 1
        seen = part.place(part.judge(part.look(x).flatten(1))).view(3, 68, 3)
        found = look(x)
        torch.testing.assert_close(found[..., :2], seen[..., :2] + net.mean)
        assert torch.equal(found[..., 2], seen[..., 2])
        assert found[..., :2].std(0).max() > 0


@torch.no_grad()
def test_both_looks_are_means_over_the_mirror_and_of_pixels(face_points):
    net = build(face_points)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    wanted = (net(x) + mirrored(net(x.flip(3)))) / 2
    torch.testing.assert_close(net.find(x), wanted, atol=1e-5, rtol=0)
    np.testing.assert_allclose(net.find_in(pixels), wanted, atol=1e-5)
    small = pixels[:, ::2, ::2]
    x = x[:, :, ::2, ::2]
    wanted = (net.guess(x) + mirrored(net.guess(x.flip(3)))) / 2
    np.testing.assert_allclose(net.find_in(small, rough=True), wanted, atol=1e-5)


def test_it_is_stored_with_its_mean_and_triangles(face_points, tmp_path):
    net = build(face_points)
    net.triangles.copy_(torch.arange(15).view(5, 3))
    save_part(net, tmp_path)
    again = load_part(tmp_path)
    assert torch.equal(again.triangles, net.triangles) and again.triangles.dtype == torch.int64
    assert torch.allclose(again.mean, net.mean, atol=1e-3)
