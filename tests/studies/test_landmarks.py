"""How well landmarks are found: the measure, its table and its file."""

import json

import numpy as np
import pytest
from studies.landmarks import errors, main, summarise


def test_errors_are_in_distances_of_the_eyes():
    rng = np.random.default_rng(0)
    points, off = rng.normal(size=(3, 68, 2)), rng.normal(size=(3, 68, 2))
    found = errors(points + off, points)
    for n in range(3):
        eyes = [points[n, a : a + 6].mean(0) for a in (36, 42)]
        unit = np.hypot(*(eyes[1] - eyes[0]))
        assert found[n] == pytest.approx([np.hypot(*one) / unit for one in off[n]])
    told = summarise(found)
    assert told["mean"] == pytest.approx(found.mean()) and told["faces"] == 3
    assert told["median"] == pytest.approx(sorted(found.mean(1))[1])


def test_a_trained_network_is_measured(shaped_folder, trained_all, tmp_path, capsys):
    data, (_, circle) = shaped_folder, trained_all
    files = [tmp_path / "l.json", tmp_path / "l.md"]
    main(
        [str(data), "--model", str(circle), "--limit", "6", "--json", str(files[0])]
        + ["--markdown", str(files[1])]
    )
    record = json.loads(files[0].read_text())
    assert record["command"].startswith("python -m studies.landmarks ")
    found = record["landmarks"]
    assert found["error"]["faces"] == found["faces"] == 6 and found["error"]["mean"] > 0
    assert "| mouth |" in files[1].read_text() and "As an aligner" in capsys.readouterr().out
