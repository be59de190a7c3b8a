"""The circle over NumPy's arrays edits as the circle over tensors does."""

import numpy as np
import pytest
import torch

from istrc.circle import Circle
from istrc.edit.render import MODES
from istrc.models.learned import LearnedAttribute


@pytest.fixture(scope="module")
def circles(onnx_model):
    return tuple(Circle.from_pretrained(onnx_model, runtime=name) for name in ("torch", "onnx"))


@pytest.fixture(scope="module")
def x():
    coarse = np.random.default_rng(0).uniform(-1, 1, (3, 3, 4, 4)).astype(np.float32)
    return np.ascontiguousarray(coarse.repeat(8, 2).repeat(8, 3))  # (3, 3, 32, 32)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("keep", [None, ["eyeglasses"], []])
def test_an_edit_is_the_same_in_every_mode(circles, x, mode, keep):
    by_torch, onnx = (
        circle.edit(faces, {"smile": 1, "young": -0.5}, keep=keep, mode=mode)
        for circle, faces in zip(circles, (torch.from_numpy(x), x), strict=True)
    )
    assert isinstance(onnx, np.ndarray) and onnx.shape == x.shape
    np.testing.assert_allclose(onnx, by_torch.numpy(), atol=1e-3)


@pytest.mark.parametrize("strengths", [{"beard": 1}, {"big_nose": -1, "smile": 0.5}])
def test_an_edit_ends_at_the_same_place(circles, x, strengths):
    found = []
    for circle, faces in zip(circles, (torch.from_numpy(x), x), strict=True):
        found.append(circle.stopped_walk(faces, circle.embed(faces), strengths))
    ours, onnx = found
    scale = float(ours.change.abs().max())
    np.testing.assert_allclose(onnx.change, ours.change.numpy(), atol=5e-3 * scale)
    np.testing.assert_allclose(onnx.walk.angle, ours.walk.angle.numpy(), atol=5e-3)
    assert onnx.walk.reached.tolist() == ours.walk.reached.tolist()


@pytest.mark.parametrize("metric", ["data", "euclidean"])
def test_a_walk_is_the_same(circles, x, metric):
    ours, onnx = circles
    z = onnx.embed(x)
    walks = [
        circle.walk(start, {"beard": 1}, metric=metric, step=0.05)
        for circle, start in ((ours, torch.from_numpy(z)), (onnx, z))
    ]
    assert walks[0].points.shape == walks[1].points.shape
    # Untrained classifiers turn at every step: rounding grows over 200 of them
    np.testing.assert_allclose(walks[1].points, walks[0].points.numpy(), atol=2e-3)
    np.testing.assert_allclose(walks[1].frames(5), walks[0].frames(5).numpy(), atol=2e-3)
    assert walks[1].reached.tolist() == walks[0].reached.tolist()


def test_nothing_asked_changes_nothing(circles, x):
    np.testing.assert_allclose(circles[1].edit(x, {"smile": 0.0}), x, atol=1e-6)


def test_a_learned_attribute_walks_as_well(circles, x, tmp_path):
    ours, onnx = circles
    weight = torch.linspace(-3, 3, ours.dim)
    made = LearnedAttribute("dimples", weight, 0.1, ours.recogniser.record, {})
    made.save(tmp_path / "dimples.safetensors")
    try:
        for circle in circles:
            circle.add(tmp_path / "dimples.safetensors")
        faces = torch.from_numpy(x)
        by_torch = ours.edit(faces, {"dimples": 1, "smile": 1}, keep=["male"])
        by_onnx = onnx.edit(x, {"dimples": 1, "smile": 1}, keep=["male"])
        np.testing.assert_allclose(by_onnx, by_torch.numpy(), atol=1e-3)
        scores = onnx.scores(onnx.embed(x))
        assert scores.shape == (3, len(onnx.attribute_names))
        np.testing.assert_allclose(scores, ours.scores(ours.embed(faces)).numpy(), atol=1e-3)
    finally:
        for circle in circles:
            circle.learned.clear()
