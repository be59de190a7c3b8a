"""Nothing damaged or hostile is loaded as weights, and no pickle is."""

import json
import os
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import istrc as package
from istrc.errors import InputError
from istrc.models.learned import LearnedAttribute
from istrc.models.part_files import checksum, read_weights
from istrc.shipped import WEIGHTS

SOURCES = Path(package.__file__).parent


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_by_file_and_tensor(tmp_path, wrong):
    path = tmp_path / "model.safetensors"
    save_file({"good": np.ones(2, np.float16), "bad": np.array([1, wrong], np.float16)}, path)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: bad has weights that are NaN"):
        read_weights(tmp_path)


def test_hostile_weights_are_one_line_and_run_nothing(tmp_path):
    ran = tmp_path / "ran"

    class Hostile:
        def __reduce__(self):
            return (Path.touch, (ran,))

    tensor = {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
    lie = json.dumps(tensor).encode()
    files = [
        pickle.dumps(Hostile()),
        b"",
        (2**63).to_bytes(8, "little") + b"{}",  # a header of 8 EiB
        len(lie).to_bytes(8, "little") + lie,  # a tensor of 4 TiB
    ]
    for data in files:
        (tmp_path / "model.safetensors").write_bytes(data)
        with pytest.raises(InputError, match="model.safetensors: damaged weights") as error:
            read_weights(tmp_path)
        assert "\n" not in str(error.value)
    assert not ran.exists()


@pytest.mark.parametrize(
    "scale", [np.ones((1, 3)), np.ones(2), np.ones((2, 1), np.int8), np.ones((2, 1, 2**10))]
)
def test_a_scale_of_another_shape_is_refused(tmp_path, scale):
    scale = scale.astype(np.float32) if scale.dtype == np.float64 else scale
    weights = {"a": np.ones((2, 3), np.int8), "a/scale": scale}
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(InputError) as error:
        read_weights(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/model.safetensors: a of shape (2, 3) has a scale of shape {scale.shape}, and "
        "no single-precision number a row; install the package again or train this part"
    )


def test_what_nests_without_end_is_no_learned_attribute(tmp_path):
    path = tmp_path / "deep.safetensors"
    weights = {"weight": np.ones(2, np.float32), "bias": np.ones(1, np.float32)}
    save_file(weights, path, {"istrc": "[" * 100_000})
    with pytest.raises(InputError) as error:
        LearnedAttribute.load(path, "onnx")
    assert str(error.value) == (
        f"{path}: not a learned attribute of this version (ValueError: nested too deeply); learn "
        "it again"
    )


def test_no_source_unpickles():
    forbidden = re.compile(
        r"import pickle|pickle\.loads?|torch\.load\((?!.*weights_only=True)|allow_pickle=True"
    )
    found = {str(p): m[0] for p in SOURCES.rglob("*.py") if (m := forbidden.search(p.read_text()))}
    assert found == {}


def test_shipped_weights_are_those_of_their_recorded_checksums():
    parts = list(WEIGHTS.rglob("config.json"))
    assert len(parts) >= 8
    for config in parts:
        recorded = json.loads(config.read_text())["sha256"]
        assert checksum(config.with_name("model.safetensors")) == recorded, config.parent


def test_arguments_that_no_network_has_are_refused_before_one_is_built(tmp_path):
    """Building a network of a billion layers would never end."""
    from istrc.models.part_files import checked_config

    save_file({"a": np.ones(2, np.float32)}, tmp_path / "model.safetensors")
    arguments = {
        "layers is 1000000000": {"layers": 10**9},
        "depths is 10000000": {"depths": [1, 10**7]},
        "width is 1000000000000000000": {"width": 10**18},
        "width is nan": {"fine": {"width": float("nan")}},
        "widths has 1001 entries": {"widths": [1] * 1001},
        "its arguments have no names": [1, 2],
    }
    for says, one in arguments.items():
        told = {"kind": "Mapping", "arguments": one, "sha256": "0"}
        (tmp_path / "config.json").write_text(json.dumps(told))
        with pytest.raises(InputError, match=f"config.json: damaged .*: {says}"):
            checked_config(tmp_path)


@pytest.mark.parametrize(
    ("part", "arguments"),
    [("autoencoder", {"regions": [[1]]}), ("facenet", {"widths": []}), ("mapping", {"width": "x"})],
)
def test_arguments_that_a_constructor_stumbles_over(tmp_path, part, arguments):
    from istrc.models.serialization import load_part

    shutil.copytree(WEIGHTS / "celeba128" / part, tmp_path / part)
    told = json.loads((tmp_path / part / "config.json").read_text())
    told["arguments"] |= arguments
    (tmp_path / part / "config.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match="of this version .*; update istrc or train this part"):
        load_part(tmp_path / part)


def test_a_buffer_of_another_kind_of_number_is_refused(tmp_path):
    from safetensors.numpy import load_file

    from istrc.models.serialization import load_part

    folder = tmp_path / "changes"
    shutil.copytree(WEIGHTS / "celeba128" / "changes", folder)
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors | {"mean": np.zeros(1033, np.int64)}, folder / "model.safetensors")
    told = json.loads((folder / "config.json").read_text())
    told["sha256"] = checksum(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match="mean is torch.int64, not torch.float32"):
        load_part(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_pipe_in_the_place_of_a_part_s_file(tmp_path, name):
    from istrc.models.part_files import checked_config

    shutil.copytree(WEIGHTS / "celeba128" / "mapping", tmp_path / "mapping")
    (tmp_path / "mapping" / name).unlink()
    os.mkfifo(tmp_path / "mapping" / name)
    with pytest.raises(InputError, match=f"{name}: missing weights .not a regular file"):
        checked_config(tmp_path / "mapping")


@pytest.mark.parametrize(
    ("graphs", "says"),
    [
        (5, "graphs.json: damaged .no graphs with the weights that they take"),
        ({"../../map": []}, "graphs.json: damaged .no graphs with the weights"),
        ({"map": 5}, "graphs.json: damaged .no graphs with the weights"),
        ({"map": [[1]]}, "graphs.json: damaged .the weights of map have no names"),
        ({}, "graphs.json: has no graph map; write them where torch is installed"),
        ({"map": []}, "map.onnx: does not run here"),
    ],
)
def test_graphs_that_are_none(tmp_path, graphs, says):
    from istrc.onnx_runtime.parts import load_part

    folder = tmp_path / "mapping"
    shutil.copytree(WEIGHTS / "celeba128" / "mapping", folder)
    told = json.loads((folder / "graphs.json").read_text()) | {"graphs": graphs}
    (folder / "graphs.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=says):
        load_part(folder)(np.zeros((1, 128), np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e7])
def test_what_damaged_weights_make_is_refused(value):
    from istrc.arrays import sound

    sound(np.ones((2, 3)), "mapping")
    with pytest.raises(InputError, match="^this circle's mapping makes NaN or numbers without"):
        sound(np.array([1.0, value]), "mapping")
