"""Every graph gives what its network gives, from the weights that are stored once."""

import json
import shutil

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from istrc.circle import Circle
from istrc.errors import InputError
from istrc.models import serialization
from istrc.models.kinds import KINDS
from istrc.models.part_files import GRAPHS
from istrc.onnx_runtime import parts
from istrc.shipped import DEFAULT, WEIGHTS, names

SHIPPED = WEIGHTS / DEFAULT


@pytest.fixture(scope="module", params=["toy", *names()])
def circles(request):
    folder = request.param
    if folder == "toy":
        folder = request.getfixturevalue("onnx_model")
    return tuple(Circle.from_pretrained(folder, runtime=name) for name in ("torch", "onnx"))


def near(onnx, network, bound=1e-3):
    assert isinstance(onnx, np.ndarray) and onnx.dtype == np.float32
    assert_close(torch.from_numpy(onnx.copy()), network, atol=bound, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("count", [1, 3])
def test_every_graph_is_its_network(circles, count):
    ours, onnx = circles
    rng = np.random.default_rng(count)
    x = rng.uniform(-1, 1, (count, 3, ours.size, ours.size)).astype(np.float32)
    seen = torch.from_numpy(x)
    z, h = ours.embed(seen), ours.encode(seen)
    near(onnx.embed(x), z)
    near(onnx.encode(x), h, 1e-3 * float(h.abs().max()))
    scale = float(h.abs().max().clip(min=1))
    z, h = z.numpy(), h.numpy()
    z2 = np.roll(z, 1, 1)
    there = [torch.from_numpy(part) for part in (h, z, z2)]
    near(onnx.map(z), ours.map(there[1]), 1e-3 * scale)
    near(onnx.map_change(h, z, z2), ours.map_change(*there), 1e-3 * scale)
    near(onnx.decode_code(h), ours.decode_code(there[0]))
    near(onnx.decode(z), ours.decode(there[1]))
    columns = np.array([3, 0, 4])
    logits, gradients = onnx.attributes.at(columns)(z)
    by_torch = ours.attributes.at(torch.from_numpy(columns))(there[1])
    near(np.ascontiguousarray(logits), by_torch[0], 2e-3)
    near(np.ascontiguousarray(gradients), by_torch[1], 1e-3 * float(by_torch[1].abs().max()))
    near(onnx.scores(z), ours.scores(there[1]))
    c, c2 = there[0], there[0] + ours.map_change(*there)
    for code in (c, c2):
        near(onnx.read_code(code.numpy()), ours.read_code(code), 2e-3)
        near(onnx.search(code.numpy()), ours.search(code))
    found = ours.find(seen)
    near(onnx.find(x), found)
    near(onnx.straighten(x, onnx.find(x)[..., :2]), ours.straighten(seen, found[..., :2]))
    near(onnx.draw_texture(h), ours.draw_texture(c))


@pytest.mark.parametrize("rough", [True, False])
def test_points_are_found_as_the_network_finds_them(circles, rough):
    ours, onnx = (circle.aligner for circle in circles)
    assert (ours.size, ours.rough_size) == (onnx.size, onnx.rough_size)
    np.testing.assert_allclose(onnx.mean, ours.mean, atol=1e-6)
    assert np.array_equal(onnx.triangles, ours.triangles)
    side = ours.rough_size if rough else ours.size
    faces = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    found = [net.find_in(faces, rough) for net in (onnx, ours)]
    np.testing.assert_allclose(*found, atol=1e-3)


def test_what_probes_know_is_read(circles):
    ours, onnx = (circle.probes for circle in circles)
    assert onnx.names == ours.names and onnx.measures == ours.measures
    for name in ("typical", "ranges", "directions", "mean", "spread"):
        np.testing.assert_allclose(getattr(onnx, name), getattr(ours, name), atol=1e-6)


def test_the_weights_are_on_disk_once(onnx_model):
    for path in onnx_model.glob("*/*.onnx"):
        assert path.stat().st_size < 60_000
    shipped = sum(path.stat().st_size for path in SHIPPED.glob("*/*.onnx"))
    assert shipped < 500_000


def test_fingerprints_tell_weights_apart_and_not_folders(onnx_model, tmp_path):
    shutil.copytree(onnx_model / "mapping", tmp_path / "mapping")
    again = parts.load_part(tmp_path / "mapping").fingerprint
    prints = [parts.load_part(onnx_model / name).fingerprint for name in ("mapping", "changes")]
    assert prints[0] == again != prints[1] and {len(one) for one in prints} == {16}


def test_a_part_without_graphs_says_how_to_get_them(onnx_model, tmp_path):
    shutil.copytree(onnx_model / "mapping", tmp_path / "mapping")
    (tmp_path / "mapping" / GRAPHS).unlink()
    with pytest.raises(InputError, match="istrc export circle"):
        parts.load_part(tmp_path / "mapping")


def test_graphs_of_another_network_are_refused(onnx_model, tmp_path):
    shutil.copytree(onnx_model / "mapping", tmp_path / "mapping")
    path = tmp_path / "mapping" / GRAPHS
    record = json.loads(path.read_text())
    record["arguments"]["width"] += 1
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="of another network"):
        parts.load_part(tmp_path / "mapping")


def test_damaged_weights_are_found(onnx_model, tmp_path):
    shutil.copytree(onnx_model / "mapping", tmp_path / "mapping")
    path = tmp_path / "mapping" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    for load in (parts.load_part, serialization.load_part):
        with pytest.raises(InputError, match="checksum"):
            load(tmp_path / "mapping")


def test_the_onnx_runtime_has_no_other_device(onnx_model):
    with pytest.raises(InputError, match="CPU alone"):
        Circle.from_pretrained(onnx_model, device="cuda", runtime="onnx")


def test_every_array_of_the_shipped_parts_is_of_the_shape_that_is_asked():
    """And of the network of its name in torch, whose buffers they are."""
    from istrc.models import serialization
    from istrc.onnx_runtime.parts import load_part
    from istrc.shipped import DEFAULT, WEIGHTS

    asked = 0
    for path in (WEIGHTS / DEFAULT).glob("*/graphs.json"):
        part, net = load_part(path.parent), serialization.load_part(path.parent)
        for name in KINDS[type(net).__name__].arrays:
            assert getattr(part, name).shape == tuple(getattr(net, name).shape), (path, name)
            asked += 1
    assert asked >= 10


def test_an_array_of_another_shape_is_refused(tmp_path):
    import shutil

    from istrc.errors import InputError
    from istrc.onnx_runtime.parts import load_part
    from istrc.shipped import DEFAULT, WEIGHTS

    shutil.copytree(WEIGHTS / DEFAULT / "probes", tmp_path / "probes")
    part = load_part(tmp_path / "probes")
    part.graphs.weights["reach"] = part.reach[:1]
    with pytest.raises(InputError, match=r"its reach is not of shape \(\d+, 2\); install the pack"):
        part.reach  # noqa: B018
