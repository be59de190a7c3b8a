"""The mapping's ablation: equal budgets, by hand, and variants that were finished are read."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from istrc import sphere
from istrc.data.prepared import to_pixels, to_tensor
from istrc.errors import InputError
from istrc.evaluation import mapping, metrics
from istrc.evaluation.mapping import choose_variants, evaluate_mapping, mapping_markdown
from istrc.evaluation.mapping_spaces import chosen_rows, make_spaces
from istrc.evaluation.mapping_variants import (
    VARIANTS,
    Variant,
    explained_variance,
    train_variant,
)
from istrc.evaluation.results import plain
from istrc.models.began import Generator
from istrc.models.mapping import Mapping
from istrc.training import loop

SMALL = dict(steps=6, batch_size=16, width=12, faces=100, held=40)


@pytest.fixture(scope="module")
def still(circle):
    circle.device = torch.device("cpu")
    return circle


@pytest.fixture(scope="module")
def maker():
    torch.manual_seed(3)
    return Generator(16, 6, (4, 6)).eval()


def test_the_variants_are_those_of_the_paper():
    one = {variant.name: variant for variant in VARIANTS}
    assert len(one) == len(VARIANTS)
    paper = one["paper"]
    assert paper.build(8, 6, 10).config == Mapping(8, 6, 10).config
    depths = {
        v.layers for v in VARIANTS if (v.activation, v.norm, v.shape) == ("tanh", True, "connected")
    }
    assert depths == {1, 2, 3, 4, 5, 6, 7}
    grid = {(v.activation, v.norm) for v in VARIANTS if v.layers == 5 and v.target == "code"}
    assert grid == {(a, n) for a in ("tanh", "relu", "none") for n in (True, False)}
    assert {(v.shape, v.target) for v in VARIANTS} == {
        (s, t) for s in ("connected", "convolutional") for t in ("code", "input")
    }
    for variant in VARIANTS:
        assert variant.build(8, 6, 10)(torch.eye(8)).shape == (8, 6)
    assert [v.name for v in choose_variants(["relu", "paper"])] == ["relu", "paper"]
    with pytest.raises(InputError, match="no such variant"):
        choose_variants(["sigmoid"])


def test_training_is_that_of_the_mapping_by_hand():
    rng = torch.Generator().manual_seed(0)
    z = F.normalize(torch.randn(50, 4, generator=rng), dim=1)
    h = z @ torch.randn(4, 3, generator=rng) + 1
    options = dict(steps=1, batch_size=8, width=5, rate=1e-2, l2=0.3, seed=4)
    trained = train_variant(Variant("v", layers=2), (z, h), (z, h), **options)
    torch.manual_seed(4)
    start = Mapping(4, 3, 5, 2)
    rows = torch.from_numpy(loop.generator(4, 0).integers(0, 50, 8))
    wanted = (h - h.mean(0)) / h.std(0)
    F.mse_loss(start.standardised(z[rows]), wanted[rows]).backward()
    rate = loop.cosine(0, 1, peak=1e-2)
    if trained.step:
        for before, after in zip(start.parameters(), trained.net.parameters(), strict=True):
            g = before.grad + 0.3 * before.detach()  # Adam's first step: g / |g|
            hand = before.detach() - rate * g / (g.abs() + 1e-8)
            torch.testing.assert_close(after.detach(), hand, atol=1e-6, rtol=0)
    more = train_variant(
        Variant("v", layers=1), (z, h), (z, h), **{**options, "steps": 300, "l2": 0}
    )
    assert more.explained > 0.9  # the code is linear in z
    error = ((more.net(z) - h).square() / h.std(0) ** 2).mean().item()
    assert explained_variance(more.net, z, h) == pytest.approx(1 - error, abs=1e-5)


def test_spaces_are_made_once_and_kept(still, prepared, maker, tmp_path):
    file = tmp_path / "spaces.safetensors"
    options = dict(faces=100, held=20, seed=1, file=file)
    one = make_spaces(still, prepared, maker, **options)
    rows = chosen_rows(prepared, 100, 20, 1)
    assert {part: len(found) for part, found in rows.items()} == {
        "fit": 100,
        "tune": 12,
        "valid": 20,
    }
    z, h = one.pairs("tune", "code")
    x = prepared.batch(rows["tune"])
    torch.testing.assert_close(z, still.embed(x))
    torch.testing.assert_close(h, still.encode(x))
    z, u = one.pairs("fit", "input")
    assert u.shape == (100, 6) and u.abs().max() <= 1
    with torch.no_grad():
        torch.testing.assert_close(z, still.embed(maker(u).clamp(-1, 1)))

    again = make_spaces(still, prepared, maker, **options)
    assert all(torch.equal(again.tensors[name], value) for name, value in one.tensors.items())
    other = make_spaces(still, prepared, None, **options)  # other networks: made anew
    assert "fit_input" not in other.tensors
    file.write_bytes(b"damaged")
    assert make_spaces(still, prepared, maker, **options).key == one.key


def test_the_table_by_hand(still, prepared, maker, tmp_path, monkeypatch):
    only = ["paper", "layers-1", "convolutional", "input"]
    options = dict(
        circle=still, prepared=prepared, out=tmp_path, generator=maker, only=only, **SMALL
    )
    found = evaluate_mapping(**options, seeds=2)
    assert list(found["variants"]) == only and found["left_out"] == []
    one = found["variants"]["paper"]
    files = [json.loads((tmp_path / f"paper-seed{s}.json").read_text()) for s in (0, 1)]
    assert one["psnr"] == pytest.approx(np.mean([f["psnr"] for f in files]))
    assert one["psnr_std"] == pytest.approx(np.std([f["psnr"] for f in files], ddof=1))
    assert "psnr_generated" in found["variants"]["input"]
    assert "input" in (table := mapping_markdown(plain(found))) and "auto encoder" in table
    # References by hand
    x = prepared.batch(chosen_rows(prepared, 100, 40, 0)["valid"])
    y = to_tensor(to_pixels(still.decode_code(still.encode(x))))
    assert found["references"]["auto_encoder"]["psnr"] == pytest.approx(
        float(metrics.psnr(x, y).mean()), abs=1e-3
    )
    angle = float(sphere.angle(still.embed(y), still.embed(x)).mean())
    assert found["references"]["auto_encoder"]["angle"] == pytest.approx(angle, abs=1e-4)

    # Everything is finished: nothing is trained again, and the numbers are the same
    monkeypatch.setattr(mapping, "train_variant", None)
    again = evaluate_mapping(**options, seeds=2)
    assert plain(again) == plain(found)
    with pytest.raises(TypeError):  # another budget is another training
        evaluate_mapping(**{**options, "steps": 5})


def test_without_a_generator_its_space_is_left_out(still, prepared, tmp_path):
    options = dict(circle=still, prepared=prepared, out=tmp_path, **SMALL)
    found = evaluate_mapping(**options, only=["layers-2", "input"])
    assert list(found["variants"]) == ["layers-2"] and found["left_out"] == ["input"]
    with pytest.raises(InputError, match="--generator"):
        evaluate_mapping(**options, only=["input"])


def test_weights_count_in_the_loss_and_in_what_is_explained():
    rng = torch.Generator().manual_seed(0)
    z = F.normalize(torch.randn(60, 4, generator=rng), dim=1)
    h = torch.cat([z[:, :1], torch.randn(60, 3, generator=rng)], 1)  # the rest is noise
    weights = torch.tensor([4.0, 0, 0, 0])
    options = dict(steps=300, batch_size=16, width=5, rate=1e-2, l2=0.0, seed=0, weights=weights)
    one = train_variant(Variant("v", layers=1), (z, h), (z, h), **options)
    other = train_variant(Variant("v", layers=1, weighted=False), (z, h), (z, h), **options)
    assert one.explained > 0.9 < other.explained  # of the one coordinate that counts
    torch.manual_seed(0)
    start = Variant("v", layers=1).build(4, 4, 5)
    assert torch.equal(one.net.body[0].weight[1:], start.body[0].weight[1:])  # no pull on noise
    assert not torch.equal(other.net.body[0].weight[1:], start.body[0].weight[1:])
    wanted = (h - one.net.mean) / one.net.spread
    errors = (one.net.standardised(z) - wanted).detach().square().mean(0)
    found = explained_variance(one.net, z, h, weights)
    assert found == pytest.approx(1 - float((errors * weights).mean()), abs=1e-5)
