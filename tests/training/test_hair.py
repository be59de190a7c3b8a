"""Where hair is, and what tone it has, learned from faces whose hair is drawn."""

import json

import numpy as np
import pytest

from istrc.data.prepared import Prepared
from istrc.edit.hair_colour import tone
from istrc.models.probes import Probes
from istrc.training.hair import measure_hair, needed

NAMES = ("male", "blond_hair", "black_hair", "gray_hair", "wearing_hat")
COUNT, SIDE = 240, 32
COLOURS = {"blond_hair": (0.75, 0.6, 0.35), "black_hair": (0.2, 0.16, 0.14)}


def hair_of(male):
    """Women's hair falls to their chins."""
    x, y = np.meshgrid(*2 * [(np.arange(SIDE) + 0.5) * 2 / SIDE - 1])
    head = (x / 0.85) ** 2 + ((y + 0.1) / 0.85) ** 2 < 1
    return head & ((x / 0.55) ** 2 + ((y - 0.25) / 0.75) ** 2 > 1) & (y < (0.0 if male else 0.8))


@pytest.fixture(scope="module")
def heads(face_points, tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("heads"), np.random.default_rng(0)
    labels = np.zeros((COUNT, len(NAMES)), np.int8)
    labels[:, 0] = np.arange(COUNT) % 2
    fair = np.arange(COUNT) // 2 % 2 == 0
    labels[:, 1], labels[:, 2] = fair, ~fair
    x, y = np.meshgrid(*2 * [(np.arange(SIDE) + 0.5) * 2 / SIDE - 1])
    face = (x / 0.55) ** 2 + ((y - 0.25) / 0.75) ** 2 <= 1
    images = np.empty((COUNT, SIDE, SIDE, 3))
    for image, (male, blond, *_) in zip(images, labels, strict=True):
        image[:] = rng.uniform(0, 1, 3)  # a wall of any colour
        light = rng.uniform(0.7, 1.0)
        image[hair_of(male)] = light * np.array(COLOURS["blond_hair" if blond else "black_hair"])
        image[face] = light * np.array([0.8, 0.6, 0.5])
        image += rng.normal(0, 0.02, (SIDE, SIDE, 1))
    points = np.repeat(face_points[None], COUNT, 0).astype(np.float32)
    np.save(folder / "images.npy", (images.clip(0, 1) * 255).astype(np.uint8))
    np.save(folder / "attributes.npy", labels)
    np.save(folder / "identity.npy", np.arange(COUNT, dtype=np.int32))
    np.save(folder / "split.npy", np.zeros(COUNT, np.int8))
    np.save(folder / "landmarks.npy", points)
    (folder / "names.txt").write_text("".join(f"{n}.png\n" for n in range(COUNT)))
    known = {"format": 1, "complete": True, "attributes": [*NAMES], "count": COUNT}
    (folder / "prepared.json").write_text(json.dumps(known))
    return Prepared(folder)


@pytest.fixture(scope="module")
def measured(heads):
    net = Probes(NAMES, 4, hair=16)
    measure_hair(net, heads, np.arange(COUNT))
    return net


def test_hair_lies_where_fair_and_dark_heads_differ(measured):
    women, men = measured.hair_places[:, 0].numpy()
    for found, male in ((women, 0), (men, 1)):
        truth = hair_of(male).reshape(16, 2, 16, 2).mean((1, 3))
        assert found[truth == 1].mean() > 0.8 and found[truth == 0].mean() < 0.1
    assert women[10, 2] > men[10, 2] + 0.5  # beside the mouth


def test_tones_are_those_of_the_hair_under_the_same_light(heads, measured):
    fair = measured.hair_tones[NAMES.index("blond_hair")].numpy()
    view = heads.batch(np.array([0]))[0].numpy() / 2 + 0.5
    face = np.zeros((SIDE, SIDE))
    face[14:24, 10:22] = 1
    hair = hair_of(0).astype(float)
    light = np.array([1, *tone(view, face, face)[:3]])
    np.testing.assert_allclose((light @ fair[0])[:3], tone(view, hair, hair)[:3], atol=0.15)
    assert (light @ fair[1])[0] < (light @ fair[0])[0] - 0.8  # who is not fair is dark here


def test_what_is_no_colour_of_hair_or_is_not_known_has_no_tone(measured):
    for name in ("male", "gray_hair"):  # nobody here is grey
        assert not measured.hair_tones[NAMES.index(name)].any()


def test_fair_and_dark_are_needed():
    assert needed(NAMES) and not needed(NAMES[:2])
