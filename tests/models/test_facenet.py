"""FaceNet's network: on the sphere, its blocks by hand, the same numbers as ever."""

import pytest
import torch
from torch.nn import functional as F

from istrc.models.facenet import FaceNet


@pytest.fixture
def net():
    torch.manual_seed(0)
    return FaceNet(16, 8, (4, 6, 8), (1, 2, 1), ("smile", "male", "young")).eval()


@pytest.fixture
def x():
    return torch.linspace(-1, 1, 2 * 3 * 16 * 16).sin().view(2, 3, 16, 16)


def test_embeddings_are_on_the_sphere(net, x):
    z = net(x)
    assert z.shape == (2, 8) and z.dtype == torch.float32
    torch.testing.assert_close(z.norm(dim=1), torch.ones(2))


def test_golden_corner(net, x):
    wanted = torch.tensor(
        [[0.58985, -0.2223, -0.02733, -0.51746], [0.58078, -0.2586, -0.00864, -0.52232]]
    )
    torch.testing.assert_close(net(x)[:, :4], wanted, atol=1e-4, rtol=0)


def test_maps_halve_at_every_stage(net, x):
    shapes = [tuple(a.shape) for a in net.features(x)]
    assert shapes == [(2, 4, 8, 8), (2, 6, 4, 4), (2, 8, 2, 2)]


def test_the_network_by_hand(net, x):
    """Space to depth, stages of relu(x + bn(conv(relu(bn(conv(x)))))), one linear layer."""

    def batch_norm(y, layer):
        view = (1, -1, *[1] * (y.dim() - 2))
        y = (y - layer.running_mean.view(view)) / (layer.running_var.view(view) + layer.eps).sqrt()
        return y * layer.weight.view(view) + layer.bias.view(view)

    def conv(y, pair, stride=1):
        return batch_norm(F.conv2d(y, pair[0].weight, None, stride, 1), pair[1])

    for module in net.modules():  # statistics of a trained network, not 0 and 1
        if hasattr(module, "running_mean"):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    # Space to depth: channel 4c + 2i + j is the pixel (i, j) of each 2x2 block of channel c
    parts = [x[:, c, i::2, j::2] for c in range(3) for i in range(2) for j in range(2)]
    y = conv(torch.stack(parts, 1), net.stem[1]).relu()
    for level, stage in enumerate(net.stages):
        blocks = list(stage)
        if level:
            y = conv(y, blocks[0], 2).relu()
            blocks = blocks[2:]
        for block in blocks:
            y = (y + conv(conv(y, block.first).relu(), block.second)).relu()
    z = batch_norm(y.flatten(1) @ net.project.weight.T + net.project.bias, net.normalise)
    torch.testing.assert_close(net(x), z / z.norm(dim=1, keepdim=True), atol=1e-5, rtol=0)


@torch.no_grad()
def test_heads_are_linear_on_the_sphere(net, x):
    z = net(x)
    byhand = [
        [
            sum(z[b, d] * net.head_scale * net.heads.weight[a, d] for d in range(8))
            + net.heads.bias[a]
            for a in range(3)
        ]
        for b in range(2)
    ]
    torch.testing.assert_close(net.head_logits(z), torch.tensor(byhand))


def test_the_configuration_makes_the_same_network_again(net, x):
    again = FaceNet(**net.config)
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(x), net(x))
    assert net.config["attributes"] == ["smile", "male", "young"]


def test_every_weight_gets_a_gradient(net, x):
    net.train()
    z = net(torch.cat([x, x.flip(3), -x]))
    (z[:, :5].sum() + net.head_logits(z).square().sum()).backward()
    silent = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias before a batch norm is subtracted again
    assert set(silent) <= {"project.bias"}


def test_a_face_does_not_depend_on_the_rest_of_the_batch(net, x):
    torch.testing.assert_close(net(x)[1:], net(x[1:]))
