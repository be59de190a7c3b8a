import pytest
import torch

from istrc.models.judge import JudgeNet


@pytest.fixture
def net():
    torch.manual_seed(0)
    return JudgeNet(16, ("smile", "male", "young"), (8, 12, 16), (1, 1, 0), features=10)


def test_shapes(net):
    x = torch.rand(5, 3, 16, 16) * 2 - 1
    assert net(x).shape == (5, 3)
    assert net.features(x).shape == (5, 10)


def test_the_configuration_makes_the_same_network_again(net):
    again = JudgeNet(**net.config)
    again.load_state_dict(net.state_dict())
    x = torch.rand(2, 3, 16, 16)
    assert torch.equal(again.eval()(x), net.eval()(x))
    assert again.attributes == ["smile", "male", "young"]


def test_every_weight_gets_a_gradient(net):
    net(torch.rand(4, 3, 16, 16)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_the_default_fits_into_the_package():
    """At most 6 MB in float16, so that anybody can run the evaluation again."""
    net = JudgeNet(64, tuple(map(str, range(42))))
    values = sum(v.numel() for v in net.state_dict().values())
    assert 2 * values <= 6e6


def test_verdicts_do_not_depend_on_the_rest_of_the_batch(net):
    x = torch.rand(6, 3, 16, 16)
    net.eval()
    assert torch.allclose(net(x)[2:3], net(x[2:3]), atol=1e-5)
