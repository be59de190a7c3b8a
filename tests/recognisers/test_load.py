"""From what a user writes to a recogniser, and from a record back to it."""

import json

import pytest

from istrc.errors import InputError
from istrc.models.facenet import FaceNet
from istrc.models.serialization import save_part
from istrc.recognisers.load import (
    copy_file,
    from_record,
    load_recogniser,
    located,
    read_record,
)
from istrc.recognisers.onnx import Onnx
from istrc.recognisers.own import Own
from istrc.whole import write_json


def refused(call, *said):
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in said), message


def test_names_paths_folders_and_recognisers(outsider, tmp_path):
    save_part(FaceNet(16, 8, (4, 6), (1, 1)), tmp_path / "net")
    assert isinstance(load_recogniser(tmp_path / "net"), Own)
    assert isinstance(load_recogniser(outsider.path, template="crop"), Onnx)
    assert load_recogniser(outsider) is outsider


@pytest.mark.parametrize(
    ("spec", "near"),
    [
        ("dlip", "dlib"),
        ("vgface2:x.pt", "vggface2"),
        ("casia", "casia-webface"),
        ("zzz", "use own"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(spec, near):
    refused(lambda: load_recogniser(spec), spec, near, "no such recogniser")


def test_options_without_effect_are_refused(tmp_path):
    refused(lambda: load_recogniser("dlib", size=112), "dlib", "--input-size", "leave it out")
    refused(lambda: load_recogniser("own", mean=0.0), "--mean")
    refused(lambda: load_recogniser("vggface2:x.pt", colour="BGR"), "--colour")


def test_a_record_brings_the_options_back(write_onnx, tmp_path):
    path = write_onnx(tmp_path / "net.onnx")
    first = Onnx(path, colour="BGR", mean=0.0, scale=255.0, template="30,50,150,170")
    write_json(tmp_path / "run" / "recogniser.json", located(first))
    again = load_recogniser(tmp_path / "run" / "recogniser.json")
    assert again.record == first.record
    assert json.loads((tmp_path / "run" / "recogniser.json").read_text())["path"] == str(path)
    # Given by hand, the options are still the record's
    record = located(first)
    assert from_record(record, "it", given=str(path)).record == first.record
    assert from_record(record, "it", given=first) is first


def test_the_copy_is_found_before_the_first_place(outsider, tmp_path):
    record = located(outsider)
    copy_file(outsider, tmp_path)
    copy_file(Onnx(tmp_path / "outsider.onnx", template="crop"), tmp_path)  # onto itself
    found = from_record(record, "it", [tmp_path])
    assert found.path == tmp_path / "outsider.onnx"
    record["path"] = str(tmp_path / "gone.onnx")
    (tmp_path / "outsider.onnx").unlink()
    refused(lambda: from_record(record, "mine", [tmp_path]), "mine", "outsider.onnx", "not here")


def test_another_recogniser_is_refused(outsider, write_onnx, tmp_path):
    record = located(outsider)
    other = write_onnx(tmp_path / "other.onnx", offset=0.5)
    refused(lambda: from_record(record, "mine", given=other), "mine", "different weights")
    refused(
        lambda: from_record(record, "mine", given=Onnx(outsider.path, template="arcface")),
        "different input layout or placement",
    )
    refused(lambda: from_record(record, "mine", given=Own(FaceNet(16, 8, (4, 6), (1, 1)))), "kind")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "onnx"}', '{"kind": 3, "sha256": "a"}', "[" * 100_000]
)
def test_a_damaged_record(text, tmp_path):
    path = tmp_path / "recogniser.json"
    path.write_text(text)
    refused(lambda: read_record(path), str(path), "no record")
    refused(lambda: read_record(tmp_path / "nowhere.json"), "nowhere.json", "no such file")


@pytest.mark.parametrize("kind", ["onnx", "vggface2"])
def test_a_record_that_names_a_record_leads_nowhere(tmp_path, kind):
    path = tmp_path / "recogniser.json"
    path.write_text(json.dumps({"kind": kind, "sha256": "0" * 64, "file": path.name}))
    with pytest.raises(InputError, match="whose file is not here; put it into this folder"):
        load_recogniser(path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([1], "the options of its recogniser are none; name it anew"),
        ("abc", "the options of its recogniser are none"),
        ({"download": True}, "the options of its recogniser are none"),
        ({"device": "x"}, "the options of its recogniser are none"),
        ({"layout": 5}, "the recogniser's layout is 5; name it anew"),
        ({"template": [1]}, r"the recogniser's template is \[1\]; name it anew"),
    ],
)
def test_options_of_a_record_that_are_none(tmp_path, options, says):
    (tmp_path / "a.onnx").write_bytes(b"")
    path = tmp_path / "recogniser.json"
    told = {"kind": "onnx", "sha256": "0" * 64, "file": "a.onnx", "options": options}
    path.write_text(json.dumps(told))
    with pytest.raises(InputError, match=says):
        load_recogniser(path)
