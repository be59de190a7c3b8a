"""Our FaceNet behind the protocol, and as an ONNX file."""

import numpy as np
import pytest
import torch

from istrc.errors import InputError
from istrc.models.facenet import FaceNet
from istrc.models.mapping import Mapping
from istrc.models.serialization import save_part
from istrc.recognisers.own import Own, load_own
from istrc.recognisers.recogniser import Recogniser, difference, key


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return FaceNet(16, 8, (4, 6), (1, 1)).eval()


@torch.no_grad()
def test_it_is_the_network(net):
    x = torch.rand(3, 3, 16, 16) * 2 - 1
    own = Own(net)
    assert isinstance(own, Recogniser) and (own.size, own.dim) == (16, 8)
    assert torch.allclose(own.embed(x), net(x), atol=1e-6)
    # Faces of another size are resized
    assert own.embed(torch.rand(2, 3, 64, 64)).norm(dim=1).numpy() == pytest.approx(np.ones(2))


def test_weights_tell_recognisers_apart(net, tmp_path):
    torch.manual_seed(1)
    other = FaceNet(16, 8, (4, 6), (1, 1))
    assert key(Own(net).record) == key(Own(net).record) != key(Own(other).record)
    assert difference(Own(net).record, Own(other).record) == "weights"
    assert difference(Own(net).record, Own(net).record) == ""
    save_part(net, tmp_path / "facenet")
    # The folder of a circle, and the network's own
    assert difference(load_own(tmp_path).record, load_own(tmp_path / "facenet").record) == ""
    save_part(Mapping(8, 4, 4, 2), tmp_path / "facenet")
    with pytest.raises(InputError, match="holds a Mapping, not a FaceNet"):
        load_own(tmp_path)


@torch.no_grad()
def test_exported_to_onnx_it_gives_the_same_embeddings(net, tmp_path):
    pytest.importorskip("onnxruntime")
    from istrc.onnx_runtime.export import export_recogniser
    from istrc.recognisers.onnx import Onnx

    path = tmp_path / "made" / "facenet.onnx"
    export_recogniser(net, path)
    assert [p.name for p in path.parent.iterdir()] == ["facenet.onnx"]
    back = Onnx(path, template="crop")
    assert (back.size, back.dim, back.layout, back.notes) == (16, 8, "NCHW", [])
    for count in (1, 5):
        x = torch.rand(count, 3, 16, 16) * 2 - 1
        assert (back.embed(x) - net(x)).abs().max() < 1e-4
