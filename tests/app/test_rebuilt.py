"""The faces that the README rebuilds: one row a person, and honest decibels."""

import sys

import pytest
import torch
from PIL import Image

from istrc.app import rebuilt
from istrc.circle import Circle
from istrc.models.began import AutoEncoder
from istrc.models.store import save_part

pytest.importorskip("skimage")


def test_every_way_stands_beside_the_face():
    circle = Circle.from_pretrained()
    torch.manual_seed(0)
    baseline = AutoEncoder(64, 8, (4, 4, 4, 4)).eval()
    first = rebuilt.rows(circle, baseline)[0]
    assert first.label == "Eileen\nCollins" and len(first.faces) == 4
    face, ours, other, _ = (torch.from_numpy(f).float() / 127.5 - 1 for f in first.faces)
    for picture, caption in ((ours, first.captions[1]), (other, first.captions[2])):
        psnr = 10 * torch.log10(4 / (picture - face).square().mean())
        assert caption.endswith(" dB") and float(caption.split()[-2]) == pytest.approx(
            psnr.item(), abs=0.2
        )
    assert len(rebuilt.rows(circle, None)[0].faces) == 3


def test_the_command_writes_a_picture_and_refuses_other_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["rebuilt", "--out", str(tmp_path / "new" / "a.png")])
    rebuilt.main()
    assert Image.open(tmp_path / "new" / "a.png").width > 500
    save_part(Circle.from_pretrained().mapping, tmp_path / "part")
    arguments = ["rebuilt", "--baseline", str(tmp_path / "part"), "--out", str(tmp_path / "b.png")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit, match="holds no auto-encoder"):
        rebuilt.main()
    assert not (tmp_path / "b.png").exists()
