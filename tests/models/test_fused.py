"""What inference runs in place of a network gives the network's own numbers."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from istrc.models.components import enlargement
from istrc.models.facenet import FaceNet
from istrc.models.fused import Cached, in_blocks, without_batch_norm
from istrc.models.landmarks import Regressor
from istrc.models.mapping import Mapping

NETS = {
    "facenet": (lambda: FaceNet(16, 6, (4, 6), (1, 2)), (5, 3, 16, 16)),
    "landmarks": (lambda: Regressor(16, 2, (4, 6, 4, 4), 8), (3, 3, 16, 16)),
    "mapping": (lambda: Mapping(8, 6, 10), (7, 8)),
}


@pytest.fixture(scope="module", params=NETS)
def net_and_input(request):
    """A network whose BatchNorms have seen something, and what goes into it."""
    torch.manual_seed(0)
    make, shape = NETS[request.param]
    net = make()
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return net.eval(), torch.randn(shape)


@torch.no_grad()
def test_folded_networks_give_the_same_numbers_without_batch_norm(net_and_input):
    net, x = net_and_input
    light = without_batch_norm(net)
    assert (light(x) - net(x)).abs().max() < 1e-5
    norms = [m for m in light.modules() if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d))]
    assert len(norms) <= 1  # FaceNet's last is beside its layer, not behind it in a row
    assert any(isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d)) for m in net.modules())


def test_what_has_no_batch_norm_is_not_copied():
    net = Mapping(8, 6, 10).eval()
    assert without_batch_norm(net).body[-1].weight is net.body[-1].weight


@pytest.mark.parametrize("size", [8, 16, 24])
def test_enlarging_by_products_is_bicubic_interpolation(size):
    torch.manual_seed(0)
    x, up = torch.randn(2, 3, 8, 8), torch.from_numpy(enlargement(8, size))
    wanted = F.interpolate(x, size=size, mode="bicubic", align_corners=False)
    assert up.shape == (size, 8) and (up @ x @ up.T - wanted).abs().max() < 1e-5


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
def test_blocks_are_small_and_in_order(count):
    x, sizes = torch.arange(count * 2.0).view(count, 2), []

    def work(part):
        sizes.append(len(part))
        return 10 * part

    assert torch.equal(in_blocks(work, x, 5, 3 * 25 + 7), 10 * x)
    assert sum(sizes) == count and max(sizes) <= 3
    sizes.clear()
    assert torch.equal(in_blocks(work, x, 100, 25), 10 * x)  # one at a time at least
    assert sizes == [1] * count or count == 0


def test_kept_until_the_weights_change():
    net = nn.Linear(2, 2)
    made = []
    kept = Cached(lambda net: made.append(net) or len(made))
    assert [kept.of(net), kept.of(net)] == [1, 1]
    with torch.no_grad():
        net.weight.mul_(2)
    assert [kept.of(net), kept.of(net)] == [2, 2]
    net.load_state_dict(nn.Linear(2, 2).state_dict())
    assert kept.of(net) == 3
    assert kept.of(nn.Linear(2, 2)) == 4


def test_what_is_made_within_inference_serves_outside_of_it():
    net = Mapping(8, 6, 10).eval().requires_grad_(False)
    kept = Cached(without_batch_norm)
    with torch.inference_mode():
        light = kept.of(net)
    z = torch.randn(3, 8, requires_grad=True)
    light(z).sum().backward()
    assert z.grad is not None
