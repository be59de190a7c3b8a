"""The network in torch against dlib itself."""

import numpy as np
import pytest
import torch

from istrc.errors import InputError
from istrc.models.dlib_resnet import DESCRIPTOR, DlibResNet, _integer, model_file


def test_the_same_descriptors_as_dlib():
    dlib = pytest.importorskip("dlib")
    path = model_file(DESCRIPTOR)
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (4, 10, 10, 3), dtype=np.uint8)
    chips = coarse.repeat(15, 1).repeat(15, 2)
    theirs = dlib.face_recognition_model_v1(str(path)).compute_face_descriptor(list(chips))
    ours = DlibResNet.load(path)(torch.from_numpy(chips)).numpy()
    assert ours == pytest.approx(np.array(theirs), abs=1e-5)


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "x.dat"
    path.write_bytes(model_file(DESCRIPTOR).read_bytes()[:100_000])
    with pytest.raises(InputError, match="not dlib's face recognition network"):
        DlibResNet.load(path)


def test_integers_as_dlib_writes_them():
    assert _integer(2) == b"\x01\x02" and _integer(1) == b"\x01\x01"
    assert _integer(4736) == b"\x02\x80\x12"


def test_shapes_of_any_batch():
    net = DlibResNet().eval()
    with torch.no_grad():
        assert net(torch.zeros(3, 150, 150, 3, dtype=torch.uint8)).shape == (3, 128)
