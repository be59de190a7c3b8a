"""The classifiers: one at a time the slow way, gradients against autograd."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from istrc.models.attributes import AttributeClassifiers

NAMES = ("smile", "male", "young", "beard")


def build(seed=0, dim=8, width=6, layers=4, dtype=torch.float32):
    torch.manual_seed(seed)
    net = AttributeClassifiers(NAMES, dim, width, layers)
    for bias in net.biases:
        bias.data.normal_(0, 0.5)
    net.slope.uniform_(-1, 2)
    net.shift.normal_()
    return net.to(dtype).eval()


def draw(count, dim=8, dtype=torch.float32):
    z = torch.randn(count, dim, dtype=dtype)
    return z / z.norm(dim=1, keepdim=True)


@torch.no_grad()
def test_each_classifier_by_hand():
    net, z = build(), draw(5)
    for a in range(len(NAMES)):
        for b in range(5):
            y = z[b] * 8**0.5
            for weight, bias in list(zip(net.weights, net.biases, strict=True))[:-1]:
                y = y @ weight[a] + bias[a, 0]
                y = y * torch.sigmoid(y)  # silu
            raw = (y @ net.weights[-1][a] + net.biases[-1][a, 0]).item()
            assert net.raw(z)[b, a].item() == pytest.approx(raw, abs=1e-5)
            calibrated = raw * net.slope[a].item() + net.shift[a].item()
            assert net(z)[b, a].item() == pytest.approx(calibrated, abs=1e-5)


def test_some_columns_are_those_of_all():
    net, z = build(), draw(5)
    columns = torch.tensor([2, 0, 2])
    torch.testing.assert_close(net(z, columns), net(z)[:, columns])
    torch.testing.assert_close(net.raw(z, columns), net.raw(z)[:, columns])
    for part, whole in zip(net.at(columns)(z), net.at()(z), strict=True):
        torch.testing.assert_close(part, whole[:, columns])
    assert net(z, torch.tensor([], dtype=torch.long)).shape == (5, 0)
    assert net(z[:0]).shape == (0, 4)
    logits, gradients = net.at()(z[:0])
    assert logits.shape == (0, 4) and gradients.shape == (0, 4, 8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(1, 9), st.integers(2, 9))
def test_gradient_is_autograds(seed, layers, width, dim):
    net = build(seed, dim, width, layers, torch.float64)
    z = draw(3, dim, torch.float64).requires_grad_()
    logits, gradients = net.at()(z.detach())
    wanted = torch.stack(
        [torch.autograd.grad(net(z)[:, a].sum(), z)[0] for a in range(len(NAMES))], 1
    )
    torch.testing.assert_close(gradients, wanted, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(logits, net(z.detach()))


def test_classifiers_do_not_touch_each_other():
    """The gradient of one attribute's logit is zero in every other attribute's weights."""
    net, z = build(), draw(5)
    net.raw(z)[:, 1].sum().backward()
    for weight in net.weights:
        others = [a for a in range(len(NAMES)) if a != 1]
        assert weight.grad[1].any() and not weight.grad[others].any()


def test_the_configuration_makes_the_same_network_again():
    net, z = build(), draw(5)
    again = AttributeClassifiers(**net.config)
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(z), net(z))
    assert again.names == NAMES


def test_golden_corner():
    torch.manual_seed(0)
    net = AttributeClassifiers(NAMES, 8, 6, 4)
    z = torch.linspace(-2, 3, 16).cos().view(2, 8)
    logits, gradients = net.at()(z / z.norm(dim=1, keepdim=True))
    wanted_logits, wanted_gradients = (
        [-0.47232, 0.13661, 0.00149, -0.05458],
        [-0.00465, -0.2275, 0.20992],
    )
    torch.testing.assert_close(logits[1], torch.tensor(wanted_logits), atol=1e-4, rtol=0)
    corner = gradients[1, 2, :3]
    torch.testing.assert_close(corner, torch.tensor(wanted_gradients), atol=1e-4, rtol=0)
