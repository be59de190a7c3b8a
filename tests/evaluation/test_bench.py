"""`istrc bench`: the keys that scripts rely on, and how its numbers hang together."""

import math

import pytest
import torch
from tools.pages import bench_markdown

from istrc.circle import Circle
from istrc.evaluation import bench as benches
from istrc.evaluation import machine
from istrc.evaluation.results import plain as as_json

KEYS = (
    "walk_10x500_s", "walk_10x500_speedup_vs_plain", "rebuild_faces_per_s",
    "embed_faces_per_s", "cold_start_s", "photo_12mp_s", "peak_memory_mb", "weights_size_mb",
    "machine",
)  # fmt: skip


@pytest.fixture(scope="module")
def circle(blank_model):
    return Circle.from_pretrained(blank_model)


@pytest.fixture(scope="module")
def found(blank_model, circle):
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benches, "MEGAPIXELS", 0.3)
        found = benches.bench(circle, model=str(blank_model), quick=True, steps=6, say=lines.append)
    assert len(lines) == 3
    return found


def test_the_keys_that_scripts_rely_on(found, circle):
    for key in KEYS:
        assert found[key] is not None, key
    numbers = [found[key] for key in KEYS if key not in ("machine",)]
    assert all(number > 0 for number in numbers)
    assert found["cold_start_s"] > found["photo_12mp_s"] / 10  # both of real processes
    assert found["machine"]["threads"] == torch.get_num_threads()
    assert found["stages"]["bfloat16"]["decode"]["difference"] < 0.1
    assert circle.precision == torch.float32  # as it was


def test_ratios_are_of_the_same_run(found):
    walked = found["walks"]
    assert walked["s"] == pytest.approx(walked["walks_s"] + walked["pictures_s"])
    assert found["walk_10x500_speedup_vs_plain"] == walked["speedup_vs_plain"]
    best = found["stages"][found["rebuild_precision"]]
    assert found["rebuild_faces_per_s"] == best["rebuild"]["faces_per_s"]["64"]
    assert found["installed_size_mb"] == pytest.approx(sum(machine.installed().values()))


def test_the_page_has_every_part(found):
    page = bench_markdown(as_json(found))
    assert "## Ratios" in page and "## Stages" in page
    assert f"## On {found['machine']['cpu']}" in page and "--quick" in page
    assert "nan" not in page and "None" not in page
    assert "nan" not in bench_markdown(as_json({**found, "peak_memory_mb": None}))


def test_long_walks_take_every_step_and_pictures_are_spread(circle):
    z = circle.embed(benches.faces_for(circle, None, 1))
    names = benches.names_for(circle)
    assert len(names) == 10 and "smile" in names and "makeup" not in names
    points = benches.long_walks(circle, z, names, 8)
    assert points.shape == (9, 10, 1, 8)
    lengths = (points[1:] - points[:-1]).norm(dim=-1)
    step = circle.bound / 8
    assert (lengths - 2 * math.sin(step / 2)).abs().max() < 1e-4
    drawn = benches.pictures(circle, points, 4)
    assert drawn.shape == (40, 3, 32, 32)
    assert torch.allclose(drawn[-10:], circle.decode(points[-1, :, 0]), atol=1e-5)


def test_an_edit_that_fails_says_so(blank_model, tmp_path):
    with pytest.raises(benches.IstrcError, match="nothing.jpg"):
        benches.time_edit(str(blank_model), tmp_path / "nothing.jpg", False, "smile")


def test_an_installation_is_weighed_with_what_it_requires():
    found = machine.installed()
    assert found["onnxruntime"] > 20 and {"istrc", "numpy", "typer"} <= found.keys()
    assert not {"torch", "scikit-learn"} & found.keys()  # of extras
    assert machine.installed("no-such-distribution") == {}
    assert machine.processor()
