"""How wrinkles run, learned from lines that are drawn."""

import json

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.models.probes import Probes
from istrc.training.wrinkles import measure_wrinkles

NAMES, SIZE, COUNT = ("young", "eyeglasses"), 64, 40


def folder(path, reference):
    """Older faces whose cheeks have lines down and outwards, on either side; and younger ones."""
    rng = np.random.default_rng(0)
    labels = np.zeros((COUNT, 2), np.int8)
    labels[::2, 0] = 1
    labels[-4:, 1] = 1  # who wear glasses have lines of another way, and are left out
    v, u = np.mgrid[:SIZE, :SIZE]
    images = np.full((COUNT, SIZE, SIZE, 3), 0.6) + rng.normal(0, 0.01, (COUNT, SIZE, SIZE, 1))
    outwards = np.abs(u - SIZE / 2 + 0.5)
    for image, (young, glasses) in zip(images, labels, strict=True):
        if not young:
            run = outwards + v if glasses else outwards - v
            image += 0.04 * np.sin(1.5 * run + rng.uniform(0, 6))[..., None]
    np.save(path / "images.npy", (images.clip(0, 1) * 255).astype(np.uint8))
    np.save(path / "attributes.npy", labels)
    np.save(path / "identity.npy", np.arange(COUNT, dtype=np.int32))
    np.save(path / "split.npy", np.zeros(COUNT, np.int8))
    (path / "names.txt").write_text("".join(f"{n}.png\n" for n in range(COUNT)))
    known = {"format": 1, "complete": True, "attributes": [*NAMES], "count": COUNT}
    known["shape_free"] = {"reference": reference.tolist()}
    (path / "prepared.json").write_text(json.dumps(known))
    return Prepared(path)


def test_lines_run_as_those_of_older_faces(face_points, tmp_path):
    net = Probes(NAMES, 8, wrinkles=16)
    straight = folder(tmp_path, np.asarray(face_points))
    measure_wrinkles(net, straight, np.arange(COUNT))
    cosine, sine = net.wrinkles
    assert net.wrinkles.shape == (2, 16, 16) and torch.isfinite(net.wrinkles).all()
    assert (torch.hypot(cosine, sine) < 1.01).all()
    left, right = sine[4:12, 2:6], sine[4:12, 10:14]
    # Twice an angle of 45 degrees, rows counted down: outwards is rightwards on the right
    assert (right > 0.8).all() and (left < -0.8).all() and (cosine[4:12, 2:6].abs() < 0.3).all()


def test_nobody_older_says_nothing(face_points, tmp_path):
    net = Probes(NAMES, 8, wrinkles=16)
    straight = folder(tmp_path, np.asarray(face_points))
    young = np.flatnonzero(straight.attributes[:, 0] == 1)
    measure_wrinkles(net, straight, young)
    assert not net.wrinkles.any()
