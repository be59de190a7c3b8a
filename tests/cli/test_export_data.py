"""`istrc export data`: a prepared folder as parquet, and back."""

import json

import numpy as np

from istrc.data.prepared import Prepared


def test_a_prepared_folder_becomes_parquet_and_is_prepared_again(istrc, toy_folder, tmp_path):
    result = istrc("export", "data", toy_folder, "-o", tmp_path / "parquet", "--json")
    assert result.exit_code == 0, result.err
    [told] = json.loads(result.out)["results"]
    assert told["count"] == len(Prepared(toy_folder)) and len(told["output"]) == 2
    again = istrc("prepare", tmp_path / "parquet", tmp_path / "two", "--size", "16")
    assert again.exit_code == 0, again.err
    one, two = Prepared(toy_folder), Prepared(tmp_path / "two")
    order = [two.names.index(name) for name in one.names]
    assert np.array_equal(one.images, two.images[order])
    assert np.array_equal(one.attributes, two.attributes[order])
    refused = istrc("export", "data", tmp_path, "-o", tmp_path / "x")
    assert refused.exit_code == 1 and "no prepared.json here" in refused.err
