"""docs/guide.md: each recipe, tried on a toy of its layout, feeds what it promises."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

from istrc.recognisers import placement
from istrc.recognisers.load import load_recogniser

PAGE = Path(__file__).parents[2] / "docs" / "guide.md"
DIM = 8
# What the publishers' own code does with pixels v of 0..255, height x width x colours R, G, B
FED = {
    "InsightFace": lambda v: (v - 127.5) / 127.5,
    "ArcFace of the ONNX": lambda v: v,
    "AdaFace": lambda v: (v[..., ::-1] / 255 - 0.5) / 0.5,
    "MagFace": lambda v: v[..., ::-1] / 255,
    "CosFace": lambda v: (v - 127.5) / 128,
    "SphereFace": lambda v: (v[..., ::-1] - 127.5) / 128,
    "MobileFaceNet": lambda v: (v - 127.5) * 0.0078125,
    "FaceNet in PyTorch": lambda v: (v - 127.5) / 128,
    "FaceNet in TensorFlow": lambda v: (v - 127.5) / 128,
    "VGGFace2": lambda v: v[..., ::-1] - np.array([91.4953, 103.8827, 131.0912]),
    "LightCNN": lambda v: v @ np.array([[0.299], [0.587], [0.114]]) / 255,
}


def recipes():
    """(recogniser, shape of its input, the options as a user types them) of each row."""
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([N\d]+x[\dHWx]+) \| (.*?) ?\|$", text, re.MULTILINE)
    return [(name, shape, options.strip("` ")) for name, shape, options in rows]


def parsed(options):
    words = shlex.split(options)
    named = {
        key[2:].replace("-", "_"): value for key, value in zip(words[::2], words[1::2], strict=True)
    }
    if "input_size" in named:
        named["size"] = named.pop("input_size")
    return named


@pytest.mark.parametrize(("name", "shape", "options"), recipes(), ids=[r[0] for r in recipes()])
def test_a_recipe_feeds_what_its_publisher_does(write_onnx, tmp_path, name, shape, options):
    given = parsed(options)
    sides = [int(n) if n.isdigit() else n for n in shape.split("x")]
    batch = sides[0] if sides[0] != "N" else "batch"
    closed = [int(given["size"]) if isinstance(n, str) else n for n in sides[1:]]
    weight = np.random.default_rng(0).normal(size=(int(np.prod(closed)), DIM)).astype(np.float32)
    wanted = given.get("output")
    outputs = ("z",) if wanted is None else ("other", wanted)
    path = write_onnx(
        tmp_path / "net.onnx", (batch, *sides[1:]), DIM, weight=weight, outputs=outputs
    )
    net = load_recogniser(str(path), **given)
    assert not net.notes
    faces = np.random.default_rng(1).uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32)
    height, width = closed[:2] if closed[-1] in (1, 3) else closed[1:]
    x = placement.place(torch.from_numpy(faces), net.placement, (height, width))
    (publisher,) = [key for key in FED if name.startswith(key)]
    rows = []
    for face in x.numpy().astype(np.float64):
        v = FED[publisher]((face.transpose(1, 2, 0) + 1) * 127.5)  # (height, width, C)
        rows.append((v if closed[-1] in (1, 3) else v.transpose(2, 0, 1)).ravel())
    y = np.stack(rows) @ weight
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    assert net.embed(torch.from_numpy(faces)).numpy() == pytest.approx(y, abs=2e-4)


def test_ten_at_least_and_each_publisher_once():
    assert len(recipes()) == len(FED) >= 10
