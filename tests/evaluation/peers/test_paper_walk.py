import pytest
import torch

from istrc.evaluation.peers.paper_walk import STEP, paper_walk, walk


@pytest.mark.parametrize("length", [0.11, -0.11])
def test_the_steps_one_by_one_through_autograd(untrained, x, length):
    y = 1.0 if length > 0 else 0.0
    z = untrained.embed(x).clone()
    slow = []
    for start in z:
        point = start.clone()
        for _ in range(6):  # 0.11 rad in steps of at most 0.02
            point.requires_grad_(True)
            score = torch.sigmoid(untrained.attributes(point[None])[0, 2])
            loss = -(y * torch.log(score) + (1 - y) * torch.log(1 - score))  # paper eq. 1
            (gradient,) = torch.autograd.grad(loss, point)
            point = point.detach() - 0.11 / 6 * gradient / gradient.norm()
            point = point / point.norm()
        slow.append(point)
    found = walk(z, untrained.attributes, 2, length)
    torch.testing.assert_close(found, torch.stack(slow), atol=2e-5, rtol=0)


def test_it_walks_that_far_at_most_and_towards_its_end(untrained, x):
    z, column = untrained.embed(x), 0
    ends = [walk(z, untrained.attributes, column, length) for length in (-0.3, 0.0, 0.3)]
    assert ends[1] is z and STEP < 0.3
    logits = [untrained.attributes(end)[:, column] for end in ends]
    assert (logits[0] < logits[1]).all() and (logits[1] < logits[2]).all()
    for end in (ends[0], ends[2]):
        angle = torch.acos((z * end).sum(1).clamp(max=1))
        assert (angle <= 0.3 + 1e-3).all() and (angle > 0.02).all()


def test_the_picture_is_the_decoded_embedding(untrained, x):
    y = paper_walk(untrained)(x, {"smile": 0.1, "male": -0.1})
    z = untrained.embed(x)
    names = untrained.attributes.names
    for name, length in (("smile", 0.1), ("male", -0.1)):
        z = walk(z, untrained.attributes, names.index(name), length)
    torch.testing.assert_close(y, untrained.decode(z))
