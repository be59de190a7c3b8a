"""A place a frame, smoothed without lag and never over a cut."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from istrc import sphere
from istrc.film.track import Track, frame_at, place_of, smooth_places
from istrc.photo.align import transform
from istrc.shape.crop import CROP_CENTRE, CROP_SIDE

TIMES = np.arange(40) / 25
SIGMA = 0.12


@settings(max_examples=40, deadline=None)
@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(1, 8), st.floats(-3.1, 3.1))
def test_a_place_says_where_a_frame_is(x, y, log_side, angle):
    frame = frame_at(np.array([x, y, log_side, angle]))
    np.testing.assert_allclose(place_of(frame), [x, y, log_side, angle], atol=1e-6)
    assert frame.side == pytest.approx(math.exp(log_side))
    np.testing.assert_allclose(frame.corners().mean(0), [x, y], atol=1e-6)


def nodding(times):
    """A head that nods once a second, comes nearer and tilts."""
    return np.stack(
        [
            300 + 40 * times,
            200 + 12 * np.sin(2 * np.pi * times),
            math.log(150) + 0.1 * times,
            0.2 * np.sin(2 * np.pi * 0.7 * times),
        ],
        1,
    )


def test_a_parabola_is_not_touched():
    t = TIMES[:, None]
    places = np.hstack([5 + 3 * t, 2 - t + 4 * t**2, 4 + 0 * t, 0.1 * t**2])
    np.testing.assert_allclose(smooth_places(places, TIMES, SIGMA), places, atol=1e-8)


def test_a_nod_stays_and_the_tremble_goes():
    true = nodding(TIMES)
    noise = np.random.default_rng(0).normal(size=true.shape) * [1.5, 1.5, 0.01, 0.01]
    smooth = smooth_places(true + noise, TIMES, SIGMA)
    assert np.abs(smooth_places(true, TIMES, SIGMA) - true)[:, 1].max() < 1.0  # of 12 pixels
    # What remains of the tremble is of the frames' differences less than half
    left = np.diff(smooth - true, axis=0).std(0) / np.diff(noise, axis=0).std(0)
    assert left.max() < 0.45


def test_one_glitch_of_the_aligner_is_left_out():
    true = nodding(TIMES)
    places = true + np.random.default_rng(1).normal(size=true.shape) * [0.3, 0.3, 0.002, 0.002]
    places[17] += [30, -25, 0.3, 0.2]
    assert np.abs(smooth_places(places, TIMES, SIGMA) - true)[:, :2].max() < 1.5


def test_half_a_turn_is_no_jump():
    places = nodding(TIMES)
    places[:, 3] = np.linspace(math.pi - 0.2, math.pi + 0.2, len(TIMES))
    wrapped = places.copy()
    wrapped[:, 3] = np.angle(np.exp(1j * places[:, 3]))
    smooth = smooth_places(wrapped, TIMES, SIGMA)
    np.testing.assert_allclose(np.exp(1j * smooth[:, 3]), np.exp(1j * places[:, 3]), atol=1e-6)


def track(found, scenes=None, seed=0):
    n = len(found)
    generator = torch.Generator().manual_seed(seed)
    places = nodding(np.arange(n) / 25)
    places[~np.array(found, bool)] = np.nan
    z = sphere.normalize(torch.randn(n, 8, generator=generator))
    return Track(places, z, np.array(scenes or [0] * n), np.arange(n) / 25)


def test_runs_end_at_gaps_and_at_cuts():
    t = track([1, 1, 0, 1, 1, 1, 0, 1], [0, 0, 0, 0, 1, 1, 1, 1])
    assert t.runs() == [slice(0, 2), slice(3, 4), slice(4, 6), slice(7, 8)]
    assert track([0, 0]).runs() == []


def test_smoothing_keeps_the_gaps_and_each_run_to_itself():
    t = track([1] * 10 + [0] * 3 + [1] * 12, [0] * 5 + [1] * 20)
    smooth = t.smoothed(0.3)
    assert np.array_equal(smooth.found, t.found)
    assert (smooth.z.norm(dim=1) - 1).abs().max() < 1e-5
    other = track([1] * 10 + [0] * 3 + [1] * 12, [0] * 5 + [1] * 20)
    other.places[:5] += 100
    other.z[:5] = other.z[:5].flip(1)
    again = other.smoothed(0.3)
    np.testing.assert_array_equal(again.places[5:], smooth.places[5:])
    assert torch.equal(again.z[5:], smooth.z[5:])
    assert t.smoothed(0) is t


def test_embeddings_are_gaussian_means():
    t = track([1] * 15)
    smooth = t.smoothed(0.2)
    sigma = 0.2 / 2.3548
    for i in (0, 7, 14):
        total = sum(
            math.exp(-(((t.times[j] - t.times[i]) / sigma) ** 2) / 2) * t.z[j]
            for j in range(15)
            if abs(t.times[j] - t.times[i]) <= 3 * sigma
        )
        assert (smooth.z[i] - total / total.norm()).abs().max() < 1e-5


def test_points_stay_where_they_are_in_the_film():
    """Under places that are smoothed, still points of the film are still, and jitter goes."""
    t, rng = track([1] * 30), np.random.default_rng(0)
    t.places[:, :2] += rng.normal(0, 3, (30, 2))
    still = np.column_stack([rng.uniform(200, 300, (68, 2)), np.full(68, -4.0)])  # in the film

    def under(place):
        at = transform(frame_at(place).matrix, still[:, :2])
        return np.column_stack([(at - CROP_CENTRE) / (CROP_SIDE / 2), still[:, 2]])

    points = np.stack([under(place) for place in t.places])
    shaken = replace(t, points=points + rng.normal(0, 0.01, points.shape) * [1, 1, 0])
    smooth = shaken.smoothed(0.3)
    wanted = np.stack([under(place) for place in smooth.places])
    assert np.abs(smooth.points - wanted).max() < 0.05
    rough = np.abs(np.diff(smooth.points - wanted, axis=0)).mean()
    assert rough < np.abs(np.diff(shaken.points - points, axis=0)).mean() / 3
    assert track([1, 1]).smoothed(0.3).points is None


def test_an_edit_comes_and_goes_where_a_face_does_but_not_at_cuts():
    t = track([1] * 10 + [0] * 3 + [1] * 10, [0] * 20 + [1] * 3)
    shares = t.shares(fade=0.2)
    assert shares[0] == 1 and shares[-1] == 1 and shares[19] == 1 and shares[20] == 1
    assert (shares[10:13] == 0).all()
    np.testing.assert_allclose(shares[5:10], [1, 0.8, 0.6, 0.4, 0.2])
    np.testing.assert_allclose(shares[13:18], [0.2, 0.4, 0.6, 0.8, 1])
