"""Mirrors, and the similarity that aligns a face by its eyes."""

import numpy as np
import pytest
import torch

from istrc.shape.frame import MIRRORED, aligning, averaged_over_mirror, found_in, mirrored
from istrc.shape.measures import eyes


def test_mirrored_twice_is_the_shape_itself(face_points):
    assert sorted(MIRRORED) == list(range(68))
    shape = np.concatenate([face_points, np.arange(68.0)[:, None]], 1)
    np.testing.assert_array_equal(mirrored(mirrored(shape)), shape)
    assert np.array_equal(mirrored(torch.from_numpy(shape)).numpy(), mirrored(shape))
    # The schematic face is its own mirror image
    np.testing.assert_allclose(mirrored(face_points), face_points, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_aligning_puts_the_eyes_where_the_mean_has_them(face_points, seed):
    rng = np.random.default_rng(seed)
    angle, scale = rng.uniform(-3, 3), rng.uniform(0.3, 2)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shape = (face_points + rng.normal(0, 0.02, (68, 2))) @ turn.T + rng.normal(0, 0.5, 2)
    matrix = aligning(shape, face_points)
    for here, there in zip(eyes(shape), eyes(face_points), strict=True):
        placed = matrix[:, :2] @ here + matrix[:, 2]
        middle = sum(eyes(face_points)) / 2
        # Both on the mean's line, at the same distance from its middle
        assert placed[1] == pytest.approx(there[1]) and placed[0] == pytest.approx(there[0])
        assert np.linalg.norm(placed - middle) == pytest.approx(np.linalg.norm(there - middle))
    a, b = matrix[:, :2]
    assert a @ b == pytest.approx(0) and a @ a == pytest.approx(b @ b)  # a similarity
    np.testing.assert_allclose(aligning(face_points, face_points), np.eye(2, 3), atol=1e-12)


def test_what_is_found_is_the_mean_with_the_mirror_image():
    rng = np.random.default_rng(0)
    weight = rng.normal(0, 0.01, (3 * 8 * 8, 68 * 3)).astype(np.float32)

    def net(x):
        return (x.reshape(len(x), -1) @ weight).reshape(-1, 68, 3)

    faces = rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    x = faces.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    wanted = (net(x) + mirrored(net(np.flip(x, 3)))) / 2
    np.testing.assert_allclose(averaged_over_mirror(net, x), wanted, atol=1e-5)
    np.testing.assert_allclose(found_in(net, faces, 8), wanted, atol=1e-5)
    # A mirrored face has the mirrored points
    np.testing.assert_allclose(found_in(net, faces[:, :, ::-1], 8), mirrored(wanted), atol=1e-5)
    with pytest.raises(ValueError, match="expected"):
        found_in(net, faces, 16)
