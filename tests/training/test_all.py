"""One command for all parts: the folder it writes is a circle, and nothing is trained twice."""

import json
from dataclasses import fields

import torch

from istrc.circle import Circle
from istrc.pretrained import FURTHER, PARTS
from istrc.training import all as training_all
from istrc.training.settings import AllSettings


def test_the_folder_is_a_circle(trained_all, toys):
    circle, out = trained_all
    assert {p.name for p in out.iterdir()} == {*PARTS, *FURTHER, "circle.json", "runs"}
    again = Circle.from_pretrained(out)
    assert again.size == 16 and again.dim == 128
    assert set(again.attribute_names) == set(toys.attribute_names)
    x = toys.batch(toys.rows("valid")[:4])
    z = circle.embed(x)
    assert torch.allclose(again.embed(x), z, atol=0.02)  # half precision on disk
    assert again.decode(z).shape == x.shape


def test_every_part_says_how_it_was_made(trained_all):
    _, out = trained_all
    for part in (*PARTS, *FURTHER):
        config = json.loads((out / part / "config.json").read_text())
        runs = config["training"]
        if part == "probes":  # and how far they let prototypes go
            stopping, *runs = runs
            assert stopping["part"] == "stopping" and stopping["edits"]
        for run in runs:
            assert run["part"].split(",")[0] == {"autoencoder": "began"}.get(part, part)
            assert part == "search" or run["steps"] == 1
        assert len(runs) == (2 if part in ("landmarks", "mapping") else 1)


def test_what_is_finished_is_not_trained_again(trained_all, shaped_folder):
    first, out = trained_all
    spent = {path: path.read_text() for path in out.glob("runs/*/cost.json")}
    steps = {one.name: 1 for one in fields(AllSettings) if one.name.endswith("_steps")}
    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/*.safetensors")}
    assert len(before) >= 5
    (out / "runs" / "stopping").rename(out / "runs" / "reach")  # as folders were named before
    again = training_all.train_all(shaped_folder, out, **steps)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    for part in (*PARTS, *FURTHER):
        weights = getattr(again, part).state_dict()
        for name, value in getattr(first, part).state_dict().items():
            assert torch.equal(value, weights[name]), f"{part}: {name}"
    assert {path: path.read_text() for path in spent} == spent


def test_every_run_keeps_what_it_has_spent(trained_all):
    _, out = trained_all
    runs = {path.parent.name: json.loads(path.read_text()) for path in out.glob("runs/*/cost.json")}
    assert set(runs) == {path.name for path in (out / "runs").iterdir()}
    for beside in (
        "landmarks",
        "textures",
        "spaces",
        "search",
        "stopping",
    ):  # steps of their own are further in
        assert runs.pop(beside)["beside_seconds"] > 0
    for spent in runs.values():
        assert spent["steps"] == 1 and spent["seconds"] > 0 and spent["beside_seconds"] >= 0
        assert spent["operations"] > 1e5 and spent["calls"] > 10
