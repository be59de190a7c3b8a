"""What inference runs in place of a network gives the network's own numbers."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from istrc.models.began import AutoEncoder
from istrc.models.components import enlargement
from istrc.models.facenet import FaceNet
from istrc.models.landmarks import Regressor
from istrc.models.mapping import Mapping
from istrc.models.quick import DRAWN, Drawing, Kept, elu_, folded, in_blocks, joined

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
    light = folded(net)
    assert (light(x) - net(x)).abs().max() < 1e-5
    norms = [m for m in light.modules() if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d))]
    assert len(norms) <= 1  # FaceNet's last is beside its layer, not behind it in a row
    assert any(isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d)) for m in net.modules())


def test_what_has_no_batch_norm_is_not_copied():
    net = Mapping(8, 6, 10).eval()
    assert folded(net).body[-1].weight is net.body[-1].weight


def test_joined_weights_are_the_convolution_of_the_map_scaled_up():
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, 5, 5), torch.randn(4, 3, 3, 3)
    wanted = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)
    found = F.conv_transpose2d(x, joined(weight), stride=2, padding=1)
    assert found.shape == wanted.shape and (found - wanted).abs().max() < 1e-5


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


def test_elu_in_place():
    x = torch.linspace(-90, 90, 1001)
    assert (elu_(x.clone(), torch.empty(2000)) - F.elu(x)).abs().max() < 1e-6
    x = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    found = elu_(x.clone(), torch.empty(120))
    assert (found - F.elu(x)).abs().max() < 1e-6 and found.stride() == x.stride()


@pytest.mark.parametrize("light", [True, False])
@pytest.mark.parametrize("carry", [True, False])
@pytest.mark.parametrize("skip", [True, False])
@torch.no_grad()
def test_drawing_is_decoding(light, carry, skip):
    torch.manual_seed(0)
    widths = (4, 4, 6)
    net = AutoEncoder(32, 10, widths, light=light, carry=carry, skip=skip, linear=3, linear_side=8)
    net.components.basis.normal_()
    net.eval()
    h = torch.randn(DRAWN // 32**2 + 3, 10)  # more than a block
    draw = Drawing(net)
    assert (draw(h) - net.decode(h)).abs().max() < 1e-5
    assert (draw.block(h[:2]) - net.decode(h[:2])).abs().max() < 1e-5
    assert (Drawing(net, torch.bfloat16)(h) - net.decode(h)).abs().max() < 0.1


def test_kept_until_the_weights_change():
    net = nn.Linear(2, 2)
    made = []
    kept = Kept(lambda net: made.append(net) or len(made))
    assert [kept.of(net), kept.of(net)] == [1, 1]
    with torch.no_grad():
        net.weight.mul_(2)
    assert [kept.of(net), kept.of(net)] == [2, 2]
    net.load_state_dict(nn.Linear(2, 2).state_dict())
    assert kept.of(net) == 3
    assert kept.of(nn.Linear(2, 2)) == 4


def test_what_is_made_within_inference_serves_outside_of_it():
    net = Mapping(8, 6, 10).eval().requires_grad_(False)
    kept = Kept(folded)
    with torch.inference_mode():
        light = kept.of(net)
    z = torch.randn(3, 8, requires_grad=True)
    light(z).sum().backward()
    assert z.grad is not None
