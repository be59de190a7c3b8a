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
    names = {"embed", "encode", "decode", "map", "change", "walk", "see"}
    assert {path.name for path in folder.iterdir()} == {f"{name}.onnx" for name in names}
    (one,) = told["results"]
    assert one["bytes"] == sum(path.stat().st_size for path in folder.iterdir())


def test_a_program_without_istrc_edits_with_the_graphs_alone(exported):
    """Embed, one step up the gradient of `smile`, the change of the code, both faces decoded."""
    folder, _ = exported
    graphs = {
        path.stem: onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for path in folder.iterdir()
    }

    def run(name, **given):
        return graphs[name].run(None, given)

    ours = Circle.from_pretrained(runtime="torch")
    column = ours.attribute_names.index("smile")
    x = np.random.default_rng(0).uniform(-1, 1, (3, 3, 64, 64)).astype(np.float32)
    (z,), (h,) = run("embed", faces=x), run("encode", faces=x)
    _, g = run("walk", embeddings=z, columns=np.array([column]))
    end = z + 0.5 * g[:, 0] / np.linalg.norm(g[:, 0], axis=1, keepdims=True)
    end = (end / np.linalg.norm(end, axis=1, keepdims=True)).astype(np.float32)
    (change,) = run("change", codes=h, embeddings=z, ends=end)
    after, before = (run("decode", codes=codes)[0].clip(-1, 1) for codes in (h + change, h))

    with torch.inference_mode():
        code = ours.encode(torch.from_numpy(x))
        moved = code + ours.map_change(code, torch.from_numpy(z), torch.from_numpy(end))
        wanted = ours.decode_code(moved) - ours.decode_code(code)
        mapped = ours.map(torch.from_numpy(z))
        smiles = ours.scores(torch.from_numpy(end)) - ours.scores(torch.from_numpy(z))
    np.testing.assert_allclose(after - before, wanted.numpy(), atol=1e-3)
    scale = float(mapped.abs().max())
    np.testing.assert_allclose(run("map", embeddings=z)[0], mapped.numpy(), atol=1e-3 * scale)
    assert (smiles[:, column] > 0).all() and np.abs(wanted.numpy()).max() > 0.01


def test_a_file_where_the_folder_should_be_is_named(tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    result = CliRunner().invoke(app, ["export", "circle", "-o", str(tmp_path / "taken")])
    assert result.exit_code != 0 and "taken" in result.output and "folder" in result.output
