"""Where a recogniser's input lies: similarities by hand, and the resampling the slow way."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from istrc.errors import InputError
from istrc.photo.align import transform
from istrc.recognisers.placement import ARCFACE, LANDMARKS, box, place, similarity, template


def ramp(side):
    """A picture whose value is 0.001 x - 0.0005 y + channel / 10, at pixel centres of the frame."""
    step = 128 / side
    x = 25 + (np.arange(side) + 0.5) * step
    y = 45 + (np.arange(side) + 0.5) * step
    plane = 0.001 * x[None, :] - 0.0005 * y[:, None]
    return torch.from_numpy(np.stack([plane + c / 10 for c in range(3)])[None]).float()


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0.2, 5), st.floats(-3, 3), st.floats(-50, 50), st.floats(-50, 50), st.integers(0, 99)
)
def test_a_similarity_is_found_again(scale, angle, dx, dy, seed):
    points = np.random.default_rng(seed).normal(size=(5, 2)) * 20
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([turn, [dx, dy]])
    assert similarity(points, transform(matrix, points)) == pytest.approx(matrix, abs=1e-6)


def test_a_similarity_never_mirrors_and_is_the_nearest():
    points = np.random.default_rng(0).normal(size=(5, 2))
    assert np.linalg.det(similarity(points, points * [-1, 1])[:, :2]) > 0
    best = similarity(LANDMARKS, ARCFACE)
    error = np.square(transform(best, LANDMARKS) - ARCFACE).sum()
    rng = np.random.default_rng(1)
    for _ in range(50):
        s, t = 1 + rng.normal() * 0.02, rng.normal() * 0.02
        other = best.copy()
        other[:, :2] = s * np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]) @ best[:, :2]
        other[:, 2] += rng.normal(size=2)
        assert np.square(transform(other, LANDMARKS) - ARCFACE).sum() >= error - 1e-9


def test_arcfaces_points_come_where_it_has_them():
    found = transform(template("arcface", 112), LANDMARKS)
    assert np.abs(found - ARCFACE).max() < 3
    assert transform(template("arcface", 224), LANDMARKS) == pytest.approx(2 * found)


def test_the_crop_is_left_as_it_is():
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    assert torch.equal(place(x, template("crop", 16), 16), x)


@pytest.mark.parametrize("text", ["28,60,148,180", "arcface", "crop", "40,60,120,140"])
@pytest.mark.parametrize("side", [64, 128])
def test_every_pixel_looks_where_it_should(text, side):
    """The slow way: input pixel -> frame, clipped to the crop, -> the ramp's value there."""
    size = 40
    matrix = template(text, size)
    got = place(ramp(side), matrix, size)[0].numpy()
    turn, shift = np.linalg.inv(matrix[:, :2]), matrix[:, 2]
    inside = 0
    for row in range(0, size, 3):
        for column in range(0, size, 3):
            x, y = turn @ (np.array([column + 0.5, row + 0.5]) - shift)
            margin = 14  # of the kernels; a cubic one is up to 0.2 px off on a ramp
            if 25 + margin < x < 153 - margin and 45 + margin < y < 173 - margin:
                inside += 1
                assert got[0, row, column] == pytest.approx(0.001 * x - 0.0005 * y, abs=3e-4)
                assert got[2, row, column] == pytest.approx(got[0, row, column] + 0.2, abs=1e-4)
    assert inside > 50


def test_beyond_the_crop_its_edge_is_repeated():
    x = ramp(64)
    got = place(x, box(5, 45, 133, 173, 64), 64)  # 20 frame pixels to the left: 10 columns
    assert got[0, :, :, 0] == pytest.approx(x[0, :, :, 0].numpy(), abs=2e-3)
    assert got[0, :, :, 4] == pytest.approx(x[0, :, :, 0].numpy(), abs=2e-3)


def test_what_is_shrunk_is_smoothed():
    board = (torch.arange(128)[:, None] + torch.arange(128)[None]) % 2 * 2.0 - 1
    got = place(board.expand(1, 3, -1, -1), template("crop", 16), 16)
    assert got.abs().max() < 0.05
    assert place(board.expand(1, 3, -1, -1), template("crop", 300), 300).abs().max() <= 1


@pytest.mark.parametrize(
    "text", ["", "face", "1,2,3", "a,b,c,d", "0,0,10,20", "9,9,1,1", "0,0,8,8"]
)
def test_a_template_that_means_nothing(text):
    with pytest.raises(InputError, match="template") as caught:
        template(text, 112)
    assert "\n" not in str(caught.value)
