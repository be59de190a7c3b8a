"""What an edit does to shapes: by hand, and on codes that say what they are asked."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from istrc.edit.shaping import (
    ENOUGH,
    LEAST,
    ROOM,
    VISIBLE,
    made_up,
    moving,
    unexpressive,
    unturned,
    wanted_measures,
)
from istrc.edit.stopping import stop
from istrc.shape.measures import MEASURED, measures


def slow_measure(found, ranges, strength, most=1e3):
    """One face and one measure, in plain numbers."""
    sign = 1 if strength > 0 else -1
    median, low, high = ranges[0 if sign > 0 else 1]
    gap = abs(ranges[0][0] - ranges[1][0])
    seen = max(ENOUGH * gap, VISIBLE * (high - low))
    full = min(max(sign * (median - found), seen), most * seen)
    edge = high if sign > 0 else low
    room = max(sign * (edge + ROOM * (edge - median) - found), 0)
    return found + strength * max(min(full, room), LEAST * gap)


def measured(toy, c, measure):
    return float(measures(toy.shapes(c)[0])[measure])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.1, 2), st.booleans())
def test_a_measure_goes_to_the_class_and_not_beyond_it(seed, strength, up):
    rng = np.random.default_rng(seed)
    ranges = np.sort(rng.normal(size=(3, 2, 3)), 2)[..., [1, 0, 2]]
    found, asked = rng.normal(size=(4, 3)), np.full(3, strength if up else -strength)
    for most in (1e3, 1.2):
        wanted = wanted_measures(*map(torch.from_numpy, (found, ranges, asked)), most=most)
        for face, measure in np.ndindex(4, 3):
            byhand = slow_measure(found[face, measure], ranges[measure], asked[measure], most)
            assert float(wanted[face, measure]) == pytest.approx(byhand)


def test_what_is_missing_of_a_length_is_made_up(face_points, path, shaped):
    """A nose that the walk leaves as it is ends where the class has its middle."""
    before = float(measures(face_points)["nose_width"])
    ranges = [[1.3 * before, before, 2 * before], [before, 0.5 * before, 1.2 * before]]
    toy, c = shaped(face_points, "big_nose", ranges, "nose_width")
    walk, z = path()
    for strength, wanted in ((1.0, 1 + VISIBLE), (2.0, 1 + 2 * VISIBLE), (0.5, 1 + VISIBLE / 2)):
        stopped = stop(toy, c, z, {"big_nose": strength}, walk, [])
        found = measured(toy, c + stopped.change, "nose_width")
        assert found == pytest.approx(wanted * before, rel=2e-2)
    # What pictures show a part of alone goes further, and no further than the class
    for gain, wanted in ((1.5, 1 + 1.5 * VISIBLE), (9.0, 2 + ROOM * 0.7)):
        toy.probes.gain[0, 0] = gain
        stopped = stop(toy, c, z, {"big_nose": 1.0}, walk, [])
        found = measured(toy, c + stopped.change, "nose_width")
        assert found == pytest.approx(wanted * before, rel=2e-2)
    toy.probes.gain[0, 0] = 1.0
    # A walk that brings all of it is left alone
    toy.way[2:] = 0.5 * before * toy.probes.directions[0].flatten() / 0.4  # at 0.4 radians
    change = stop(toy, c, z, {"big_nose": 1.0}, walk, []).change
    found = measured(toy, c + change, "nose_width")
    assert found == pytest.approx(1.5 * before, rel=2e-2)
    # One that goes far beyond what the class has is held back
    toy.way[2:] *= 10
    change = stop(toy, c, z, {"big_nose": 1.0}, walk, []).change
    assert measured(toy, c + change, "nose_width") == pytest.approx(2 * before, rel=0.05)


def test_what_made_up_does_by_hand(face_points, shaped):
    """Strength 0 and names that are not measured change nothing; both signs meet their goals."""
    before = float(measures(face_points)["eye_opening"])
    ranges = [[1.5 * before, before, 2 * before], [0.8 * before, 0.5 * before, before]]
    toy, c = shaped(face_points, "big_eyes", ranges, "eye_opening")
    still = torch.zeros_like(c)
    assert torch.equal(made_up(toy, c, still, {"smile": 1.0}), still)
    for strength in (1.0, -0.5):
        change = made_up(toy, c, still, {"big_eyes": strength})
        goal = slow_measure(before, ranges, strength)
        assert measured(toy, c + change, "eye_opening") == pytest.approx(goal, rel=2e-2)
        assert not change[:, :2].any()  # the texture is the walk's


def test_the_corners_of_a_mouth_that_widens_rise_and_a_small_one_stays_small(face_points, nets):
    before = {name: float(value) for name, value in measures(face_points).items()}
    width, curve = before["mouth_width"], before["lip_curve"]
    gap = 0.2 * width
    ranges = [
        [[width + 3 * gap, 0.9 * width, width + 3 * gap], [width + 2 * gap, 0, width + 4 * gap]],
        [[curve + 1, curve - 2, curve + 2], [curve - 1, curve - 2, curve + 2]],
    ]
    names = ("wide_mouth", "smile")
    toy = nets(shape=face_points, names=names, measured=names, ranges=ranges)
    for row, measure in enumerate(("mouth_width", "lip_curve")):
        at = torch.from_numpy(face_points).float().requires_grad_()
        (gradient,) = torch.autograd.grad(measures(at)[measure], at)
        toy.probes.directions[row] = gradient / gradient.square().sum()
    c = torch.cat([torch.zeros(2), torch.from_numpy(face_points).float().flatten()])[None]
    sinking = torch.zeros_like(c)
    sinking[0, 2:].view(68, 2)[[48, 54], 1] = 0.02
    change = made_up(toy, c, sinking, {"wide_mouth": 1.0})
    most = 1.2 * max(ENOUGH * gap, VISIBLE * (3 * gap + 0.1 * width))
    after = {name: measured(toy, c + change, name) for name in ("mouth_width", "lip_curve")}
    assert after["mouth_width"] == pytest.approx(width + min(3 * gap, most), rel=2e-2)
    rises = 0.15 * (after["mouth_width"] - width)
    assert after["lip_curve"] == pytest.approx(curve + rises, abs=0.1 * rises)
    # Who asks for a mouth that is sad besides gets one
    sad = made_up(toy, c, sinking, {"wide_mouth": 1.0, "smile": -1.0})
    assert measured(toy, c + sad, "lip_curve") < curve


def test_who_becomes_older_keeps_their_expression(face_points, nets, path):
    """Of what the walk and a prototype move, the mouth's opening and curve are taken back."""
    measure = {"mouth_open": "lip_gap", "smile": "lip_curve"}
    ranges = [[[1] * 3, [0] * 3]] * 2
    toy = nets(shape=face_points, names=("young", "male"), measured=(*measure,), ranges=ranges)
    for row, name in enumerate(measure.values()):
        at = torch.from_numpy(face_points).float().requires_grad_()
        (gradient,) = torch.autograd.grad(measures(at)[name], at)
        toy.probes.directions[row] = gradient / gradient.square().sum()
    opens = 0.05 * toy.probes.directions.sum(0).flatten()
    toy.way[:], toy.probes.prototypes[0, 0] = 0, -4.0
    toy.way[2:], toy.probes.prototypes[0, 2:] = opens, opens
    c = torch.cat([torch.tensor([3.0, 0.0]), torch.from_numpy(face_points).float().flatten()])[None]
    walk, z = path()
    before = {name: measured(toy, c, name) for name in measure.values()}
    change = stop(toy, c, z, {"young": -1.0}, walk, []).change
    for name, value in before.items():
        assert measured(toy, c + change, name) == pytest.approx(value, abs=2e-3)
    opened = change + torch.cat([torch.zeros(2), opens])
    both = unexpressive(toy, c, opened, {"young": -1.0, "big_nose": 1.0})
    assert measured(toy, c + both, "lip_gap") == pytest.approx(before["lip_gap"], abs=2e-3)
    # What moves it by its meaning may, and so may what nobody knows
    for edit in ("mouth_open", "smile", "surprised"):
        assert torch.equal(unexpressive(toy, c, opened, {edit: 1.0}), opened)


@pytest.mark.parametrize("edit", ["big_lips", "wide_mouth"])
@pytest.mark.parametrize("strength", [1.0, -1.0])
def test_a_length_of_the_lips_leaves_the_others(face_points, nets, edit, strength):
    """Whatever a walk and the length's own direction bring along of the other measures."""
    ways = {name: MEASURED[name] for name in ("wide_mouth", "big_lips", "mouth_open", "smile")}
    before = {measure: float(measures(face_points)[measure]) for measure in ways.values()}
    ranges = [
        [[own + 0.1, own - 1, own + 1], [own - 0.1, own - 1, own + 1]] for own in before.values()
    ]
    toy = nets(shape=face_points, names=("young",), measured=(*ways,), ranges=ranges)
    for row, measure in enumerate(ways.values()):
        at = torch.from_numpy(face_points).float().requires_grad_()
        (gradient,) = torch.autograd.grad(measures(at)[measure], at)
        toy.probes.directions[row] = gradient / gradient.square().sum()
    c = torch.cat([torch.zeros(2), torch.from_numpy(face_points).float().flatten()])[None]
    mouth = torch.from_numpy(moving(["big_lips"]).any(1)).float()[:, None]
    noise = 0.02 * torch.randn(68, 2, generator=torch.Generator().manual_seed(1)) * mouth
    dirty = torch.cat([torch.zeros(2), noise.flatten()])[None]
    change = unexpressive(toy, c, made_up(toy, c, dirty, {edit: strength}), {edit: strength})
    by = {name: measured(toy, c + change, of) - before[of] for name, of in ways.items()}
    assert strength * by.pop(edit) >= 0.1 - 5e-3
    wanted = dict.fromkeys(by, 0.0)
    if edit == "wide_mouth":  # whose corners rise with it; a small one is so in proportion
        width = measured(toy, c + change, "mouth_width") / before["mouth_width"] - 1
        assert by.pop("smile") == pytest.approx(0.15 * width * before["mouth_width"], abs=0.01)
        wanted = {name: min(width, 0) * before[ways[name]] for name in by}
    assert by == pytest.approx(wanted, abs=5e-3)


def test_an_edit_moves_what_it_is_of(face_points, path, shaped):
    """The points of other regions stay where they are."""
    toy, c = shaped(face_points, "big_nose", [[1.0, 0.9, 1.1], [0.9, 0.8, 1.0]], "nose_width")
    toy.probes.directions.zero_()
    toy.way[2:] = 0.1 * torch.randn(136, generator=torch.Generator().manual_seed(0))
    walk, z = path()
    change = stop(toy, c, z, {"big_nose": 1.0}, walk, []).change
    moved = change[0, 2:].view(68, 2).abs().amax(1) > 0
    assert torch.equal(moved, torch.from_numpy(moving(["big_nose"]).any(1)))


def test_colours_move_no_point():
    assert not moving(["beard"]).any() and not moving(["beard", "makeup"]).any()
    np.testing.assert_array_equal(moving(["beard", "smile"]), moving(["smile"]))
    np.testing.assert_array_equal(moving(["male"]), np.eye(68))
    assert np.flatnonzero(moving(["big_nose"]).any(1)).tolist() == list(range(27, 36))


def test_no_edit_turns_the_head(face_points):
    """What turns it is taken away, in whatever else changes; what does not turn it stays."""
    points = torch.from_numpy(face_points).float()[None]
    rng = np.random.default_rng(0)
    turns = torch.from_numpy(rng.normal(0, 0.1, (2, 68, 2))).float()
    unit = torch.linalg.norm(points[0, 42:48].mean(0) - points[0, 36:42].mean(0))
    for eye in (slice(36, 42), slice(42, 48)):
        turns[:, eye] = 0
    turns[:, [30, 33]] = 0
    turns[0, 30, 0] = turns[1, 33, 1] = unit  # these are what is measured
    nets = SimpleNamespace(probes=SimpleNamespace(turns=turns))
    smile = torch.zeros(1, 68, 2)
    smile[:, 48:] = torch.from_numpy(rng.normal(0, 0.1, (20, 2))).float()
    for yaw, pitch in ((0.0, 0.0), (0.2, 0.0), (-0.1, 0.3)):
        moved = smile + yaw * turns[0] + pitch * turns[1]
        np.testing.assert_allclose(unturned(nets, points, moved), smile, atol=1e-5)
    # Nor is it taken elsewhere, tilted or made larger
    for scale, angle, shift in ((1.0, 0.0, 0.1), (1.2, 0.3, -0.2)):
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        ways = torch.tensor([[cos, sin], [-sin, cos]]).float()
        moved = (points + smile) @ ways + shift - points
        np.testing.assert_allclose(unturned(nets, points, moved), smile, atol=1e-5)


def test_who_stops_smiling_shuts_their_mouth(face_points, open_mouth, path, shaped):
    points = open_mouth(face_points, 0.1)
    gap = float(measures(points)["lip_gap"])
    ranges = [[0.3, 0.1, 0.6], [0.05, 0.0, 0.1]]
    toy, c = shaped(points, "mouth_open", ranges, "lip_gap")
    toy.probes.names = ("smile",)
    toy.way[0] = -10.0
    walk, z = path()
    for strengths, kept, wanted in (
        ({"smile": -1.0}, [], 0.0),
        ({"smile": -1.0}, ["mouth_open"], gap),
        ({"smile": -0.5}, [], gap / 2),
    ):
        change = stop(toy, c, z, strengths, walk, kept).change
        assert measured(toy, c + change, "lip_gap") == pytest.approx(wanted, abs=2e-2)


def test_a_smile_opens_the_mouth_no_further_than_open_mouths_are(
    face_points, open_mouth, nets, shaped
):
    ranges = [[0.12, 0.0, 0.3], [0.01, -0.1, 0.1]]
    toy, c = shaped(face_points, "mouth_open", ranges, "lip_gap")
    wide = c.clone()
    wide[0, 2:] = torch.from_numpy(open_mouth(face_points, 0.2)).float().flatten()
    own = measured(toy, wide, "lip_gap")
    assert own > 0.12
    for start, most in ((c, 0.12), (wide, own)):
        opened = start.clone()
        opened[0, 2:] = torch.from_numpy(open_mouth(face_points, 0.3)).float().flatten()
        for strengths, wanted in (({"smile": 1.0}, most), ({"smile": -1.0}, None)):
            change = made_up(toy, start, opened - start, strengths)
            found = measured(toy, start + change, "lip_gap")
            far = measured(toy, opened, "lip_gap")
            assert found == pytest.approx(far if wanted is None else wanted, rel=0.05)
