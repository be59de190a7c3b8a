"""The search: every step's correction is linear in the code, and the circle finds by it."""

import pytest
import torch

from istrc.circle import Circle
from istrc.errors import IstrcError
from istrc.models.search import Search
from istrc.models.serialization import load_part, save_part


def build(steps=3):
    torch.manual_seed(0)
    net = Search(7, 4, steps)
    net.mean.normal_()
    net.spread.uniform_(0.5, 2)
    return net.eval()


@torch.no_grad()
def test_corrections_are_linear_in_the_code():
    net, c = build(), torch.randn(5, 7)
    found = net(c)
    assert found.shape == (3, 5, 4)
    for step, face, number in ((0, 0, 0), (1, 4, 2), (2, 3, 3)):
        member = net.members[step]
        wanted = float(member.bias[number])
        for k in range(7):
            unit = float((c[face, k] - net.mean[k]) / net.spread[k])
            wanted += float(member.weight[number, k]) * unit
        assert float(found[step, face, number]) == pytest.approx(wanted, abs=1e-5)


def test_it_is_stored(tmp_path):
    net = build()
    save_part(net, tmp_path)
    again = load_part(tmp_path)
    assert (again.code, again.steps, again.config) == (7, 3, net.config)
    assert torch.allclose(again.mean, net.mean, atol=2e-3)


@pytest.fixture
def parts(untrained_parts):
    return untrained_parts()


@pytest.fixture(scope="module")
def x():
    return torch.rand(3, 3, 32, 32, generator=torch.manual_seed(1)) * 2 - 1


def test_steps_are_taken_one_after_the_other(parts, x):
    circle = Circle(**parts)
    plain = Circle(**{**parts, "search": None})
    found = plain.find(x)
    with torch.no_grad():
        for step in range(circle.search.steps):
            off = circle.search(plain.encode(x, found))[step].view(-1, 68, 2)
            found = torch.cat([found[..., :2] + off, found[..., 2:]], 2)
    torch.testing.assert_close(circle.find(x), found, atol=1e-5, rtol=0)
    assert (found[..., :2] - plain.find(x)[..., :2]).abs().max() > 1e-3
    assert torch.equal(found[..., 2], plain.find(x)[..., 2])  # what is covered stays so
    torch.testing.assert_close(circle.encode(x), plain.encode(x, found), atol=1e-4, rtol=0)


def test_a_search_of_nothing_changes_nothing(parts, x):
    for member in parts["search"].members:
        for weight in member.parameters():
            torch.nn.init.zeros_(weight)
    plain = Circle(**{**parts, "search": None})
    assert torch.equal(Circle(**parts).find(x), plain.find(x))


def test_one_of_other_codes_is_refused(parts):
    other = Search(parts["search"].code + 1)
    with pytest.raises(IstrcError, match="a Search reads codes of"):
        Circle(**{**parts, "search": other})
