"""Parts on disk: what is read is what was written, and everything wrong is one line."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from istrc.errors import InputError, IstrcError
from istrc.models import serialization
from istrc.models.attributes import AttributeClassifiers
from istrc.models.began import AutoEncoder, Generator
from istrc.models.changes import Changes
from istrc.models.facenet import FaceNet
from istrc.models.judge import JudgeNet
from istrc.models.landmarks import Landmarks
from istrc.models.mapping import Mapping
from istrc.models.probes import Probes
from istrc.models.search import Search
from istrc.models.serialization import fingerprint, load_part, save_part

TINY = dict(size=16, fold=2, widths=(4, 4, 4, 4), hidden=8)
BUILD = {
    "FaceNet": lambda: FaceNet(16, 8, (4, 6), (1, 1), ("smile", "male")),
    "AutoEncoder": lambda: AutoEncoder(
        16, 6, (4, 6), linear=4, linear_side=8, regions=[(2, 2, 8, 6, 2)]
    ),
    "Generator": lambda: Generator(16, 5, (4, 6)),
    "Mapping": lambda: Mapping(8, 10, 12, 3),
    "Changes": lambda: Changes(8, 10, 6),
    "AttributeClassifiers": lambda: AttributeClassifiers(("smile", "male"), 8, 6, 5),
    "Landmarks": lambda: Landmarks(TINY, TINY, faces=4),
    "JudgeNet": lambda: JudgeNet(16, ("smile", "male"), (4, 6), (1, 1), features=5),
    "Search": lambda: Search(10, 136, 2),
    "Probes": lambda: Probes(("smile", "male"), 10, ("smile",)),
}


@pytest.fixture
def part():
    torch.manual_seed(0)
    return BUILD["Mapping"]()


def test_great_matrices_are_stored_in_bytes(part, tmp_path, monkeypatch):
    whole = {name: value.clone() for name, value in part.state_dict().items()}
    sizes = {name: value.numel() for name, value in whole.items() if value.dim() == 2}
    great = [name for name, size in sizes.items() if size >= 120]
    assert great and len(great) < len(sizes)
    monkeypatch.setattr(serialization, "QUANTISED", 120)
    save_part(part, tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    again = load_part(tmp_path).state_dict()
    assert again.keys() == whole.keys()
    for name in great:
        assert stored[name].dtype == torch.int8
        assert stored[name].abs().amax(1).eq(127).all()  # every row uses what it has
        unit = whole[name].abs().amax(1, keepdim=True) / 127
        assert ((again[name] - whole[name]).abs() <= 0.501 * unit).all()
    for name in whole.keys() - set(great):
        value = whole[name]
        value = value.half().float() if value.is_floating_point() else value
        assert torch.equal(again[name], value)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_great_matrix_that_is_not_finite_is_not_saved(part, tmp_path, monkeypatch, wrong):
    monkeypatch.setattr(serialization, "QUANTISED", 1)
    next(value for value in part.state_dict().values() if value.dim() == 2)[0, 0] = wrong
    with pytest.raises(IstrcError, match="not finite"):
        save_part(part, tmp_path)


def test_every_kind_can_be_built():
    assert BUILD.keys() == serialization.KINDS.keys()


@pytest.mark.parametrize("kind", BUILD)
def test_round_trip(kind, tmp_path):
    torch.manual_seed(0)
    part = BUILD[kind]()
    for value in part.state_dict().values():
        if value.is_floating_point():
            value.add_(torch.rand_like(value))
    save_part(part, tmp_path)
    again = load_part(tmp_path)
    assert type(again) is type(part) and again.config == part.config
    assert not again.training and not any(p.requires_grad for p in again.parameters())
    stored = part.state_dict()
    assert stored.keys() == again.state_dict().keys()
    for name, value in again.state_dict().items():
        assert value.device.type == "cpu"  # nothing was left on the meta device
        if value.is_floating_point():
            assert value.dtype == torch.float32
            assert torch.equal(value, stored[name].half().float()), name
        else:
            assert torch.equal(value, stored[name]), name
    # What was read once is written and read again without loss
    save_part(again, tmp_path / "again")
    assert fingerprint(load_part(tmp_path / "again")) == fingerprint(again)


def test_what_lies_on_disk(part, tmp_path):
    save_part(part, tmp_path / "deep" / "folder", trained_on="toys", reached={"mse": 0.5})
    folder = tmp_path / "deep" / "folder"
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]
    config = json.loads((folder / "config.json").read_text())
    blob = (folder / "model.safetensors").read_bytes()
    assert config["sha256"] == hashlib.sha256(blob).hexdigest()
    assert config["kind"] == "Mapping" and config["arguments"] == part.config
    assert config["preprocessing"]["range"] == [-1, 1]
    assert config["preprocessing"]["crop"] == [25, 45, 153, 173]
    assert config["trained_on"] == "toys" and config["reached"] == {"mse": 0.5}
    assert {t.dtype for t in load_file(folder / "model.safetensors").values()} == {
        torch.float16,
        torch.int64,
    }


def test_saving_over_a_part_replaces_it(part, tmp_path):
    save_part(part, tmp_path)
    other = BUILD["FaceNet"]()
    save_part(other, tmp_path)
    assert isinstance(load_part(tmp_path), FaceNet)


def refused(folder, *words):
    with pytest.raises(InputError) as caught:
        load_part(folder)
    message = str(caught.value)
    assert "\n" not in message and str(folder) in message
    for word in words:
        assert word in message, message
    return message


def test_missing(part, tmp_path):
    refused(tmp_path / "nowhere", "missing weights", "config.json")
    save_part(part, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    refused(tmp_path, "missing weights", "model.safetensors")


@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
def test_one_flipped_bit_of_the_weights(where, part, tmp_path):
    save_part(part, tmp_path)
    path = tmp_path / "model.safetensors"
    blob = bytearray(path.read_bytes())
    blob[int(where * (len(blob) - 1))] ^= 1
    path.write_bytes(blob)
    refused(tmp_path, "damaged weights", "checksum")


@pytest.mark.parametrize("length", [0, 7, -1])
def test_truncated_weights(length, part, tmp_path):
    save_part(part, tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    refused(tmp_path, "damaged weights", "checksum")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", '{"kind": "Mapping"}', "\ud800", '{"arguments": {}}']
)
def test_damaged_configuration(text, part, tmp_path):
    save_part(part, tmp_path)
    (tmp_path / "config.json").write_bytes(text.encode(errors="surrogatepass"))
    refused(tmp_path, "config.json", "damaged")


def change(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_unknown_kind(part, tmp_path):
    save_part(part, tmp_path)
    for kind in ("Oracle", "os.system", ["Mapping"]):
        change(tmp_path, kind=kind)
        refused(tmp_path, "unknown kind", str(kind))


def test_another_version(part, tmp_path):
    save_part(part, tmp_path)
    change(tmp_path, arguments={**part.config, "wings": 2})
    refused(tmp_path, "not a Mapping of this version", "wings")
    change(tmp_path, arguments={**part.config, "width": 13})
    refused(tmp_path, "not a Mapping of this version", "size mismatch")
    change(tmp_path, arguments=part.config, kind="Generator")
    refused(tmp_path, "not a Generator of this version")


def test_weights_that_lack_a_tensor(part, tmp_path):
    save_part(part, tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["spread"]
    save_file(tensors, path)
    change(tmp_path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    refused(tmp_path, "not a Mapping of this version", "spread")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e5])
def test_weights_that_half_precision_cannot_hold_are_not_saved(value, part, tmp_path):
    save_part(part, tmp_path)
    before = load_part(tmp_path)
    with torch.no_grad():
        part.body[0].weight[0, 0] = value
    with pytest.raises(IstrcError, match="body.0.weight is not finite"):
        save_part(part, tmp_path)
    assert fingerprint(load_part(tmp_path)) == fingerprint(before)


def test_fingerprints_tell_weights_apart(part):
    before = fingerprint(part)
    assert before == fingerprint(part) and len(before) == 16
    with torch.no_grad():
        part.body[0].weight[0, 0] += 1e-6
    assert fingerprint(part) != before
