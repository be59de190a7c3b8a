"""The critic of texture: its losses by hand, and a pull of the strength that was asked for."""

import pytest
import torch

from istrc.training.critic import PatchCritic, balanced_gradient, hinge


def test_one_opinion_a_patch():
    critic = PatchCritic(4)
    assert critic(torch.rand(2, 3, 16, 16)).shape == (2, 1, 4, 4)
    critic.eval()
    x = torch.zeros(1, 3, 64, 64)
    x.requires_grad_()
    (grad,) = torch.autograd.grad(critic(x)[0, 0, 8, 8], x)
    seen = grad.abs().sum((0, 1)).nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).max() <= 26


def test_no_layer_enlarges_by_more_than_one():
    torch.manual_seed(0)
    critic = PatchCritic(6)
    for _ in range(50):  # power iteration, one step each
        critic(torch.rand(2, 3, 16, 16))
    kernels = [layer.weight.flatten(1) for layer in critic.eval().body if hasattr(layer, "weight")]
    assert len(kernels) == 4
    for kernel in kernels:
        assert torch.linalg.matrix_norm(kernel, 2).item() == pytest.approx(1, abs=0.02)


def test_hinge_by_hand():
    real, rebuilt = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 0.0, 1.0])
    assert hinge(real, rebuilt).item() == pytest.approx((0 + 0.5 + 2) / 3 + (0 + 1 + 2) / 3)


@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_the_critics_pull_is_a_share_of_the_losss(weight):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss, opinion = (x**2).mean(), 1e6 * x.sin()  # however loud the critic is
    pull = balanced_gradient(x, loss, opinion, weight)
    ours = 2 * x.detach() / x.numel()
    rest = pull - ours
    assert rest.norm().item() == pytest.approx(weight * ours.norm().item(), rel=1e-4, abs=1e-7)
    if weight:
        cosine = torch.cosine_similarity(rest.flatten(), x.detach().cos().flatten(), 0)
        assert cosine.item() == pytest.approx(-1, abs=1e-4)  # descends, so the opinion rises
