"""Where an edit ends: by hand, and on codes that say what they are asked."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from istrc import sphere
from istrc.edit.shaping import LEAST
from istrc.edit.stopping import (
    CONFIDENT,
    FURTHER,
    LOOKS,
    MAX_MEASURED,
    MAX_PROTOTYPE,
    ORDINARY,
    arrival,
    completed,
    departure,
    ordinary,
    stop,
    wanted_logits,
    within,
)
from istrc.shape.measures import MEASURED


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


def test_what_is_not_wanted_is_there_already():
    """As of a strength that is lost beside the logit."""
    seen = torch.randn(4, 3, 1, generator=torch.Generator().manual_seed(0))
    share, arrived = arrival(seen, seen[0].clone())
    assert share.tolist() == [0, 0, 0] and arrived.all()


def test_arrival_between_two_frames():
    seen = torch.tensor([0.0, 1.0, 3.0, 9.0])[:, None, None]
    for wanted, share in ((0.5, 0.5 / 3), (1.0, 1 / 3), (2.0, 1.5 / 3), (6.0, 2.5 / 3)):
        found, arrived = arrival(seen, torch.tensor([[wanted]]))
        assert found.item() == pytest.approx(share) and arrived.item()
    found, arrived = arrival(seen, torch.tensor([[10.0]]))
    assert found.item() == 1 and not arrived.item()


def test_departure_is_where_a_kept_attribute_weakens_too_far():
    high, low = 3 * CONFIDENT, 1.5 * CONFIDENT  # may fall to CONFIDENT, and to half of it
    ways = {
        (high, high, CONFIDENT + 0.1, high, high): 1.0,  # weaker, and sure enough
        (high, high, 0.0, high, high): 1.25 / 4 + (2 / 3 - 0.25) / 4,  # 2/3 of the second leg
        (-high, -high, -high, -high, high): 3 / 4 + 1 / 12,  # to the other side, at once too far
        (low, 0.5 * low, low, low, low): 1.0,
        (low, 0.0, low, low, low): (2 / 3) / 4,
        (
            1.1 * CONFIDENT,
            0.1,
            -0.6 * CONFIDENT,
            1.0,
            1.0,
        ): None,  # hardly sure: may weaken to nothing, not turn
        (0.9 * CONFIDENT, -high, high, -high, high): 1.0,  # nothing to lose
    }
    seen = torch.tensor(list(ways)).T[:, :, None]  # (K, B, 1)
    share = departure(seen).tolist()
    # It may weaken to a tenth of CONFIDENT, which the second leg passes
    turned = 1 / 4 + (0.1 - 0.1 * CONFIDENT) / (0.1 + 0.6 * CONFIDENT) / 4
    expected = [turned if value is None else value for value in ways.values()]
    assert share == pytest.approx(expected, abs=1e-5)
    assert min(share) > 0  # every edit does something
    # Of several the first to go decides; of none there is nothing to lose
    both = torch.cat([seen, seen.flip(1)], 2)
    first = [min(a, b) for a, b in zip(expected, reversed(expected), strict=True)]
    assert departure(both).tolist() == pytest.approx(first, abs=1e-5)
    assert departure(seen[:, :, :0]).tolist() == [1.0] * len(ways)


# --- what is asked ---


def test_a_strength_leads_to_the_middle_of_the_class():
    typical = torch.tensor([[3.0, -1.0], [2.0, 0.0]])
    said = torch.tensor([[-2.0, 1.0], [2.9, 5.0]])
    for sign, middle in ((1.0, typical[:, 0]), (-1.0, typical[:, 1])):
        goal = wanted_logits(said, typical, torch.tensor([sign, sign]))
        for face in range(2):
            for name in range(2):
                way = sign * float(middle[name] - said[face, name])
                least = LEAST * float(typical[name, 0] - typical[name, 1])
                wanted = float(said[face, name]) + sign * max(way, least)
                assert float(goal[face, name]) == pytest.approx(wanted)
    half = wanted_logits(said, typical, torch.tensor([0.5, 0.5]))
    full = wanted_logits(said, typical, torch.tensor([1.0, 1.0]))
    torch.testing.assert_close(half - said, (full - said) / 2)


def test_an_edit_ends_where_the_probe_says_so(nets, path):
    toy, (walk, z) = nets(), path(3)
    c = torch.tensor([[-4.0, 0.0], [-1.0, 0.0], [3.9, 0.0]])
    stopped = stop(toy, c, z, {"smile": 1.0}, walk, [])
    assert stopped.walk.reached.all()
    # To the middle of those that smile, and LEAST of the gap where that is behind already
    said = (c + stopped.change)[:, 0]
    torch.testing.assert_close(said, torch.tensor([4.0, 4.0, 3.9 + 8 * LEAST]), atol=1e-3, rtol=0)
    angles = torch.tensor([0.8, 0.5, 8 * LEAST / 10])
    torch.testing.assert_close(stopped.walk.angle, angles, atol=2e-3, rtol=0)
    torch.testing.assert_close(
        sphere.angle(stopped.walk.end, z), stopped.walk.angle, atol=1e-4, rtol=0
    )
    half = stop(toy, c, z, {"smile": 0.5}, walk, [])
    torch.testing.assert_close(half.change, stopped.change / 2, atol=1e-3, rtol=0)
    back = stop(toy, -c, z, {"smile": -1.0}, walk, [])
    assert not back.walk.reached.any()  # this walk only ever adds a smile


def test_what_lags_behind_goes_on_in_the_walks_direction(nets, path):
    """4 logits along the walk, and somewhat more beyond its end."""
    far = 0.4
    toy, (walk, z) = nets(), path(3, far=far)
    beyond = 10 * far * (1 + float(FURTHER[0])) / 2  # logits that are beyond the walk's end
    c = torch.tensor([[4 - beyond, 0.0], [-9.0, 0.0], [1.0, 0.0]])
    stopped = stop(toy, c, z, {"smile": 1.0}, walk, [])
    assert stopped.walk.reached.tolist() == [True, False, True]
    said = (c + stopped.change)[:, 0]
    torch.testing.assert_close(said[[0, 2]], torch.tensor([4.0, 4.0]), atol=1e-3, rtol=0)
    # What it never shows is not to be had by going on
    torch.testing.assert_close(stopped.change[1], far * toy.way, atol=0.02, rtol=0)
    wanted = torch.tensor([far, far, 0.3])
    torch.testing.assert_close(stopped.walk.angle, wanted, atol=2e-3, rtol=0)


def test_an_edit_ends_before_what_is_kept_is_lost(nets, path):
    toy, (walk, z) = nets(), path()
    c = torch.tensor([[-4.0, 3 * CONFIDENT]])
    kept = stop(toy, c, z, {"smile": 1.0}, walk, ["male"])
    said = (c + kept.change)[0]
    # A logit may weaken by CONFIDENT
    sex = float(said[1])
    assert sex == pytest.approx(2 * CONFIDENT, abs=1e-2) or sex >= CONFIDENT - 1e-2
    assert float(said[0]) < 3 and not kept.walk.reached.any()
    # Of what the probes do not know, nothing can be kept
    free = stop(toy, c, z, {"smile": 1.0}, walk, ["chubby"])
    assert float((c + free.change)[0, 0]) == pytest.approx(4.0, abs=1e-3)


def test_no_code_leaves_what_real_faces_show(nets, path):
    toy, (walk, z) = nets(), path(2)
    toy.probes.mean, toy.probes.spread = torch.tensor([-1.0, 0.5]), torch.tensor([1.0, 0.2])
    low, high = (toy.probes.mean + sign * ORDINARY * toy.probes.spread for sign in (-1, 1))
    c = torch.tensor([[-2.0, 0.5], [2.5, -9.0]])  # the second lies outside of it already
    moved = c + stop(toy, c, z, {"smile": 1.0}, walk, []).change
    assert float(moved[0, 0]) == pytest.approx(float(high[0]))
    assert float(moved[0, 1]) == pytest.approx(float(low[1]))
    torch.testing.assert_close(moved[1], c[1])  # it goes no further out, and is not brought back


@pytest.mark.parametrize(("facial", "moved"), [(True, 1.0), (False, 0.1 * ORDINARY)])
def test_nor_does_a_shape_that_is_no_faces(nets, face_points, facial, moved):
    toy = nets(shape=face_points)
    toy.facial, toy.probes.spread = facial, torch.full((138,), 0.1)
    (found,) = ordinary(toy, toy.probes.mean[None], torch.ones(1, 138))
    torch.testing.assert_close(found[:2], torch.full((2,), 0.1 * ORDINARY))
    torch.testing.assert_close(found[2:], torch.full((136,), moved))


# --- prototypes ---


def test_what_pictures_do_not_show_is_made_up_by_colours_alone(nets, face_points):
    """Of a shape that is no face's, as far as the code says; of its texture, `reach` times that."""
    toy = nets(shape=face_points)
    toy.facial, toy.probes.reach[0] = False, torch.tensor([2.0, 1.0])
    toy.probes.prototypes[0] = 2.0
    c = toy.probes.mean[None]
    change, done = completed(toy, c, 0 * c, {"smile": 1.0}, lambda change: change)
    assert done.all() and float(change[0, 0]) == pytest.approx(8.0)
    torch.testing.assert_close(change[0, 2:], torch.full((136,), 4.0))


def test_a_face_s_shape_goes_once_along_a_prototype_and_its_colour_on(nets, face_points):
    toy = nets(shape=face_points)
    toy.probes.prototypes[0, :2] = 2.0
    toy.probes.prototypes[0, 2:] = 0.01 * torch.arange(136.0)
    c = toy.probes.mean[None] - torch.tensor([3.0] + [0.0] * 137)
    # 7 logits are missing, of which the first 2 come with the shape
    change, done = completed(toy, c, 0 * c, {"smile": 1.0}, lambda change: change)
    assert done.all() and float(change[0, 0]) == pytest.approx(7.0)
    once, _ = completed(toy, c + 5, 0 * c, {"smile": 1.0}, lambda change: change)
    assert float(once[0, 0]) == pytest.approx(2.0)
    torch.testing.assert_close(change[0, 2:], once[0, 2:])
    c[0, 0] = -5.0
    change, done = completed(toy, c, 0 * c, {"smile": 1.0}, lambda change: change)
    assert not done.any() and float(change[0, 0]) == pytest.approx(2 * MAX_PROTOTYPE)


def test_who_becomes_older_has_what_grey_hair_comes_with(nets):
    toy = nets(names=("young", "gray_hair"))
    toy.probes.prototypes = torch.tensor([[4.0, 0.0], [-1.0, 2.0]])
    c = torch.tensor([[4.0, 0.0]])
    older, _ = completed(toy, c, 0 * c, {"young": -1.0}, lambda change: change)
    torch.testing.assert_close(older, 8 / 5 * torch.tensor([[-5.0, 2.0]]))
    younger, _ = completed(toy, -c, 0 * c, {"young": 1.0}, lambda change: change)
    torch.testing.assert_close(younger, torch.tensor([[8.0, 0.0]]))
    toy.probes.names = ("young", "male")
    older, _ = completed(toy, c, 0 * c, {"young": -1.0}, lambda change: change)
    torch.testing.assert_close(older, torch.tensor([[-8.0, 0.0]]))


def test_a_prototype_goes_on_where_the_picture_falls_short(nets):
    """As far as what is shown of it asks, each face for itself; what is there already stays."""
    toy = nets()
    toy.probes.prototypes = torch.tensor([[4.0, 1.0], [0.0, 8.0]])
    c, change = torch.tensor([[-4.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), torch.zeros(3, 2)
    change[2, 0] = 5.0

    def half(change):
        return change / 2

    found, done = completed(toy, c, change, {"smile": 1.0}, half)
    # Of the first 8 logits are missing, of the second 3, and half of each is shown
    shares = torch.tensor([8 / 2, 3 / 2, 0.5 / 2]).clamp(max=MAX_PROTOTYPE)
    expected = change + shares[:, None] * toy.probes.prototypes[0]
    torch.testing.assert_close(found, expected)
    assert done.tolist() == [8 / 2 < MAX_PROTOTYPE, True, True]
    back, _ = completed(toy, -c, -change, {"smile": -1.0}, half)
    torch.testing.assert_close(back, -expected)
    # Twice the way where pictures need it, and nothing where nothing is missing
    toy.probes.reach[0, 0] = 2.0
    twice, _ = completed(toy, c[1:2], change[1:2], {"smile": 1.0}, lambda change: change)
    assert float((c[1:2] + twice)[0, 0]) == pytest.approx(7.0)
    there, done = completed(toy, c[2:], 2 * change[2:], {"smile": 1.0}, lambda change: change)
    assert torch.equal(there, 2 * change[2:]) and done.all()


def test_a_prototype_ends_before_the_picture_loses_what_is_kept(nets):
    """Of the walk's end as of the prototype's: each face for itself, and by what is shown."""
    toy = nets()
    toy.probes.prototypes[0] = torch.tensor([4.0, -2.0])
    # Sure, partly weakened already, never sure at all
    c = torch.tensor([[-4.0, 3 * CONFIDENT], [-4.0, 1.2 * CONFIDENT], [-4.0, 0.5 * CONFIDENT]])
    change = torch.tensor([[0.0, 0.0], [0.0, -1.1 * CONFIDENT], [0.0, 0.0]])
    male = toy.probes.names.index("male")

    def half(change):
        return change / 2

    found, done = completed(toy, c, change, {"smile": 1.0}, half, [male])
    shares = ((found - change)[:, 0] / 4).tolist()
    # A logit may weaken while it stays at CONFIDENT, and half of what is laid over a face is shown
    assert shares[0] == pytest.approx(2 * CONFIDENT / (2 / 2), rel=1e-3)
    # The second may weaken to 0.2 CONFIDENT, and is at 0.65 of it already
    assert shares[1] == pytest.approx(0.45 * CONFIDENT, rel=1e-3) and shares[2] == MAX_PROTOTYPE
    assert done.tolist() == [False, False, False]
    free, _ = completed(toy, c, change, {"smile": 1.0}, half)
    assert ((free - change)[:, 0] / 4).tolist() == [MAX_PROTOTYPE] * 3


def turned(angle):
    """Embeddings (B, 4) at these angles (B,) from the first axis."""
    return torch.stack([angle.cos(), angle.sin(), 0 * angle, 0 * angle], 1)


def test_a_face_goes_as_far_as_it_is_the_same_person():
    """Pictures that turn away from z by the first coordinate of the change, in radians."""
    z, asked = torch.eye(4)[:1].expand(3, -1), []

    def recognised(change, rows):
        asked.append(rows.tolist())
        return turned(change[:, 0])

    start = torch.tensor([[0.0], [0.2], [0.9]])
    end = torch.tensor([[0.5], [1.4], [1.4]])
    # The first is near enough at its end, the second on its way, the third never
    shares = within(z, start, end, recognised, 0.8)
    torch.testing.assert_close(shares, torch.tensor([1.0, 0.5, 0.0]), atol=1e-3, rtol=0)
    assert asked == [[0, 1, 2]] + [[1, 2]] * LOOKS  # no picture of who is near enough
    assert within(z[:1], start[:1], end[:1], recognised, 0.8).tolist() == [1.0]


def test_an_edit_ends_where_its_picture_is_of_another_person(nets, path):
    toy, (walk, z) = nets(), path()
    toy.probes.prototypes[0] = torch.tensor([4.0, 0.0])
    toy.way *= 0  # all of it is the prototype's
    c, looked = torch.tensor([[-4.0, 0.0]]), []

    def recognised(change, _):  # a radian in ten of the first coordinate
        looked.append(change)
        return turned(change[:, 0] / 10)

    asked = {"smile": 1.0}, walk, []
    free = stop(toy, c, z, *asked)
    assert float(free.change[0, 0]) == pytest.approx(8.0) and free.walk.reached.all()
    held = stop(toy, c, z, *asked, recognised=recognised, same_person=0.6)
    assert float(held.change[0, 0]) == pytest.approx(6.0, rel=1e-3)
    assert not held.walk.reached.any() and len(looked) == 1 + LOOKS
    wide = stop(toy, c, z, *asked, recognised=recognised, same_person=0.9)
    assert torch.equal(wide.change, free.change) and len(looked) == 2 + LOOKS


def test_what_is_measured_is_the_shape_s_and_little_colour(nets):
    for measured, most in (((), MAX_PROTOTYPE), (("smile",), MAX_MEASURED)):
        toy = nets(measured=measured)
        toy.probes.prototypes[0] = torch.tensor([1.0, 0.0])
        c = torch.tensor([[-40.0, 0.0]])
        found, _ = completed(toy, c, 0 * c, {"smile": 1.0}, lambda change: change)
        assert found.tolist() == [[most, 0.0]]


def test_what_no_picture_shows_has_an_end(nets):
    toy = nets()
    toy.probes.prototypes[0] = torch.tensor([4.0, 1.0])
    c = torch.tensor([[-4.0, 0.0]])
    found, done = completed(toy, c, 0 * c, {"smile": 0.5}, lambda change: 0 * change)
    torch.testing.assert_close(found[0], MAX_PROTOTYPE * 0.5 * toy.probes.prototypes[0])
    assert not done.any()


def test_prototypes_move_the_points_that_are_not_measured(face_points, nets, shaped):
    for name, measured_, moved in (("male", (), True), ("beard", (), False)):
        toy = nets(shape=face_points, names=(name,), measured=measured_)
        toy.probes.prototypes[0] = 0.1
        toy.probes.prototypes[0, 2:4] = 0.2  # and not all points alike, which is no edit
        c = torch.cat([torch.zeros(2), torch.from_numpy(face_points).float().flatten()])[None]
        found, _ = completed(toy, c, 0 * c, {name: 1.0}, lambda change: change)
        assert bool(found[:, :2].any()) and bool(found[:, 2:].any()) == moved
    # Of what is measured only colour is missing, and of a nose not that
    for name, colours in (("big_eyes", True), ("big_nose", False)):
        toy, c = shaped(face_points, name, [[1.0, 0.9, 1.1], [0.9, 0.8, 1.0]], MEASURED[name])
        toy.probes.prototypes[0] = 0.1
        found, done = completed(toy, c, 0 * c, {name: 1.0}, lambda change: change)
        assert bool(found[:, :2].any()) == colours and not found[:, 2:].any()
        assert colours or done.all()
