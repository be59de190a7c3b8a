"""Where a walk has been seen: by hand, and on walks whose pictures are known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from istrc import sight, sphere
from istrc.models.guide import Guides
from istrc.sight import FRAMES, RARE, SEEN, SURE, arrival, certainty, departure, look
from istrc.walk import Walk


def slow_arrival(seen, wanted):
    """Frame by frame and attribute by attribute: the first at which all have gone all the way."""
    frames, faces, names = seen.shape

    def least(k, i):
        gone = [seen[k, i, a] - seen[0, i, a] for a in range(names)]
        return min(gone[a] / (wanted[i, a] - seen[0, i, a]) for a in range(names))

    shares, arrived = [], []
    for i in range(faces):
        share = 1.0
        there = [k for k in range(1, frames) if least(k, i) >= 1]
        if there:
            k = there[0]
            was, now = least(k - 1, i), least(k, i)
            share = (k - 1 + (1 - was) / (now - was)) / (frames - 1)
        shares.append(float(share))
        arrived.append(bool(there))
    return shares, arrived


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 7), st.integers(1, 3))
def test_arrival_is_that_of_a_loop(seed, frames, names):
    torch.manual_seed(seed)
    seen = torch.randn(frames, 4, names).cumsum(0).double()
    wanted = seen[0] + torch.randn(4, names).sign() * (0.2 + torch.rand(4, names))
    share, arrived = arrival(seen, wanted)
    by_hand, there = slow_arrival(seen, wanted)
    assert arrived.tolist() == there
    assert share.tolist() == pytest.approx(by_hand, abs=1e-6)
    assert (share > 0).all() and (share <= 1).all()


def test_arrival_between_two_frames():
    seen = torch.tensor([0.0, 1.0, 3.0, 9.0])[:, None, None]
    for wanted, share in ((0.5, 0.5 / 3), (1.0, 1 / 3), (2.0, 1.5 / 3), (6.0, 2.5 / 3)):
        found, arrived = arrival(seen, torch.tensor([[wanted]]))
        assert found.item() == pytest.approx(share) and arrived.item()
    found, arrived = arrival(seen, torch.tensor([[10.0]]))
    assert found.item() == 1 and not arrived.item()


def test_departure_is_where_a_kept_attribute_weakens_too_far():
    high, low = 3 * SURE, 1.5 * SURE  # may fall to SURE, and to half of it
    ways = {
        (high, high, SURE + 0.1, high, high): 1.0,  # weaker, and sure enough
        (high, high, 0.0, high, high): 1.25 / 4 + (2 / 3 - 0.25) / 4,  # 2/3 of the second leg
        (-high, -high, -high, -high, high): 3 / 4 + 1 / 12,  # to the other side, at once too far
        (low, 0.5 * low, low, low, low): 1.0,
        (low, 0.0, low, low, low): (2 / 3) / 4,
        (
            1.1 * SURE,
            0.1,
            -0.6 * SURE,
            1.0,
            1.0,
        ): None,  # hardly sure: may weaken to nothing, not turn
        (0.9 * SURE, -high, high, -high, high): 1.0,  # nothing to lose
    }
    seen = torch.tensor(list(ways)).T[:, :, None]  # (K, B, 1)
    share = departure(seen).tolist()
    # It may weaken to a tenth of SURE, which the second leg passes
    turned = 1 / 4 + (0.1 - 0.1 * SURE) / (0.1 + 0.6 * SURE) / 4
    expected = [turned if value is None else value for value in ways.values()]
    assert share == pytest.approx(expected, abs=1e-5)
    assert min(share) > 0  # every edit does something
    # Of several the first to go decides; of none there is nothing to lose
    both = torch.cat([seen, seen.flip(1)], 2)
    first = [min(a, b) for a, b in zip(expected, reversed(expected), strict=True)]
    assert departure(both).tolist() == pytest.approx(first, abs=1e-5)
    assert departure(seen[:, :, :0]).tolist() == [1.0] * len(ways)


class Brightness(nn.Module):
    """Two members that see the first and the second channel's mean, one more sharply."""

    attributes = ["smile", "male"]

    def forward(self, x):
        shown = x.mean((2, 3))[:, :2]
        return torch.stack([shown * 10, shown * 30])


@pytest.fixture
def certain(monkeypatch):
    """Guides that have seen a full transformation at a logit of 10."""
    monkeypatch.setattr(sight, "certainty", lambda guides, strengths: torch.tensor([10.0]))


def test_guides_are_asked_for_the_certainty_that_they_are_used_to():
    guides = Guides(("smile", "mustache", "male"), ((4, 6),), (3,))
    with torch.no_grad():
        guides.typical.copy_(torch.tensor([[2.0, 2.5], [-1.0, 7.0], [9.0, 1.0]]))
    found = certainty(guides, {"smile": -0.5, "mustache": 1.0, "male": 2.0})
    assert found.tolist() == pytest.approx([2.5, RARE, SEEN])
    assert certainty(guides, {"mustache": -1.0, "male": -1.0}).tolist() == pytest.approx(
        [SEEN, RARE]
    )


def test_a_walk_is_looked_at_along_its_way(certain):
    # Along a quarter of a great circle the picture's first channel brightens from 0 to 1
    start, end = torch.eye(4)[:2]
    points = torch.stack([sphere.slerp(start, end, t / 50) for t in range(51)])[:, None]
    blank = torch.zeros(1, 1)
    path = Walk(points, blank, blank, blank, blank, blank)
    drawn = []

    def draw(z):
        drawn.append(z)
        level = sphere.angle(start[None], z) / (torch.pi / 2)
        return F.pad(level[:, None, None, None].expand(-1, 1, 8, 8), (0, 0, 0, 0, 0, 2))

    share, arrived = look(Brightness(), draw, path, {"smile": 0.5})
    assert sum(map(len, drawn)) == FRAMES + 1 and arrived.item()
    # The members' mean logit is 20 times the share; half of the way to 10 is asked
    assert share.item() == pytest.approx(0.25, abs=1e-3)
    ended = path.until(share)
    assert sphere.angle(ended[-1], start[None]).item() == pytest.approx(torch.pi / 8, abs=2e-3)
    torch.testing.assert_close(ended[:12], points[:12])
    _, arrived = look(Brightness(), draw, path, {"male": 0.5})
    assert not arrived.item()  # nothing is ever seen of the other
    share, arrived = look(Brightness(), draw, path, {"smile": 0.5}, least=0.5)
    assert share.item() == 0.5 and arrived.item()


def test_a_walk_ends_before_what_is_kept_is_lost(certain):
    start, end = torch.eye(4)[:2]
    points = torch.stack([sphere.slerp(start, end, t / 50) for t in range(51)])[:, None]
    blank = torch.zeros(1, 1)
    path = Walk(points, blank, blank, blank, blank, blank)

    def draw(z):
        level = (sphere.angle(start[None], z) / (torch.pi / 2))[:, None, None]
        male = (0.4 - level).expand(-1, 8, 8)
        return torch.stack([level.expand(-1, 8, 8), male, male], 1)

    # The logit of `male` is 20 (0.4 - share): sure up to a share of 0.36
    share, arrived = look(Brightness(), draw, path, {"smile": 1.0}, ["male"])
    assert share.item() == pytest.approx(0.4 - SURE / 20, abs=1e-3) and not arrived.item()
    share, arrived = look(Brightness(), draw, path, {"smile": 1.0})
    assert share.item() == pytest.approx(0.5, abs=1e-3) and arrived.item()
    # What the guides do not know is not looked at
    again, _ = look(Brightness(), draw, path, {"smile": 1.0}, ["young"])
    assert torch.equal(again, share)
