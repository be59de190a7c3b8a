"""Nothing damaged or hostile is loaded as weights, and no pickle is."""

import json
import pickle
import re
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
        LearnedAttribute.load(path, "light")
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
