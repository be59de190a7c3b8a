"""What an edit changes in a code: the formula by hand, and its laws."""

import pytest
import torch
from torch.nn import functional as F

from istrc.models.changes import Changes
from istrc.models.mapping import Mapping
from istrc.models.store import load_part, save_part


@pytest.fixture
def mapping():
    torch.manual_seed(0)
    net = Mapping(dim=8, code=6, width=10)
    net.mean.copy_(torch.linspace(-3, 3, 6))
    net.spread.copy_(torch.linspace(0.5, 4, 6))
    return net.eval()


@pytest.fixture
def tuned(mapping):
    net = Changes.of(mapping, width=12)
    with torch.no_grad():
        net.fit[-1].weight.normal_(0, 0.5)
    return net


@pytest.fixture
def walked():
    torch.manual_seed(1)
    return torch.randn(5, 6), *F.normalize(torch.randn(2, 5, 8), dim=-1)


@torch.no_grad()
@pytest.mark.parametrize("width", [0, 12])
def test_it_begins_as_the_mappings_difference(mapping, walked, width):
    h, z, z2 = walked
    net = Changes.of(mapping, width)
    torch.testing.assert_close(net(h, z, z2), mapping(z2) - mapping(z))
    assert net.mapping is not mapping  # a copy: what is tuned is not the circle's own


@torch.no_grad()
def test_the_formula_by_hand(tuned, mapping, walked):
    h, z, z2 = walked

    def fit(h, z, d):
        own = (h - mapping.mean) / mapping.spread
        y = torch.cat([own, z * 8**0.5, d * 8**0.5])
        for linear in (tuned.fit[0], tuned.fit[2]):
            y = linear.weight @ y + linear.bias
            y = y / (1 + torch.exp(-y))
        return tuned.fit[4].weight @ y * mapping.spread

    for i, change in enumerate(tuned(h, z, z2)):
        stayed = torch.zeros(8)
        by_hand = fit(h[i], z[i], z2[i] - z[i]) - fit(h[i], z[i], stayed)
        by_hand = by_hand + (mapping(z2[i : i + 1]) - mapping(z[i : i + 1]))[0]
        torch.testing.assert_close(change, by_hand, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_where_nothing_was_walked_nothing_changes(tuned, walked):
    h, z, _ = walked
    assert not tuned(h, z, z).any()


@torch.no_grad()
def test_the_face_has_a_say(tuned, walked):
    h, z, z2 = walked
    assert (tuned(h + 1, z, z2) - tuned(h, z, z2)).abs().max() > 1e-3


@torch.no_grad()
def test_saved_and_loaded_it_is_the_same(tuned, walked, tmp_path):
    save_part(tuned, tmp_path)
    torch.testing.assert_close(load_part(tmp_path)(*walked), tuned(*walked), rtol=0.02, atol=0.05)
