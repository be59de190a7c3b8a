"""What a recogniser knows: the probe on embeddings that do know, the table, the picture."""

import json

import numpy as np
import pytest
import torch

from istrc.circle import Circle
from istrc.errors import InputError
from istrc.evaluation.inspecting import inspect_recogniser, linear_probe, table
from istrc.models.attributes import AttributeClassifiers
from istrc.models.began import AutoEncoder
from istrc.models.mapping import Mapping
from istrc.recognisers.onnx import Onnx

pytest.importorskip("sklearn")


def test_the_probe_reads_what_is_linear_and_guesses_what_is_not():
    rng = np.random.default_rng(0)
    z = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(600, 6))).float(), dim=1)
    labels = (z[:, 0] > 0).numpy().astype(np.int8)
    labels[::7] = -1
    scores = linear_probe(z[:400], labels[:400], z[400:])
    assert np.corrcoef(scores, z[400:, 0])[0, 1] > 0.98
    noise = rng.integers(0, 2, 400).astype(np.int8)
    assert abs(np.corrcoef(linear_probe(z[:400], noise, z[400:]), z[400:, 0])[0, 1]) < 0.99


@pytest.fixture(scope="module")
def knowing(write_onnx, tmp_path_factory):
    """64 random projections of the pixels: what is in a toy's picture can be read off them."""
    path = write_onnx(tmp_path_factory.mktemp("knowing") / "knowing.onnx", dim=64)
    return Onnx(path, template="crop")


@pytest.fixture(scope="module")
def circle(knowing):
    torch.manual_seed(0)
    return Circle(
        knowing,
        AutoEncoder(16, 6, (4, 4)),
        Mapping(64, 6, 8, 2),
        AttributeClassifiers(("smile", "male"), 64, 4, 4),
    )


def test_table_and_picture(knowing, circle, toy_folder, tmp_path):
    found = inspect_recogniser(
        toy_folder, tmp_path, recogniser=knowing, circle=circle, steps=3, faces=5
    )
    written = json.loads((tmp_path / "inspect.json").read_text())
    assert written["recogniser"]["kind"] == "onnx" and written["seed"] == 0
    assert set(written["attributes"]) == {"smile", "male", "beard", "eyeglasses", "wide_mouth"}
    for one in written["attributes"].values():
        assert 0 <= one["linear"] <= 1 and 0 <= one["classifier"] <= 1 and 0 < one["prevalence"] < 1
    # A bright mouth is linear in the pixels, and so in these embeddings
    assert found["attributes"]["smile"]["linear"] > 0.7
    assert written["mean_over"] == 4  # wide_mouth is measured, not CelebA's
    from PIL import Image

    with Image.open(tmp_path / "faces.png") as picture:
        assert picture.height > 2 * 96
    text = (tmp_path / "inspect.md").read_text()
    assert "knowing.onnx: linear" in text and "| smile |" in text and "mean over CelebA" in text
    both = table([found, {**found, "recogniser": {"kind": "dlib"}}])
    assert "dlib: classifier" in both and len(both.splitlines()) == len(text.splitlines())


def test_an_attribute_of_one_kind_is_left_out(outsider, toy_folder, tmp_path):
    import shutil

    data = tmp_path / "data"
    shutil.copytree(toy_folder, data)
    labels = np.load(data / "attributes.npy")
    labels[:, 3] = 0
    np.save(data / "attributes.npy", labels)
    found = inspect_recogniser(data, tmp_path / "out", recogniser=outsider, steps=1)
    assert found["left_out"] == ["eyeglasses"] and not (tmp_path / "out" / "faces.png").exists()
    np.save(data / "attributes.npy", np.zeros_like(labels))
    with pytest.raises(InputError, match="no attribute"):
        inspect_recogniser(data, tmp_path / "none", recogniser=outsider, steps=1)


def test_a_circle_of_another_recogniser(outsider, circle, toy_folder, tmp_path):
    with pytest.raises(InputError, match="belongs to the recogniser"):
        inspect_recogniser(toy_folder, tmp_path, recogniser=outsider, circle=circle)
