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
from istrc.models.stored import checksum, read_weights
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
