"""A prepared folder in the mean shape: the pixels by hand, and when it is made anew."""

import numpy as np
import pytest
import torch

from istrc.data.prepared import Prepared, to_pixels
from istrc.resample import looked_up
from istrc.shape.mesh import Mesh
from istrc.training.components import reference_shape
from istrc.training.shape_free import make_shape_free


@pytest.fixture(scope="module")
def made(shaped_folder, tiny_landmarks, tmp_path_factory):
    net = tiny_landmarks(16, 0.05)
    out = tmp_path_factory.mktemp("textures") / "made"
    return net, make_shape_free(shaped_folder, out, landmarks=net)


def test_shapes_are_the_folders(made, shaped_folder):
    _, textures = made
    np.testing.assert_array_equal(textures.landmarks, Prepared(shaped_folder).landmarks)
    assert textures.landmarks.dtype == np.float32 and textures.landmarks.std(0).max() > 0.01


def test_every_face_is_straightened(made, shaped_folder):
    net, textures = made
    prepared, mesh = Prepared(shaped_folder), Mesh(net.reference.numpy(), net.triangles.numpy())
    for row in (0, 63, 64, 479):
        (look,) = (mesh.looks(textures.landmarks[row : row + 1], 16) + 1) * 8 - 0.5
        face = prepared.batch([row])[0].numpy()
        seen = torch.from_numpy(looked_up(face, look[..., 0], look[..., 1]))[None]
        wanted = to_pixels(seen.clamp(-1, 1))[0].astype(int)
        assert np.abs(wanted - textures.images[row]).max() <= 1


def test_what_is_known_of_the_faces_stays(made, shaped_folder):
    net, textures = made
    prepared = Prepared(shaped_folder)
    for name in ("attributes", "identity", "split"):
        assert np.array_equal(getattr(textures, name), getattr(prepared, name))
    assert textures.names == prepared.names and textures.size == 16
    np.testing.assert_allclose(reference_shape(textures), net.reference)


def test_it_is_made_once_of_a_network(made, shaped_folder, tiny_landmarks):
    net, textures = made
    path = textures.folder / "images.npy"
    before = path.stat().st_mtime_ns
    make_shape_free(shaped_folder, textures.folder, landmarks=net)
    assert path.stat().st_mtime_ns == before
    other = tiny_landmarks(16)
    other.reference.mul_(0.9)
    make_shape_free(shaped_folder, textures.folder, landmarks=other)
    assert path.stat().st_mtime_ns != before
    make_shape_free(shaped_folder, textures.folder, landmarks=net)  # as it was, for the others
