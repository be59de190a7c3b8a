"""The landmark network's training: views, what covers them, the loss, and a run that is killed."""

from functools import partial

import numpy as np
import pytest
import torch

from istrc.errors import InputError
from istrc.models.landmarks import Landmarks
from istrc.shape.frame import mirrored
from istrc.training import landmarks as module
from istrc.training.landmarks import (
    disturb,
    in_views,
    occlude,
    point_loss,
    sampled,
    similarities,
    train_landmarks,
    views,
)

JITTER = dict(shift=0.1, scale=1.2, rotate=20.0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_frames_are_similarities_the_first_half_of_full_size(rng):
    found = similarities(rng, 400, **JITTER)
    a, b = found[:, 0, :2], found[:, 1, :2]
    np.testing.assert_allclose((a * b).sum(1), 0, atol=1e-6)
    scale = np.sqrt((a * a).sum(1))
    np.testing.assert_allclose(scale, np.sqrt((b * b).sum(1)), rtol=1e-5)
    angle = np.degrees(np.arctan2(found[:, 1, 0], found[:, 0, 0]))
    far = np.abs(found[:, :, 2]).max(1)
    for values, most in ((np.abs(angle), 20), (np.abs(np.log(scale)), np.log(1.2)), (far, 0.2)):
        assert values.max() <= most + 1e-5 and values[:200].max() > 0.9 * most
        assert values[200:].max() < 0.61 * most


def test_points_are_seen_where_the_view_looks(rng):
    matrices, points = similarities(rng, 5, **JITTER), rng.normal(size=(5, 68, 2))
    seen = in_views(points, matrices)
    for face in range(5):
        back = seen[face] @ matrices[face, :, :2].T + matrices[face, :, 2]
        np.testing.assert_allclose(back, points[face], atol=1e-6)


@pytest.mark.parametrize("fill", ["repeat", "mirror", "other"])
def test_what_is_outside_is_filled_in(rng, fill):
    x = torch.from_numpy(rng.uniform(-1, 1, (6, 3, 16, 16)).astype(np.float32))
    still = np.tile(np.eye(2, 3, dtype=np.float32), (6, 1, 1))
    seen = sampled(x, still, 16, fill, rng)
    torch.testing.assert_close(seen[:, :, 4:12, 4:12], x[:, :, 4:12, 4:12], atol=1e-5, rtol=0)
    away = still.copy()
    away[:, 0, 2] = 3.0  # nothing of the face itself
    beside = sampled(x, away, 16, fill, rng)
    assert beside.shape == x.shape and beside.isfinite().all() and beside.abs().max() <= 1


def test_what_covers_a_face_by_a_loop(face_points):
    rng = np.random.default_rng(3)
    points = face_points + rng.normal(0, 0.02, (10, 68, 2))
    x = torch.from_numpy(rng.uniform(-1, 1, (10, 3, 32, 32)).astype(np.float32))
    before, seed = x.clone(), 7
    hidden = occlude(x, points, np.random.default_rng(seed))
    # The same numbers again, and each point by itself
    again = np.random.default_rng(seed)
    centre = points[:4, again.integers(0, 68)] + again.normal(0, 0.25, (4, 2))
    radius, angle = again.uniform(0.12, 0.55, (4, 2)), again.uniform(0, np.pi, 4)
    power = np.where(again.random(4) < 0.5, 6.0, 2.0)
    changed = (x != before).any(1).numpy()
    assert not hidden[4:].any() and not changed[4:].any() and hidden[:4].any()

    def inside(face, place):
        u, v = place - centre[face]
        cos, sin = np.cos(angle[face]), np.sin(angle[face])
        along, aside = u * cos + v * sin, v * cos - u * sin
        length = abs(along / radius[face][0]) ** power[face]
        return length + abs(aside / radius[face][1]) ** power[face] < 1

    for face in range(4):
        for point in range(68):
            assert hidden[face, point] == inside(face, points[face, point])
        for row, column in np.ndindex(32, 32):
            place = (np.array([column, row]) + 0.5) / 16 - 1
            assert inside(face, place) or not changed[face, row, column]
        assert changed[face].any()


def test_disturbed_faces_stay_pictures(rng):
    x = torch.from_numpy(rng.uniform(-1, 1, (9, 3, 32, 32)).astype(np.float32))
    found = disturb(x, rng)
    assert found.shape == x.shape and found.min() >= -1 and found.max() <= 1
    assert not torch.equal(found, x)


def test_views_have_their_own_points(toys, face_points, rng):
    """A dot at a point is where the view says that it is."""
    points = np.tile(face_points, (8, 1, 1)).astype(np.float32)
    pixels = np.zeros((8, 32, 32, 3), np.uint8)
    x, y = ((face_points[30] + 1) * 16).astype(int)
    pixels[:, y - 1 : y + 2, x - 1 : x + 2] = 255
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "disturb", lambda x, rng: x)
        patch.setattr(module, "occlude", lambda x, points, rng: np.zeros((len(x), 68), bool))
        seen, places, hidden = views(pixels, points, 32, rng, **JITTER)
    assert seen.shape == (8, 3, 32, 32) and places.shape == (8, 68, 2) and not hidden.any()
    for face, where in zip(seen, places, strict=True):
        light = (face.mean(0) + 1).numpy()
        axis = (np.arange(32) + 0.5) / 16 - 1
        middle = [(light.sum(k) * axis).sum() / light.sum() for k in (0, 1)]
        assert np.abs(np.array(middle) - where[30].numpy()).max() < 0.12


def test_the_loss_by_hand(rng):
    found, wanted = torch.randn(2, 68, 3), torch.randn(2, 68, 2)
    points = 1.3 * torch.rand(2, 68, 2)
    hidden = torch.from_numpy(rng.random((2, 68)) < 0.4)
    loss, parts = point_loss(found, wanted, hidden, points, weight=0.02)
    error, entropy, apart = 0.0, 0.0, 0.0
    for face in range(2):
        unit = (points[face, 42:48].mean(0) - points[face, 36:42].mean(0)).norm()
        for point in range(68):
            away = (found[face, point, :2] - wanted[face, point]).square().sum()
            away = (away + 1e-6).sqrt() / unit
            beyond = max(float(points[face, point].abs().max()) - 1, 0)
            covered = bool(hidden[face, point])
            error += float(away) * (0.5 if covered else 1) / (1 + 5 * beyond) / 136
            apart += float(away) / 136
            chance = float(torch.sigmoid(found[face, point, 2]))
            entropy -= np.log(chance if covered else 1 - chance) / 136
    assert float(loss) == pytest.approx(error + 0.02 * entropy, rel=1e-4)
    assert float(parts["error"]) == pytest.approx(apart, rel=1e-4)
    assert float(parts["covered"]) == pytest.approx(entropy, rel=1e-4)


def test_killed_and_resumed_it_ends_with_the_same_bits(
    shaped_folder, resumed, same_weights, monkeypatch
):
    tiny = dict(size=16, fold=2, widths=(4, 4, 4, 4), hidden=8)
    monkeypatch.setattr(module, "Landmarks", partial(Landmarks, tiny, tiny))
    train = partial(
        train_landmarks, shaped_folder, steps=6, fine_steps=5, batch_size=8, average=0.5
    )
    whole, again = resumed(train, 3)
    same_weights(whole, again)
    assert whole.fine.place.weight.any() and whole.rough.place.weight.any()
    torch.testing.assert_close(mirrored(whole.mean), whole.mean)  # its own mirror image
    assert len(whole.triangles) == whole.config["faces"] and not whole.training


def test_of_anything_which_point_is_which_in_the_mirror_is_not_known(rng):
    """A dot at the first of three points, and never mirrored."""
    points = np.tile([[-0.5, 0.25], [0.5, 0.25], [0.0, -0.5]], (40, 1, 1)).astype(np.float32)
    pixels = np.zeros((40, 32, 32, 3), np.uint8)
    pixels[:, 18:22, 6:10] = 255
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "disturb", lambda x, rng: x)
        patch.setattr(module, "occlude", lambda x, points, rng: np.zeros((len(x), 3), bool))
        seen, places, hidden = views(pixels, points, 32, rng, shift=0, scale=1.0, rotate=0)
    assert hidden.shape == (40, 3)
    np.testing.assert_allclose(places, points, atol=1e-6)
    assert (seen[:, :, 20, 8] > 0).all() and (seen[:, :, 20, 24] < 0).all()


def test_the_loss_of_anything_is_in_half_crops():
    found, wanted = torch.zeros(1, 3, 3), torch.full((1, 3, 2), 0.3)
    hidden = torch.zeros(1, 3, dtype=torch.bool)
    _, parts = point_loss(found, wanted, hidden, wanted)
    assert float(parts["error"]) == pytest.approx(0.3 * 2**0.5, rel=1e-4)


def test_data_of_which_no_landmark_is_known_is_refused(shaped_folder, tmp_path):
    folder = tmp_path / "blank"
    folder.mkdir()
    for path in shaped_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    np.save(folder / "landmarks.npy", np.full((480, 5, 2), np.nan, np.float32))
    with pytest.raises(InputError, match="--landmarks-steps 0"):
        train_landmarks(folder, tmp_path / "out", steps=1, fine_steps=1)
