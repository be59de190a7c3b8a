"""The search trained: what it leaves is nearer to the labels, and each step is a regression."""

import json

import numpy as np
import pytest
import torch

from istrc.data.prepared import Prepared
from istrc.models.began import AutoEncoder
from istrc.shape.mesh import Mesh
from istrc.training.components import fit_components
from istrc.training.search import train_search
from istrc.training.shape_free import make_shape_free, straightened


@pytest.fixture(scope="module")
def nets(shaped_folder, tiny_landmarks, tmp_path_factory):
    """A landmark network that is off, and components of textures."""
    landmarks = tiny_landmarks(16, 0.02)
    folder = tmp_path_factory.mktemp("search") / "textures"
    textures = make_shape_free(shaped_folder, folder, landmarks=landmarks)
    torch.manual_seed(0)
    autoencoder = AutoEncoder(16, 12, (4, 4), linear=12, linear_side=16)
    rows, reference = textures.rows("fit"), landmarks.reference.numpy()
    fit_components(autoencoder.components, textures, rows, reference)
    return dict(landmarks=landmarks, autoencoder=autoencoder.eval())


def codes(prepared, rows, shapes, landmarks, autoencoder):
    mesh = Mesh(landmarks.reference.numpy(), landmarks.triangles.numpy())
    with torch.no_grad():
        h = autoencoder.encode(straightened(prepared.batch(rows), shapes, mesh))
    return torch.cat([h, torch.from_numpy(shapes).flatten(1)], 1)


def test_the_error_falls_with_every_step(nets, shaped_folder, tmp_path):
    net = train_search(shaped_folder, tmp_path, faces=300, ridge=10.0, **nets)
    prepared = Prepared(shaped_folder)
    rows = np.sort(np.random.default_rng(0).permutation(prepared.rows("fit"))[:300])
    with torch.no_grad():
        found = nets["landmarks"].find(prepared.batch(rows))[..., :2].numpy()
    wanted, errors = prepared.landmarks[rows], []
    for step in range(net.steps + 1):
        errors.append(float(np.square(wanted - found).sum(2).mean()))
        if step < net.steps:
            c = codes(prepared, rows, found, **nets)
            with torch.no_grad():
                found = found + net(c)[step].view(-1, 68, 2).numpy()
    assert errors[1] < 0.9 * errors[0] and errors[2] <= errors[1]
    told = json.loads((tmp_path / "run.json").read_text())
    assert told["part"] == "search" and told["faces"] == 300 and len(told["off"]) == 3
    assert told["net"] == net.config and not net.training


def test_the_first_step_is_ridge_regression(nets, shaped_folder, tmp_path):
    ridge = 50.0
    net = train_search(shaped_folder, tmp_path, faces=200, steps=1, ridge=ridge, **nets)
    prepared = Prepared(shaped_folder)
    rows = np.sort(np.random.default_rng(0).permutation(prepared.rows("fit"))[:200])
    with torch.no_grad():
        found = nets["landmarks"].find(prepared.batch(rows))[..., :2].numpy()
    c = codes(prepared, rows, found, **nets).double().numpy()
    spread = c.std(0, ddof=1).clip(1e-4)
    np.testing.assert_allclose(net.mean, c.mean(0), atol=1e-4)
    np.testing.assert_allclose(net.spread, spread, rtol=1e-3)
    # As least squares with a row more for each coordinate that is to be small
    own = (c - c.mean(0)) / spread
    off = (prepared.landmarks[rows] - found).reshape(200, -1).astype(float)
    rows_more = np.sqrt(ridge) * np.eye(own.shape[1])
    solved, *_ = np.linalg.lstsq(
        np.concatenate([own, rows_more]),
        np.concatenate([off - off.mean(0), np.zeros((len(rows_more), 136))]),
        rcond=None,
    )
    np.testing.assert_allclose(net.members[0].weight.detach(), solved.T, atol=1e-3)
    np.testing.assert_allclose(net.members[0].bias.detach(), off.mean(0), atol=1e-4)


def test_labels_that_are_found_already_leave_nothing_to_do(nets, shaped_folder, tmp_path):
    class Found(torch.nn.Module):
        """A network that finds every point where the labels have it."""

        def __init__(self, prepared):
            super().__init__()
            self.size, self.at = 16, 0
            self.labels = prepared.landmarks
            self.triangles = nets["landmarks"].triangles
            self.reference = nets["landmarks"].reference

        def find(self, x):
            some = self.order[self.at : self.at + len(x)]
            self.at += len(x)
            return torch.from_numpy(np.pad(self.labels[some], ((0, 0), (0, 0), (0, 1))))

    prepared = Prepared(shaped_folder)
    fit = np.sort(np.random.default_rng(0).permutation(prepared.rows("fit"))[:130])
    net = Found(prepared)
    net.order = np.concatenate([fit, prepared.rows("tune")[:1000]])
    made = train_search(
        shaped_folder, tmp_path, landmarks=net, autoencoder=nets["autoencoder"], faces=130
    )
    for member in made.members:
        assert all(weight.abs().max() < 1e-6 for weight in member.parameters())
