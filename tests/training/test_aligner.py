"""The aligner's batches: what is said to be wrong is what is wrong."""

import json

import numpy as np
import pytest
import torch

from istrc.errors import InputError
from istrc.models.aligner import similarity
from istrc.training.aligner import (
    POINTS,
    Views,
    draw_corrections,
    landing_error,
    look,
    read_whole_pictures,
    train_aligner,
)

REACH = dict(shift=0.2, scale=1.4, rotate=35.0)


def test_landing_error_is_the_distance_of_each_landmark():
    rng = np.random.default_rng(0)
    true = draw_corrections(rng, 6, **REACH)
    predicted = draw_corrections(rng, 6, **REACH)
    got = landing_error(predicted, true).numpy()
    for b in range(6):
        turn = np.vstack([similarity(true)[b].double().numpy(), [0, 0, 1]])
        ours = similarity(predicted)[b].double().numpy()
        for k, point in enumerate(POINTS.double().numpy()):
            seen = np.linalg.solve(turn, [*point, 1])
            distance = np.linalg.norm(ours @ seen - point) / 0.602
            assert got[b, k] == pytest.approx(distance, abs=3e-3)
    assert landing_error(true, true).max() < 2e-3


def test_corrections_reach_as_far_as_asked_and_half_are_small():
    drawn = draw_corrections(np.random.default_rng(0), 4000, **REACH).abs().numpy()
    limits = np.array([0.4, 0.4, np.log(1.4), np.radians(35)])
    assert (drawn <= limits + 1e-6).all()
    assert (drawn[:2000].max(0) > 0.97 * limits).all()
    assert (drawn[2000:].max(0) < 0.61 * limits).all()


def test_a_landmark_is_seen_where_the_correction_says():
    """A bright spot at q of the true frame appears at v = C^-1(q)."""
    picture = torch.full((1, 3, 128, 128), -1.0)
    picture[:, :, 70:74, 40:44] = 1.0  # centre (42, 72): q = (-22, 8) / 64
    true = torch.tensor([[0.1, -0.15, 0.2, 0.5]])
    matrix = similarity(true) * 64
    matrix[:, :, 2] += 64
    everything = torch.tensor([[0.0, 0, 128, 128]])
    view = look(picture, everything, matrix, 64, "repeat")[0, 0] + 1
    axis = (torch.arange(64) + 0.5) / 32 - 1
    seen = [(view.sum(0) * axis).sum() / view.sum(), (view.sum(1) * axis).sum() / view.sum()]
    turn = np.vstack([similarity(true)[0].numpy(), [0, 0, 1]])
    expected = np.linalg.solve(turn, [-22 / 64, 8 / 64, 1])[:2]
    np.testing.assert_allclose(seen, expected, atol=0.02)


def test_what_lies_outside_the_rectangle_is_never_shown():
    picture = torch.zeros(2, 3, 128, 128)
    picture[:, :, :, :16] = 9.0  # forbidden
    matrix = similarity(torch.zeros(2, 4)) * 64
    matrix[:, :, 2] += 64
    rectangle = torch.tensor([[16.0, 0, 128, 128]]).repeat(2, 1)
    for fill in ("repeat", "mirror"):
        assert look(picture, rectangle, matrix, 64, fill).max() == 0
    others = torch.full_like(picture, 5.0)
    view = look(picture, rectangle, matrix, 64, "other", others)
    assert (view[..., :8] == 5).all() and (view[..., 8:] == 0).all()


def faces(count: int, width: int, height: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_a_batch_is_a_pure_function_of_its_generator():
    views = Views(faces(12, 128, 128), faces(3, 178, 218), 64)
    first = views(np.random.default_rng(3), np.arange(12), **REACH)
    again = views(np.random.default_rng(3), np.arange(12), **REACH)
    other = views(np.random.default_rng(4), np.arange(12), **REACH)
    assert first[0].shape == (12, 3, 64, 64) and first[1].shape == (12, 4)
    assert -1 <= first[0].min() and first[0].max() <= 1
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], other[1])


def test_a_folder_that_is_not_celebas_is_named(tmp_path):
    with pytest.raises(InputError, match="official folder"):
        read_whole_pictures(tmp_path)


def test_two_steps_of_training(tmp_path):
    data, count = tmp_path / "data", 60
    data.mkdir()
    np.save(data / "images.npy", faces(count, 32, 32))
    np.save(data / "attributes.npy", np.zeros((count, 0), np.int8))
    np.save(data / "identity.npy", np.arange(count, dtype=np.int32))
    np.save(data / "split.npy", np.zeros(count, np.int8))
    (data / "names.txt").write_text("\n".join(map(str, range(count))))
    info = dict(format=1, size=32, count=count, attributes=[], complete=True)
    (data / "prepared.json").write_text(json.dumps(info))
    net = train_aligner(data, tmp_path / "run", steps=2, batch_size=8, size=16)
    assert net.size == 16 and not net.training
    assert net.correct(faces(1, 16, 16)).shape == (1, 2, 3)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["part"] == "aligner"
