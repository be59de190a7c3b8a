"""Several edits in one batch: each walk is the one that is made of it alone."""

import pytest
import torch

from istrc import sphere
from istrc.edit.walk import targets, walk, walk_each
from istrc.models.attributes import AttributeClassifiers

EDITS = (([0], [1, 2]), ([3], []), ([1], [0]), ([2, 0], [3]))


@pytest.mark.parametrize("metric", ["data", "euclidean"])
def test_each_walk_is_the_one_made_alone(metric):
    torch.manual_seed(0)
    net = AttributeClassifiers(("smile", "male", "beard", "young"), 12, 8, 4).double()
    net.slope.fill_(8.0)
    spread = torch.randn(12, 12).double()
    net.covariance.copy_(spread @ spread.T / 144)
    z = sphere.normalize(torch.randn(5, 12).double())
    wanted = [
        targets(net(z, torch.tensor(edited)), torch.ones(len(edited)).double()).detach()
        for edited, _ in EDITS
    ]
    settings = dict(metric=metric, step=0.03, bound=0.5)
    for found, goal, (edited, kept) in zip(
        walk_each(z, net, wanted, EDITS, **settings), wanted, EDITS, strict=True
    ):
        alone = walk(z, net, goal, edited, kept, **settings)
        length = len(alone.points)
        assert (found.points[:length] - alone.points).abs().max() < 1e-9
        assert (found.points[length:] - alone.end).abs().max() < 1e-9 if length < 18 else True
        assert found.reached.equal(alone.reached) and found.target.equal(goal)
        for one, other in ((found.angle, alone.angle), (found.before, alone.before)):
            assert torch.allclose(one, other)
        assert torch.allclose(found.after, alone.after, atol=1e-6)
