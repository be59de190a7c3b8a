"""`python -m studies.triplets`: every way of selecting is trained, and nearest ones are counted."""

import json

import numpy as np
import pytest
import torch
from studies.own_data import found_first
from studies.triplets import DEFAULT, WAYS, interval, main, triplets_markdown

from istrc.training.presets import PRESETS
from istrc.training.settings import FaceNetSettings


def test_the_nearest_other_one_is_found():
    rng = np.random.default_rng(0)
    space, classes = rng.normal(size=(12, 3)), np.arange(12) % 3
    wanted = []
    for a in range(12):
        apart = [np.linalg.norm(space[a] - space[b]) if a != b else np.inf for b in range(12)]
        wanted.append(classes[int(np.argmin(apart))] == classes[a])
    found = found_first(torch.from_numpy(space), classes)
    assert found.tolist() == wanted and 0 < sum(wanted) < 12


@pytest.mark.slow
def test_each_way_is_trained_and_what_stopped_goes_on(toy_folder, tmp_path, capsys, monkeypatch):
    pytest.importorskip("pytorch_metric_learning")
    pytest.importorskip("skimage")
    small = dict(people=16, pictures=4, widths=(4, 4), depths=(1, 1))
    monkeypatch.setitem(PRESETS["image64"].parts, "facenet", small)
    words = [toy_folder, "--runs", tmp_path / "runs", "--json", tmp_path / "t.json", "--split"]
    words = [str(word) for word in (*words, "valid", "--size", 16, "--steps", 2, "--seeds", 1)]
    main(words)
    first = json.loads((tmp_path / "t.json").read_text())["triplets"]
    assert first["pictures"] == 32 and first["classes"] == 4
    assert set(first["ways"]) == set(WAYS)
    assert all(len(one) == 1 and 0 <= one[0] <= 1 for one in first["ways"].values())
    assert all(0 <= one <= 1 for one in first["references"].values())
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("checkpoint.safetensors")}
    assert len(made) == len(WAYS)
    main(words)
    assert json.loads((tmp_path / "t.json").read_text())["triplets"] == first
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert f"**{DEFAULT}** (the default)" in capsys.readouterr().out


def test_the_default_is_the_settings_own():
    settings = FaceNetSettings()
    assert WAYS[DEFAULT] == {"triplets": settings.triplets}
    assert settings.contrast_weight and settings.triplet_weight


def test_the_interval_of_a_mean():
    """Student's t of two degrees of freedom is 4.3027 at 97.5 %."""
    low, high = interval([0.25, 0.5, 0.75])
    assert (low + high) / 2 == pytest.approx(0.5)
    assert (high - low) / 2 == pytest.approx(4.3027 * 0.25 / 3**0.5, rel=1e-4)


def test_the_best_comes_first():
    found = dict(
        pictures=9, classes=2, size=32, steps=5, seeds=3, batch=[16, 4],
        ways={"hard alone": [0.25, 0.5, 0.75], DEFAULT: [0.5, 0.75, 1.0]},
        references={"pixels": 0.625},
    )  # fmt: skip
    rows = [line for line in triplets_markdown(found).splitlines() if line.startswith("|")][2:]
    assert rows == [
        f"| **{DEFAULT}** (the default) | 0.750 | 0.129 to 1.371 | - |",
        "| *pixels* | 0.625 | - | - |",
        # Of each seed it is lower by as much, and so that is certain
        "| hard alone | 0.500 | -0.121 to 1.121 | -0.250 to -0.250 |",
    ]


def test_one_seed_has_no_interval():
    ways = {"hard alone": [0.25], DEFAULT: [0.5]}
    found = dict(
        pictures=9, classes=2, size=32, steps=5, seeds=1, batch=[16, 4], ways=ways, references={}
    )
    assert "| hard alone | 0.250 | - | - |" in triplets_markdown(found)
