"""ONNX files: what is fed to them by hand, and every bad one is one line that says what to do."""

import sys

import numpy as np
import pytest
import torch

from istrc.errors import InputError, IstrcError
from istrc.recognisers.onnx import Onnx

CROP = dict(template="crop")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.onnx"


def faces(count=5, side=16):
    return torch.from_numpy(
        np.random.default_rng(3).uniform(-1, 1, (count, 3, side, side)).astype(np.float32)
    )


def fed(x, layout="NCHW", colour="RGB", mean=127.5, scale=127.5):
    """What the network must be fed, face by face, pixel values 0..255."""
    out = []
    for face in x.numpy().astype(np.float64):
        v = ((face + 1) * 127.5 - mean) / scale
        v = v[::-1] if colour == "BGR" else v
        out.append((v.transpose(1, 2, 0) if layout == "NHWC" else v).ravel())
    return np.stack(out)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("colour", ["RGB", "BGR"])
@pytest.mark.parametrize(("mean", "scale"), [(127.5, 127.5), (0, 255), (127.5, 128)])
def test_the_input_is_as_it_was_described(write_onnx, path, layout, colour, mean, scale):
    shape = ("batch", 3, 16, 16) if layout == "NCHW" else ("batch", 16, 16, 3)
    write_onnx(path, shape)
    net = Onnx(path, colour=colour, mean=mean, scale=scale, **CROP)
    assert (net.layout, net.size, net.dim, net.notes) == (layout, 16, 8, [])
    weight = np.random.default_rng(0).normal(size=(768, 8)).astype(np.float32)
    wanted = fed(faces(), layout, colour, mean, scale) @ weight
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    z = net.embed(faces())
    assert z.dtype == torch.float32 and z.numpy() == pytest.approx(wanted, abs=1e-4)
    assert net.record["input"]["layout"] == layout and net.record["input"]["colour"] == colour


def test_a_batch_of_fixed_length_is_filled_up(write_onnx, path, tmp_path):
    write_onnx(path, (2, 3, 16, 16))
    free = Onnx(write_onnx(tmp_path / "free.onnx"), **CROP)
    assert Onnx(path, **CROP).embed(faces()).numpy() == pytest.approx(free.embed(faces()).numpy())
    assert free.embed(faces(0)).shape == (0, 8)


def test_faces_of_any_size_and_a_size_left_open(write_onnx, path):
    write_onnx(path, ("batch", 3, "height", "width"), means=True)
    with pytest.raises(InputError, match="--input-size"):
        Onnx(path)
    net = Onnx(path, size=24)
    assert net.size == 24 and net.embed(faces(2, 64)).shape == (2, 8)


def test_what_is_not_of_unit_norm_is_normalised_and_said(write_onnx, path):
    write_onnx(path, unit=False)
    net = Onnx(path, **CROP)
    assert "not of unit norm" in net.notes[0] and str(path) in net.notes[0]
    assert net.embed(faces()).norm(dim=1).numpy() == pytest.approx(np.ones(5), abs=1e-6)


def test_one_embedding_for_everything_is_said(write_onnx, path):
    write_onnx(path, weight=np.full((768, 8), 1e-9), offset=1.0)
    assert "one embedding" in Onnx(path, **CROP).notes[0]


def refused(call, said, error=InputError):
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and said in message
    return message


BAD = {
    "nan": (dict(weight=np.full((768, 8), np.nan)), {}, "not finite"),
    "infinite": (dict(weight=np.full((768, 8), 3e38), unit=False), {}, "not finite"),
    "zero": (dict(weight=np.zeros((768, 8)), unit=False), {}, "zero vector"),
    "two outputs": (dict(outputs=("z", "again")), {}, "2 outputs (z, again)"),
    "two inputs": (dict(inputs=("x", "mask")), {}, "2 inputs (x, mask)"),
    "no such output": (dict(outputs=("z", "again")), dict(output="y"), "no output 'y'"),
    "two channels": (dict(shape=("batch", 2, 16, 16)), {}, "does not say where the colours are"),
    "grey in colours": (dict(shape=("batch", 1, 16, 16)), dict(colour="BGR"), "leave colour out"),
    "other layout": (dict(), dict(layout="NHWC"), "16 channels as NHWC"),
    "means": (dict(), dict(mean="1,2"), "or 3 as a,b,c"),
    "one scale of 0": (dict(), dict(scale="1,0,1"), "scale must be above 0"),
    "words for sides": (dict(), dict(size="wide"), "HxW as 112x96"),
    "sides the other way": (dict(shape=("batch", 3, 16, 12)), dict(size="12x16"), "16x12 px"),
    "another size": (dict(), dict(size=112), "16x16 px, not --input-size 112"),
    "flat input": (dict(shape=("batch", 768)), {}, "faces are (batch, 3, size, size)"),
    "map output": (dict(flat=False), {}, "embeddings are (faces, D)"),
    "one number": (dict(dim=1), {}, "1 number"),
    "layout word": (dict(), dict(layout="CHWN"), "use NCHW or NHWC"),
    "colour word": (dict(), dict(colour="YUV"), "use RGB or BGR"),
    "scale": (dict(), dict(scale=0.0), "scale must be above 0"),
    "template": (dict(), dict(template="middle"), "use arcface"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_network_is_one_line(write_onnx, path, name):
    made, options, said = BAD[name]
    write_onnx(path, **made)
    refused(lambda: Onnx(path, **options), said)


def test_numbers_that_are_not_floating_point(write_onnx, path):
    import onnx

    write_onnx(path)
    net = onnx.load(str(path))
    net.graph.node.insert(0, onnx.helper.make_node("Cast", ["bytes"], ["x"], to=1))
    net.graph.input[0].name = "bytes"
    net.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    onnx.save(net, str(path))
    refused(lambda: Onnx(path), "not float or float16")


def test_nan_for_one_face_only(write_onnx, path):
    """A network that is sound on noise, and too large a number for a white face."""
    write_onnx(path, weight=np.full((768, 8), 2e36), unit=False)
    net = Onnx(path, **CROP)
    refused(lambda: net.embed(torch.ones(1, 3, 16, 16)), "not finite")


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x08\x07" * 40])
def test_a_file_that_is_not_onnx(path, content):
    path.write_bytes(content)
    pytest.importorskip("onnxruntime")
    assert str(path) in refused(lambda: Onnx(path), "not an ONNX file")


def test_a_missing_file_and_a_missing_package(write_onnx, path, tmp_path, monkeypatch):
    assert "nowhere.onnx" in refused(lambda: Onnx(tmp_path / "nowhere.onnx"), "no such file")
    write_onnx(path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    refused(lambda: Onnx(path), "pip install 'istrc[onnx]'", IstrcError)


# --- as published recognisers are laid out ---------------------------------------------------


def linear(inputs, dim=8):
    """What the toy network makes of flattened inputs (B, N)."""
    weight = np.random.default_rng(0).normal(size=(inputs.shape[1], dim)).astype(np.float32)
    z = inputs @ weight
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def test_one_of_several_outputs_by_its_name(write_onnx, path):
    write_onnx(path, outputs=("z", "norm"))
    refused(lambda: Onnx(path), "name it with --output")
    net = Onnx(path, output="z", **CROP)
    assert net.embed(faces()).numpy() == pytest.approx(linear(fed(faces())), abs=1e-4)
    assert net.record["options"]["output"] == net.record["input"]["output"] == "z"


@pytest.mark.parametrize("colour", ["RGB", "BGR"])
def test_a_mean_and_a_scale_a_channel(write_onnx, path, colour):
    write_onnx(path)
    net = Onnx(path, colour=colour, mean="91.4953,103.8827,131.0912", scale="1,2,0.5", **CROP)
    v = (faces().numpy().astype(np.float64) + 1) * 127.5
    v = v[:, ::-1] if colour == "BGR" else v
    v = (v - np.reshape([91.4953, 103.8827, 131.0912], (3, 1, 1))) / np.reshape(
        [1, 2, 0.5], (3, 1, 1)
    )
    assert net.embed(faces()).numpy() == pytest.approx(linear(v.reshape(5, -1)), abs=1e-4)
    assert net.record["input"]["mean"] == [91.4953, 103.8827, 131.0912]
    again = Onnx(path, **net.record["options"])
    assert again.record == net.record


@pytest.mark.parametrize("shape", [("batch", 3, 112, 96), ("batch", 3, "h", "w")])
def test_sides_of_two_lengths_are_the_middle_of_the_square(write_onnx, path, tmp_path, shape):
    """112x96, as SphereFace has it: the face lies as in 112x112, 8 px less on either side."""
    whole = Onnx(write_onnx(tmp_path / "whole.onnx", ("batch", 3, 112, 112), means=True))
    write_onnx(path, shape, means=True)
    net = Onnx(path, size="112x96")
    assert net.sides == (112, 96) and net.size == 112
    assert net.placement[:, 2] == pytest.approx(whole.placement[:, 2] - [8, 0])
    from istrc.recognisers.placement import place

    x = faces(2, 128)
    cut = place(x, whole.placement, 112)[..., 8:104]
    assert place(x, net.placement, net.sides).numpy() == pytest.approx(cut.numpy(), abs=1e-4)
    assert net.embed(x).shape == (2, 8)
    assert Onnx(path, **net.record["options"]).record == net.record


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_grey_input_is_told_by_its_shape(write_onnx, path, layout):
    write_onnx(path, ("batch", 1, 16, 16) if layout == "NCHW" else ("batch", 16, 16, 1))
    net = Onnx(path, mean=0, scale=255, **CROP)
    assert net.layout == layout and net.colour == net.record["input"]["colour"] == "GREY"
    v = (faces().numpy().astype(np.float64) + 1) / 2
    grey = 0.299 * v[:, 0] + 0.587 * v[:, 1] + 0.114 * v[:, 2]
    assert net.embed(faces()).numpy() == pytest.approx(linear(grey.reshape(5, -1)), abs=1e-4)


# --- weights beside the file -----------------------------------------------------------------


def beside(write_onnx, folder, seed, name="net.onnx.data"):
    import onnx

    folder.mkdir()
    weight = np.random.default_rng(seed).normal(size=(768, 8))
    net = onnx.load(str(write_onnx(folder / "net.onnx", weight=weight)))
    onnx.save_model(
        net, str(folder / "net.onnx"), save_as_external_data=True, location=name, size_threshold=0
    )
    return folder / "net.onnx"


def test_the_checksum_covers_the_weights_beside_the_file(write_onnx, tmp_path):
    a, b = (beside(write_onnx, tmp_path / name, seed) for seed, name in ((1, "a"), (2, "b")))
    assert a.read_bytes() == b.read_bytes()
    nets = [Onnx(path, **CROP) for path in (a, b)]
    assert nets[0].record["sha256"] != nets[1].record["sha256"]
    assert not np.allclose(nets[0].embed(faces()), nets[1].embed(faces()), atol=0.1)
    assert Onnx(a, **CROP).record == nets[0].record


def test_a_missing_file_of_weights_is_named(write_onnx, tmp_path):
    path = beside(write_onnx, tmp_path / "a", 1, "weights.bin")
    (path.parent / "weights.bin").unlink()
    assert "weights.bin" in refused(lambda: Onnx(path), "which is not there")


def test_weights_go_along_with_a_copy(write_onnx, tmp_path):
    from istrc.recognisers.load import copy_file, from_record

    net = Onnx(beside(write_onnx, tmp_path / "a", 1), **CROP)
    copy_file(net, tmp_path / "copy")
    again = from_record(net.record, "it", [tmp_path / "copy"])
    assert again.path.parent == tmp_path / "copy" and again.record == net.record
