"""`bench` on a toy, from end to end; what processes of their own would do is done in this one."""

import json
import math

import pytest
import torch

from istrc.circle import Circle
from istrc.evaluation.results import plain as as_json
from istrc.evaluation.speed import bench as benches
from istrc.evaluation.speed import learning, machine, photograph, table, walks
from istrc.evaluation.speed.faces import Drawn, embedded
from istrc.evaluation.speed.machine import Clock

pytest.importorskip("sklearn")
pytest.importorskip("tensorboard")
KEYS = (
    "walk_10x500_s", "walk_10x500_speedup_vs_plain", "rebuild_faces_per_s",
    "embed_faces_per_s", "attributes_train_s", "mapping_train_s", "cold_start_s", "photo_12mp_s",
    "edit_speedup_vs_dfi_on_our_maps", "peak_memory_mb", "machine",
)  # fmt: skip


@pytest.fixture(scope="module")
def circle(blank_model):
    return Circle.from_pretrained(blank_model)


@pytest.fixture(scope="module")
def found(blank_model, circle):
    lines, counts = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photograph, "run", lambda words, _: json.dumps(photograph.main(*words[1:])))
        patch.setattr(photograph, "time_cold_start", lambda *words: 1.5)
        patch.setattr(photograph, "MEGAPIXELS", 0.3)
        found = benches.bench(
            circle,
            model=str(blank_model),
            quick=True,
            steps=6,
            faces=300,
            progress=lambda done, total: counts.append((done, total)),
            say=lines.append,
        )
    assert counts[-1] == (benches.PARTS, benches.PARTS) and any("peers" in line for line in lines)
    return found


def test_the_keys_that_scripts_rely_on(found, circle):
    for key in KEYS:
        assert found[key] is not None, key
    numbers = [found[key] for key in KEYS if key not in ("machine",)]
    assert all(number > 0 for number in numbers)
    assert found["cold_start_s"] == 1.5
    assert found["machine"]["threads"] == torch.get_num_threads()
    assert found["stages"]["bfloat16"]["decode"]["difference"]["largest"] < 0.1
    assert circle.precision == torch.float32  # as it was


def test_ratios_are_of_the_same_run(found):
    walked = found["walks"]
    assert walked["s"] == pytest.approx(walked["walks_s"] + walked["pictures_s"])
    assert walked["float32_s"] == pytest.approx(walked["walks_s"] + walked["pictures_float32_s"])
    assert walked["precision"] == found["rebuild_precision"]
    whole = walked["plain"]["with_all_pictures_s"] / walked["s"]
    assert found["walk_10x500_speedup_vs_plain"] == pytest.approx(whole)
    seconds = found["edits"]["s"]
    on_ours = seconds["dfi"] / seconds["ours"]
    assert found["edit_speedup_vs_dfi_on_our_maps"] == pytest.approx(on_ours)
    best = found["stages"][found["rebuild_precision"]]
    assert found["rebuild_faces_per_s"] == best["rebuild"]["faces_per_s"]["64"]
    assert found["installed_size_mb"] == pytest.approx(sum(found["installed_mb"].values()))


def test_the_page_has_every_part(found):
    page = table.page(as_json(found))
    for title in ("## Ratios", "## Beside the peers", "## Stages"):
        assert title in page
    assert f"## On {found['machine']['cpu']}" in page and "--quick" in page
    assert "nan" not in page and "None" not in page
    assert table.headline(found).startswith("10 x 500 steps in ")
    without = {**found, "mapping_train_s": None}
    without["training"] = {**found["training"], "mapping": {"s": None, "reason": "none"}}
    without["edits"] = {"attribute": "smile", "faces": 1, "s": {"ours": 1.0, "boundary": 2.0}}
    assert "not measured" in table.page(as_json(without))


def test_long_walks_take_every_step_and_pictures_are_spread(circle):
    z = embedded(circle, 1)
    names = walks.names_for(circle)
    assert len(names) == 10 and "smile" in names and "makeup" not in names
    points = walks.long_walks(circle, z, names, 8)
    assert points.shape == (9, 10, 1, 8)
    lengths = (points[1:] - points[:-1]).norm(dim=-1)
    step = circle.bound / 8
    assert (lengths - 2 * math.sin(step / 2)).abs().max() < 1e-4
    drawn = walks.pictures(circle, points, 4)
    assert drawn.shape == (40, 3, 32, 32)
    assert torch.allclose(drawn[-10:], circle.decode(points[-1, :, 0]), atol=1e-5)
    assert len(walks.pictures(circle, points, None)) == 80


def test_drawn_faces_stand_in_for_examples(circle):
    examples = Drawn(circle, 12)
    having, lacking = examples.sides("smile")
    assert sorted([*having, *lacking]) == list(range(12)) and len(having) == 6
    assert examples.z.shape == (12, 8) and examples.h.shape == (12, circle.code)
    assert examples.prepared.batch(examples.rows[:2]).shape == (2, 3, 32, 32)


def test_training_is_projected_from_two_lengths(tmp_path):
    ran = []
    clock = Clock(torch.device("cpu"))
    found = learning.projected(lambda steps, out: ran.append(steps), 1000, 10, clock)
    assert ran == [2, 10] and found["steps"] == 1000 and found["s"] >= 1000 * found["step_s"]


def test_without_its_extra_training_is_left_out_with_a_reason(circle, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    found = learning.time_training(circle, Clock(torch.device("cpu")))
    assert found["mapping"]["s"] is None and "istrc[train]" in found["attributes"]["reason"]


def test_an_installation_is_weighed_with_what_it_requires():
    found = machine.installed()
    assert found["onnxruntime"] > 20 and {"istrc", "numpy", "typer"} <= found.keys()
    assert not {"torch", "scikit-learn"} & found.keys()  # of extras
    assert machine.installed("no-such-distribution") == {}
    assert machine.processor()
