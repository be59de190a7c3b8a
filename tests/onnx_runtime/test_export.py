"""Graphs for other programs: whole files that ONNX Runtime alone runs, and what is refused."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from istrc.circle import Circle
from istrc.cli import app

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The shipped circle's whole graphs as `istrc export circle --inside` writes them."""
    folder = tmp_path_factory.mktemp("whole")
    result = CliRunner().invoke(app, ["export", "circle", "--inside", "-o", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def test_every_graph_and_nothing_else_is_written(exported):
    folder, told = exported
    names = {"embed", "encode", "decode", "map", "change", "walk", "read", "find", "guess"}
    names |= {"correct"}
    assert {path.name for path in folder.iterdir()} == {f"{name}.onnx" for name in names}
    (one,) = told["results"]
    assert one["bytes"] == sum(path.stat().st_size for path in folder.iterdir())


def test_a_program_without_istrc_edits_with_the_graphs_alone(exported):
    """Embed, find, encode, one step up the gradient of `smile`, the code's change, two textures."""
    folder, _ = exported
    graphs = {
        path.stem: onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for path in folder.iterdir()
    }

    def run(name, **given):
        return graphs[name].run(None, given)

    def faces(part):
        return rng.uniform(-1, 1, (3, 3, part.size, part.size)).astype(np.float32)

    ours, rng = Circle.from_pretrained(runtime="torch"), np.random.default_rng(0)
    column = ours.attributes.names.index("smile")
    (z,) = run("embed", faces=faces(ours.facenet))
    (points,) = run("find", faces=(seen := faces(ours.landmarks)))
    (h,) = run("encode", faces=(texture := faces(ours.autoencoder)))
    c = np.concatenate([h, points[..., :2].reshape(3, -1)], 1)
    _, g = run("walk", embeddings=z, columns=np.array([column]))
    end = z + 0.5 * g[:, 0] / np.linalg.norm(g[:, 0], axis=1, keepdims=True)
    end = (end / np.linalg.norm(end, axis=1, keepdims=True)).astype(np.float32)
    (change,) = run("change", codes=c, embeddings=z, ends=end)
    after, before = (run("decode", codes=codes[:, : ours.texture])[0] for codes in (c + change, c))

    with torch.inference_mode():
        code, start, there = map(torch.from_numpy, (c, z, end))
        moved = code + ours.map_change(code, start, there)
        wanted = ours.draw_texture(moved) - ours.draw_texture(code)
        mapped, said = ours.map(start), ours.read_code(code)
        smiles = ours.logits(there, ["smile"]) - ours.logits(start, ["smile"])
        assert np.allclose(points, ours.landmarks(torch.from_numpy(seen)), atol=1e-3)
        wanted_h = ours.autoencoder.encode(torch.from_numpy(texture)).numpy()
    np.testing.assert_allclose(h, wanted_h, atol=1e-3 * np.abs(wanted_h).max())
    np.testing.assert_allclose(after - before, wanted.numpy(), atol=2e-3)
    for name, found in (("map", mapped), ("read", said)):
        inputs = {"embeddings": z} if name == "map" else {"codes": c}
        scale = float(found.abs().max())
        np.testing.assert_allclose(run(name, **inputs)[0], found.numpy(), atol=1e-3 * scale)
    assert (smiles > 0).all() and np.abs(wanted.numpy()).max() > 0.01


def test_a_file_where_the_folder_should_be_is_named(tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    result = CliRunner().invoke(app, ["export", "circle", "-o", str(tmp_path / "taken")])
    assert result.exit_code != 0 and "taken" in result.output and "folder" in result.output
