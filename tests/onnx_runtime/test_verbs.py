"""The verbs over NumPy's arrays give what they give over tensors."""

import numpy as np
import pytest
import torch

from istrc import sphere
from istrc.circle import Circle
from istrc.data.prepared import to_pixels
from istrc.shipped import DEFAULT, WEIGHTS
from istrc.verbs.arithmetic import arithmetic
from istrc.verbs.average import average
from istrc.verbs.blend import blend
from istrc.verbs.calibration import read_threshold
from istrc.verbs.compare import angles, differences
from istrc.verbs.vary import vary

SHIPPED = WEIGHTS / DEFAULT
MODES = ("anchored", "circle")


@pytest.fixture(scope="module", params=["toy", DEFAULT])
def model(request):
    if request.param == "toy":
        return request.getfixturevalue("onnx_model")
    if not (SHIPPED / "landmarks").exists():
        pytest.skip("the weights of celeba128 are not trained yet")
    return DEFAULT


@pytest.fixture(scope="module")
def sides(model):
    """Of torch and of onnx: a circle, faces x (3, 3, S, S) and z (3, D), the same in both."""
    ours, onnx = (Circle.from_pretrained(model, runtime=name) for name in ("torch", "onnx"))
    rng = np.random.default_rng(0)
    coarse = rng.uniform(-1, 1, (3, 3, 4, 4)).astype(np.float32)
    x = np.ascontiguousarray(coarse.repeat(ours.size // 4, 2).repeat(ours.size // 4, 3))
    z = sphere.normalize(1 + rng.normal(size=(3, ours.dim)).astype(np.float32))
    return (ours, torch.from_numpy(x), torch.from_numpy(z)), (onnx, x, z)


def near(onnx, by_torch):
    """Points of the sphere, or angles."""
    assert isinstance(onnx, np.ndarray) and isinstance(by_torch, torch.Tensor)
    assert onnx.dtype == np.float32 and by_torch.dtype == torch.float32
    np.testing.assert_allclose(onnx, by_torch.numpy(), atol=1e-4)


def look_alike(onnx, by_torch):
    """Faces, within two of 255 levels."""
    assert isinstance(onnx, np.ndarray) and onnx.dtype == np.float32
    levels = to_pixels(onnx).astype(int) - to_pixels(by_torch)
    assert onnx.shape == tuple(by_torch.shape) and np.abs(levels).max() <= 2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", ["slerp", "lerp"])
def test_blend(sides, mode, path):
    ours, onnx = (blend(c, z[:2], x[:2], frames=4, path=path, mode=mode) for c, x, z in sides)
    near(onnx.z, ours.z)
    near(onnx.t, ours.t)
    near(onnx.angles, ours.angles)
    look_alike(onnx.faces, ours.faces)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("mean", ["frechet", "euclidean"])
def test_average(sides, mode, mean):
    ours, onnx = (average(c, z, x, mean=mean, mode=mode) for c, x, z in sides)
    near(onnx.z, ours.z)
    near(onnx.angles, ours.angles)
    look_alike(onnx.face, ours.face)
    assert onnx.length == pytest.approx(ours.length, abs=1e-5)
    assert onnx.spread == pytest.approx(ours.spread, abs=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("metric", ["data", "euclidean"])
def test_a_seed_varies_alike(sides, mode, metric):
    settings = dict(angle=0.4, count=5, seed=7, metric=metric, mode=mode)
    ours, onnx = (vary(c, z[:1], x[:1], **settings) for c, x, z in sides)
    near(onnx.z, ours.z)
    look_alike(onnx.faces, ours.faces)


@pytest.mark.parametrize("onto", [False, True])
def test_arithmetic(sides, onto):
    ours, onnx = (
        arithmetic(c, [1, -0.5, 1], z, onto=(z[2:], x[2:]) if onto else None) for c, x, z in sides
    )
    near(onnx.z, ours.z)
    near(onnx.angles, ours.angles)
    look_alike(onnx.face, ours.face)
    assert onnx.length == pytest.approx(ours.length, abs=1e-5)


def test_compare(sides):
    ours, onnx = (angles(z) for _, _, z in sides)
    near(onnx, ours)
    assert (onnx.diagonal() == 0).all()
    ours, onnx = (differences(c, z[:1], z[1:2]) for c, _, z in sides)
    assert {one.name for one in onnx} == {one.name for one in ours}
    named = {one.name: (one.first, one.second) for one in onnx}
    for one in ours:
        assert named[one.name] == pytest.approx((one.first, one.second), abs=1e-3)


def test_a_threshold_belongs_to_the_recogniser_in_both(model, sides):
    found = [read_threshold(model, circle, 1e-3) for circle, _, _ in sides]
    assert found[0] == found[1]
    assert (found[0] is None) == (model != DEFAULT)


def test_a_new_attribute_is_learned_alike(model, monkeypatch, tmp_path):
    monkeypatch.setenv("ISTRC_LEARNED", str(tmp_path))
    rng = np.random.default_rng(1)
    learned = []
    for runtime in ("torch", "onnx"):
        circle = Circle.from_pretrained(model, runtime=runtime)
        if not learned:
            many = rng.normal(size=(2, 12, circle.dim)).astype(np.float32)
            many[0, :, 0] += 2
            many = sphere.normalize(many)
        having, lacking = many if runtime == "onnx" else torch.from_numpy(many)
        learned.append(circle.learn("dimples", with_=having, without=lacking))
        assert "dimples" in circle.attribute_names
    near(learned[1].weight, learned[0].weight)
    assert learned[1].bias == pytest.approx(learned[0].bias, abs=1e-6)
    assert learned[1].notes == learned[0].notes
