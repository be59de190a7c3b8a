"""The finer level: it begins as the picture scaled up; faces are halved as prepared ones are."""

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from istrc.data.prepared import to_pixels, to_tensor
from istrc.models.began import AutoEncoder
from istrc.models.finer import Finer, halved
from istrc.models.store import load_part, save_part


def test_it_begins_as_the_picture_scaled_up():
    torch.manual_seed(0)
    autoencoder, finer = AutoEncoder(16, 6, (4, 5)).eval(), Finer(32, 4, (3, 2)).eval()
    x, maps = autoencoder.draw(torch.randn(3, 6))
    assert maps.shape == (3, 4, 8, 8)
    wanted = F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)
    assert torch.equal(finer(x, maps), wanted)
    torch.nn.init.normal_(finer.head[0].weight)
    assert not torch.equal(finer(x, maps), wanted)


def test_what_is_drawn_is_decoded():
    torch.manual_seed(0)
    for linear in (0, 3):
        autoencoder = AutoEncoder(16, 6, (4, 5), linear=linear, linear_side=8).eval()
        if linear:
            torch.nn.init.normal_(autoencoder.components.basis)
        h = torch.randn(2, 6)
        x, maps = autoencoder.draw(h)
        assert torch.equal(x, autoencoder.decode(h))
        plain = autoencoder.decoder.head(maps)
        assert torch.equal(plain, autoencoder.decoder(h)) and (linear == 0) == x.equal(plain)


def test_halved_is_a_smooth_picture_of_half_the_size():
    y, x = np.mgrid[:32, :32] / 31
    pixels = np.stack([255 * x, 255 * y, 128 + 60 * np.sin(3 * x + 2 * y)], 2).astype(np.uint8)
    found = to_pixels(halved(to_tensor(pixels[None])))[0]
    wanted = np.asarray(Image.fromarray(pixels).resize((16, 16), Image.Resampling.LANCZOS))
    assert np.abs(found.astype(int) - wanted).max() <= 3
    # Never beyond what a picture can hold, though bicubic overshoots
    steps = torch.ones(1, 3, 16, 16)
    steps[..., 7:] = -1
    assert halved(steps).abs().max() <= 1


def test_saved_and_loaded(tmp_path):
    finer = Finer(32, 4, (3, 2))
    torch.nn.init.normal_(finer.head[0].weight)
    save_part(finer, tmp_path / "finer")
    again = load_part(tmp_path / "finer")
    assert again.config == finer.config
    x, maps = torch.rand(1, 3, 16, 16), torch.rand(1, 4, 8, 8)
    torch.testing.assert_close(again(x, maps), finer(x, maps), rtol=1e-2, atol=1e-2)
