"""What a run writes of itself is whole or not there."""

import json

from istrc.whole import write_json


def test_the_json_of_a_run_is_never_half_written(tmp_path):
    write_json(tmp_path / "a.json", {"x": [1, 2]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [1, 2]}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
