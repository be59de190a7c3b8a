"""A small prepared folder and a small circle, of real arrays and real networks."""

import json
import shutil

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from istrc.data.prepared import Prepared

SIZE = 16
NAMES = ["smile", "male", "beard", "mustache", "makeup", "wide_mouth"]


def _draw(rng, attributes, identity):
    """Faces whose attributes can be seen: each lights one part of the picture."""
    count = len(attributes)
    people = np.random.default_rng(5).uniform(60, 200, (identity.max() + 1, SIZE, SIZE, 3))
    x = people[identity] + rng.normal(0, 12, (count, SIZE, SIZE, 3))
    for a in range(attributes.shape[1]):
        sign = np.where(attributes[:, a] == 1, 60, -60)[:, None, None]
        x[:, 2 * a : 2 * a + 3, :8, a % 3] += sign
    return np.clip(x, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def folder(tmp_path_factory, write_prepared):
    path = tmp_path_factory.mktemp("prepared")
    rng = np.random.default_rng(0)
    people, each = 60, 6
    identity = np.repeat(np.arange(people), each).astype(np.int32)
    attributes = (rng.uniform(size=(len(identity), len(NAMES))) < 0.5).astype(np.int8)
    # sex is a person's, beards and mustaches are men's, and a measured label may be missing
    attributes[:, 1] = identity % 2
    attributes[:, 2:4] &= attributes[:, 1:2]
    images = _draw(rng, attributes, identity)
    attributes[rng.uniform(size=len(identity)) < 0.2, 5] = -1
    return write_prepared(
        path,
        images,
        attributes,
        attributes=NAMES,
        identity=identity,
        split=identity >= people // 2,
        source="toy",
    )


@pytest.fixture(scope="session")
def prepared(folder):
    return Prepared(folder)


class ToyCircle(nn.Module):
    """The circle's interface on networks of a few hundred weights.

    The embedding is a random projection, F and the decoder its pseudo-inverse, the scores least
    squares on the train split: all of it real arithmetic, none of it good.
    """

    def __init__(self, prepared, dim=48):
        super().__init__()
        self.size, self.dim, self.attribute_names = prepared.size, dim, prepared.attribute_names
        x = prepared.batch(prepared.rows("train"))
        flat = x.flatten(1).contiguous()
        mean = flat.mean(0)
        basis = torch.linalg.svd(flat - mean, full_matrices=False)[2][:dim]
        self.register_buffer("mean", mean)
        self.register_buffer("basis", basis)
        z = self.embed(x)
        labels = torch.from_numpy(prepared.attributes[prepared.rows("train")]).float()
        weight = torch.linalg.lstsq(z, (labels - 0.5) * 6).solution
        self.register_buffer("weight", weight)
        self.register_buffer("length", (flat - mean).matmul(basis.T).norm(dim=1).mean())
        self.calls = []

    def encode(self, x):
        return (x.flatten(1) - self.mean) @ self.basis.T

    def decode_code(self, h):
        return (h @ self.basis + self.mean).view(-1, 3, self.size, self.size)

    def embed(self, x):
        return F.normalize(self.encode(x), dim=1)

    def map(self, z):
        return z * self.length

    def decode(self, z):
        return self.decode_code(self.map(z))

    def scores(self, z):
        return torch.sigmoid(z @ self.weight)

    def rebuild(self, x, z, z2, mode="photo"):
        if mode == "circle":
            return self.decode(z2)
        h = self.encode(x)
        change = h + self.map(z2) - self.map(z)
        if mode == "anchored":
            return self.decode_code(change)
        return x + self.decode_code(change) - self.decode_code(h)

    def edit(self, x, strengths, keep=None, mode="photo"):
        self.calls.append((len(x), dict(strengths), mode))
        z = z2 = self.embed(x)
        for name, strength in strengths.items():
            direction = self.weight[:, self.attribute_names.index(name)]
            z2 = z2 + 0.6 * strength * F.normalize(direction, dim=0)
        return self.rebuild(x, z, F.normalize(z2, dim=1), mode).clamp(-1, 1)


@pytest.fixture(scope="session")
def circle(prepared):
    return ToyCircle(prepared)


@pytest.fixture(scope="session")
def circle_of():
    """Makes the small circle of a prepared folder."""
    return ToyCircle


@pytest.fixture(scope="session")
def judge(folder, tmp_path_factory):
    from istrc.evaluation.judges import train_judge

    return train_judge(
        folder,
        tmp_path_factory.mktemp("judge"),
        steps=60,
        batch_size=64,
        size=SIZE,
        widths=(16, 24),
        depths=(1, 1),
        average=0.9,
        echo=False,
    )


@pytest.fixture(scope="session")
def pointed_folder(folder, tmp_path_factory, face_points):
    """The prepared folder at 32 px with landmarks: smiles lift the corners, and heads turn."""
    path = tmp_path_factory.mktemp("pointed") / "prepared"
    shutil.copytree(folder, path)
    data, rng = Prepared(path), np.random.default_rng(4)
    # The light is on one part of a face less than on another, so that tones are of all kinds
    light = rng.uniform(0.5, 1.25, (len(data), 1, 1, 1)) * [1.1, 1, 0.75]
    images = np.clip(data.images.repeat(2, 1).repeat(2, 2) * light, 0, 255).astype(np.uint8)
    points = face_points + rng.normal(0, 0.004, (len(data), 68, 2))
    points[:, [48, 54, 60, 64], 1] -= 0.08 * (data.column("smile") == 1)[:, None]
    points[:, [48, 54], 0] += 0.1 * data.column("wide_mouth")[:, None] * [-1, 1]
    points[:, 65:68, 1] += rng.uniform(0, 0.12, (len(data), 1))
    points[:, 27:36, 0] += rng.uniform(-0.2, 0.2, (len(data), 1))
    np.save(path / "images.npy", images)
    np.save(path / "landmarks.npy", points.astype(np.float32))
    info = json.loads((path / "prepared.json").read_text()) | {"size": images.shape[1]}
    (path / "prepared.json").write_text(json.dumps(info))
    return path
