"""The plain reading computes what the circle computes, one thing at a time."""

from itertools import pairwise

import pytest
import torch

from istrc import sphere
from istrc.evaluation import plain
from istrc.models.attributes import AttributeClassifiers


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = AttributeClassifiers(("smile", "male", "beard"), 10, 6, 4)
    net.slope.copy_(torch.tensor([2.0, 1.0, -3.0]))
    net.shift.copy_(torch.tensor([0.5, 0.0, 0.25]))
    return net


def test_one_classifier_is_the_one_that_is_computed_beside_others(net):
    z = sphere.normalize(torch.randn(5, 10))
    for column, name in enumerate(net.names):
        one = plain.Classifier(net, name)
        torch.testing.assert_close(one(z), net(z)[:, column])


def test_a_walk_is_eq_1_by_hand(net):
    z = sphere.normalize(torch.randn(1, 10))
    vectors = plain.walk(z, plain.Classifier(net, "beard"), 1.0, 4, 0.05)
    assert len(vectors) == 5 and vectors[0] is z
    for before, after in pairwise(vectors):
        x = before.clone().requires_grad_()
        loss = -torch.log(torch.sigmoid(net(x)[0, 2]))
        (slope,) = torch.autograd.grad(loss, x)
        moved = before - 0.05 * slope / slope.norm()
        torch.testing.assert_close(after, moved / moved.norm())
    scores = [net(v)[0, 2].item() for v in vectors]
    assert scores == sorted(scores)
    away = plain.walk(z, plain.Classifier(net, "beard"), 0.0, 4, 0.05)
    assert net(away[-1])[0, 2] < scores[0]


def test_pictures_are_the_circles_own(blank_model):
    from istrc.circle import Circle

    circle = Circle.from_pretrained(blank_model)
    x = torch.rand(3, 3, 32, 32) * 2 - 1
    slowly = torch.cat(plain.reconstruct(circle, x))
    assert (slowly - circle.decode(circle.embed(x))).abs().max() < 1e-4
    smile = plain.Classifier(circle.attributes, "smile")
    drawn = plain.transform(circle, circle.embed(x[:1]), smile, 4, 0.05)
    assert len(drawn) == 4 and drawn[0].shape == (1, 3, 32, 32)
