"""The trade-off of decoders: what each row says, recomputed, and who is refused."""

import numpy as np
import pytest
import torch
from torch import nn

from istrc.circle import Circle
from istrc.data.prepared import to_pixels, to_tensor
from istrc.errors import InputError
from istrc.evaluation import metrics
from istrc.evaluation.decoders import LINEAR, decoders_markdown, evaluate_decoders, of_width
from istrc.models.began import AutoEncoder
from istrc.models.mapping import Mapping

pytest.importorskip("tensorboard")


@pytest.fixture(scope="module")
def with_components(toy_circle, toys):
    """The toy circle with an auto-encoder whose code begins with principal components."""
    torch.manual_seed(0)
    net = AutoEncoder(16, 12, (8, 8), linear=6, linear_side=8).eval().requires_grad_(False)
    net.components.fit(toys.batch(toys.rows("fit")))
    parts = (toy_circle.facenet, net, Mapping(16, 12, 8, 2), toy_circle.attributes)
    return Circle(*parts)


@pytest.fixture(scope="module")
def found(with_components, toys, judge):
    return evaluate_decoders(
        circle=with_components, prepared=toys, judge=judge, widths=[1.0, 0.5], steps=3, limit=20
    )


def test_a_row_for_each_decoder_from_the_lightest(found):
    names = [one["name"] for one in found["decoders"]]
    assert names == [LINEAR, "0.5 of the channels", "1 of the channels", "shipped"]
    work = [one["million_multiply_adds"] for one in found["decoders"]]
    assert work[0] < work[1] < work[2] == work[3]
    assert found["decoders"][1]["weights"] < found["decoders"][2]["weights"]
    assert all(one["faces_per_s"]["float32"] > 0 for one in found["decoders"])
    done = [one["million_multiply_adds_done"] for one in found["decoders"]]
    assert done[0] == work[0] and done[1] < done[2] == done[3]
    assert found["faces"] == 20


def test_the_shipped_decoder_is_measured_as_by_hand(found, with_components, toys, judge):
    rows = np.sort(np.random.default_rng(0).permutation(toys.rows("valid"))[:20])
    x = toys.batch(rows)
    with torch.inference_mode():
        net = with_components.autoencoder
        y = to_tensor(to_pixels(net.decode(net.encode(x))))
    p, q = judge.probabilities(x), judge.probabilities(y)
    one = found["decoders"][-1]
    assert one["psnr"] == pytest.approx(metrics.psnr(x, y).mean().item(), abs=0.02)
    assert one["judge_difference"] == pytest.approx(np.abs(p - q).mean(), abs=2e-3)
    assert one["judge_flips"] == pytest.approx(((p > 0.5) != (q > 0.5)).mean(), abs=0.03)
    slow = metrics.frechet_distance(judge.features(x), judge.features(y))
    assert one["frechet"] == pytest.approx(slow, rel=0.05)


def test_the_components_alone_are_measured_as_by_hand(found, with_components, toys):
    rows = np.sort(np.random.default_rng(0).permutation(toys.rows("valid"))[:20])
    x, components = toys.batch(rows), with_components.autoencoder.components
    y = to_tensor(to_pixels(components.compose(components(x), 16)))
    psnr = metrics.psnr(x, y).mean().item()
    assert found["decoders"][0]["psnr"] == pytest.approx(psnr, abs=0.02)


def test_another_width_is_another_decoder_on_the_same_code(with_components, toys):
    net = with_components.autoencoder
    half, same = of_width(net, 0.5), of_width(net, 1.0)
    assert [level.second.out_channels for level in half.decoder.levels] == [4, 4]
    shapes = [[tuple(w.shape) for w in one.decoder.parameters()] for one in (net, same)]
    assert shapes[0] == shapes[1]
    x = toys.batch(toys.rows("tune")[:3])
    assert (
        torch.equal(half.encode(x), net.encode(x)) and half.decode(half.encode(x)).shape == x.shape
    )


def test_who_has_no_such_decoder_is_refused(with_components, toys, judge, monkeypatch):
    for part, value in (("facenet", None), ("finer", nn.Identity())):
        with monkeypatch.context() as patch:
            patch.setattr(with_components, part, value)
            with pytest.raises(InputError, match="celeba64"):
                evaluate_decoders(circle=with_components, prepared=toys, judge=judge)


def test_the_table_has_speeds_beside_the_shipped_ones(found):
    text = decoders_markdown(found)
    assert "1.00x | 1.00x" in text.splitlines()[-3] and "shipped" in text.splitlines()[-3]
    assert "20 faces of valid" in text and "3 steps" in text
    assert text.splitlines()[2].startswith(f"| {LINEAR} |")
