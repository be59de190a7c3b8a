"""A circle belongs to one recogniser: it is recorded, found again, and another one refused."""

import json
import shutil

import pytest
import torch

from istrc.circle import Circle
from istrc.errors import InputError, IstrcError
from istrc.evaluation.results import circle_checksum
from istrc.models.attributes import AttributeClassifiers
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.mapping import Mapping
from istrc.models.serialization import save_part
from istrc.recognisers.onnx import Onnx
from istrc.recognisers.own import Own


def build(recogniser, dim=8):
    torch.manual_seed(0)
    return Circle(
        recogniser,
        AutoEncoder(16, 6, (4, 4)),
        Mapping(dim, 6, 8, 2),
        AttributeClassifiers(("smile", "male"), dim, 4, 4),
    )


def facenet():
    return FaceNet(16, 8, (4, 4), (1, 1))


@pytest.fixture
def x():
    return torch.rand(3, 3, 16, 16) * 2 - 1


def refused(call, *said):
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in said), message


def test_any_recogniser_makes_a_circle(outsider, x):
    circle = build(outsider)
    assert circle.facenet is None and circle.recogniser is outsider
    assert (circle.size, circle.dim) == (16, 8)
    torch.testing.assert_close(circle.embed(x), outsider.embed(x))
    assert circle.edit(x, {"smile": 1.0}).shape == x.shape
    own = build(facenet())
    assert isinstance(own.recogniser, Own) and own.recogniser.net is own.facenet
    with pytest.raises(IstrcError, match="8-d for the recogniser"):
        build(outsider, dim=9)


def test_checksums_tell_circles_of_two_recognisers_apart(outsider, x):
    other = Onnx(outsider.path, template="crop", colour="BGR")
    assert circle_checksum(build(outsider)) == circle_checksum(build(outsider))
    assert circle_checksum(build(outsider)) != circle_checksum(build(other))


def test_saved_it_knows_its_recogniser(outsider, x, tmp_path):
    build(outsider).save_pretrained(tmp_path)
    assert not (tmp_path / "facenet").exists()
    settings = json.loads((tmp_path / "circle.json").read_text())["recogniser"]
    assert settings["kind"] == "onnx" and settings["input"]["layout"] == "NCHW"
    for given in (None, outsider.path, str(outsider.path), outsider):
        again = Circle.from_pretrained(tmp_path, recogniser=given)
        torch.testing.assert_close(again.embed(x), outsider.embed(x))


def test_another_recogniser_is_refused(outsider, write_onnx, tmp_path):
    build(outsider).save_pretrained(tmp_path / "c")
    other = write_onnx(tmp_path / "other.onnx", offset=0.5)
    for given in (other, Onnx(other, template="crop")):
        refused(
            lambda g=given: Circle.from_pretrained(tmp_path / "c", recogniser=g),
            str(tmp_path / "c"),
            "outsider.onnx",
            "other.onnx",
            "different weights",
        )
    changed = Onnx(outsider.path, template="crop", mean=0.0)
    refused(lambda: Circle.from_pretrained(tmp_path / "c", recogniser=changed), "input layout")


def test_moved_it_asks_for_the_file_or_has_a_copy(write_onnx, x, tmp_path):
    path = write_onnx(tmp_path / "net.onnx")
    recogniser = Onnx(path, template="crop")
    z = recogniser.embed(x)
    build(recogniser).save_pretrained(tmp_path / "alone")
    build(recogniser).save_pretrained(tmp_path / "whole", copy=True)
    moved = shutil.move(path, tmp_path / "elsewhere.onnx")
    refused(lambda: Circle.from_pretrained(tmp_path / "alone"), "net.onnx", "recogniser=")
    for folder, given in (("whole", None), ("alone", moved)):
        circle = Circle.from_pretrained(tmp_path / folder, recogniser=given)
        torch.testing.assert_close(circle.embed(x), z)


def test_a_facenet_that_the_circle_does_not_belong_to(tmp_path, outsider):
    build(facenet()).save_pretrained(tmp_path)
    assert Circle.from_pretrained(tmp_path, recogniser=tmp_path / "facenet").dim == 8
    refused(lambda: Circle.from_pretrained(tmp_path, recogniser=outsider), "own", "different kind")
    torch.manual_seed(5)
    save_part(facenet(), tmp_path / "facenet")
    refused(lambda: Circle.from_pretrained(tmp_path), str(tmp_path), "different weights")


def test_circles_saved_before_recognisers_were_recorded(tmp_path, x):
    circle = build(facenet())
    circle.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "circle.json").read_text())
    del settings["recogniser"]
    (tmp_path / "circle.json").write_text(json.dumps(settings))
    assert Circle.from_pretrained(tmp_path).embed(x).shape == (3, 8)
