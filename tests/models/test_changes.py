"""What an edit changes in a code: nothing where nothing is walked, whatever was learned."""

import torch
from torch.nn import functional as F

from istrc.models.changes import Changes


def build():
    torch.manual_seed(0)
    net = Changes(8, 10, 12, 2)
    for weight in net.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    net.mean.normal_()
    net.spread.uniform_(0.5, 2)
    return net.eval()


def given(count=5):
    torch.manual_seed(1)
    z, z2 = F.normalize(torch.randn(2, count, 8), dim=2)
    return torch.randn(count, 10), z, z2


@torch.no_grad()
def test_nothing_walked_changes_exactly_nothing():
    net, (c, z, _) = build(), given()
    assert not net(c, z, z.clone()).any()


@torch.no_grad()
def test_a_change_by_hand():
    net, (c, z, z2) = build(), given()
    first, _, second, _, last = net.fit

    def r(c, z, moved):
        x = torch.cat([(c - net.mean) / net.spread, z * 8**0.5, moved * 8**0.5])
        for layer in (first, second):
            x = layer.weight @ x + layer.bias
            x = x * torch.sigmoid(x)
        return last.weight @ x

    found = net(c, z, z2)
    for row in range(len(c)):
        wanted = r(c[row], z[row], z2[row] - z[row]) - r(c[row], z[row], torch.zeros(8))
        torch.testing.assert_close(found[row], net.spread * wanted, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(net.standardised(c, z, z2)[row], wanted, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_it_begins_with_no_change_and_knows_the_face():
    c, z, z2 = given()
    assert not Changes(8, 10, 12)(c, z, z2).any()
    net = build()
    assert not torch.allclose(net(c, z, z2), net(c.roll(1, 0), z, z2))
