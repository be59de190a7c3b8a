"""A complete circle for a recogniser from outside, in one call that can be stopped."""

import json

import numpy as np
import pytest
import torch

from istrc.circle import Circle
from istrc.errors import InputError
from istrc.models.attributes import AttributeClassifiers
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.mapping import Mapping
from istrc.training.circle import train_circle

pytest.importorskip("sklearn")


def donor(size=16):
    """The circle whose auto-encoder is taken."""
    torch.manual_seed(0)
    return Circle(
        FaceNet(size, 4, (4, 4), (1, 1)),
        AutoEncoder(size, 6, (4, 4)),
        Mapping(4, 6, 8, 2),
        AttributeClassifiers(("smile", "male"), 4, 4, 4),
    )


@pytest.mark.parametrize("limit", [None, 60])
def test_in_one_call(limit, outsider, toy_folder, toys, tmp_path, monkeypatch):
    given = donor()
    given.whole = limit is None  # pictures of anything, in which no face is looked for
    options = dict(
        recogniser=outsider, from_=given, mapping_steps=2, mapping_fine_steps=2, attributes_steps=2
    )
    options |= dict(changes_steps=2, limit=limit)
    circle = train_circle(toy_folder, tmp_path, **options)
    assert (circle.dim, circle.size, circle.facenet) == (8, 16, None)
    assert circle.autoencoder is given.autoencoder
    assert set(circle.attribute_names) == set(toys.attribute_names)
    runs = ("embeddings", "mapping", "attributes", "changes")
    spent = {run: (tmp_path / "runs" / run / "cost.json").read_text() for run in runs}
    assert all(json.loads(one)["beside_seconds"] >= 0 for one in spent.values())
    z = np.load(tmp_path / "runs" / "embeddings" / "z.npy")
    fit = sum(len(toys.rows(part)[:limit]) for part in ("fit", "tune"))
    assert z.any(2).sum() == 2 * fit  # each and its mirror image
    # It is read back, with its recogniser, and edits
    again = Circle.from_pretrained(tmp_path)
    assert again.whole == given.whole
    x = toys.batch(toys.rows("valid")[:3])
    torch.testing.assert_close(again.embed(x), outsider.embed(x))
    assert again.edit(x, {"smile": 1.0}).shape == x.shape
    config = json.loads((tmp_path / "mapping" / "config.json").read_text())
    assert config["training"][0]["recogniser"]["kind"] == "onnx"
    # Given again, nothing is embedded or trained a second time
    seen = []
    embed = outsider.embed
    monkeypatch.setattr(outsider, "embed", lambda x: seen.append(len(x)) or embed(x))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/*.safetensors")}
    train_circle(toy_folder, tmp_path, **options)
    assert {path: path.stat().st_mtime_ns for path in before} == before and len(before) >= 3
    tuned = len({*toys.identity[toys.rows("tune")]})
    assert sum(seen) == tuned  # for `same_person`, which is measured anew
    assert spent == {run: (tmp_path / "runs" / run / "cost.json").read_text() for run in runs}


def test_faces_of_another_size(outsider, toy_folder, tmp_path):
    with pytest.raises(InputError, match="prepare with --size 32"):
        train_circle(toy_folder, tmp_path, recogniser=outsider, from_=donor(32))
