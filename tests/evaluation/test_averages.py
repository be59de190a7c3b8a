"""Averages of groups against slow loops, and where a generator may be kept."""

import itertools
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from istrc import sphere
from istrc.data.prepared import to_pixels, to_tensor
from istrc.errors import InputError
from istrc.evaluation.averages import (
    _frechet,
    apart,
    averages_markdown,
    evaluate_averages,
    load_generator,
    shell,
)
from istrc.evaluation.results import plain
from istrc.models.began import AutoEncoder, Generator
from istrc.models.store import save_part


class Forward:
    """The toy circle, turned so that its faces lie on one side of the sphere, as real ones do."""

    def __init__(self, circle):
        self.size, self.dim, self.own = circle.size, circle.dim + 1, circle
        self.weights = circle.weight

    def embed(self, x):
        z = self.own.embed(x)
        return torch.cat([0.8 * z, torch.full((len(z), 1), 0.6)], 1)

    def decode(self, z):
        return self.own.decode(z[:, :-1])


@pytest.fixture(scope="module")
def forward(circle):
    return Forward(circle)


@pytest.fixture(scope="module")
def maker():
    torch.manual_seed(3)
    return Generator(16, 6, (4, 6)).eval()


def test_apart_is_the_mean_over_pairs():
    points = torch.tensor([[0.0], [1.0], [5.0]])
    assert apart(points, lambda a, b: (a - b).abs()) == pytest.approx((1 + 5 + 4) / 3)
    assert np.isnan(apart(points[:1], lambda a, b: a))


def test_the_shell_is_where_a_uniform_u_lives():
    u = torch.rand(4000, 50, generator=torch.Generator().manual_seed(0)) * 2 - 1
    length = u.square().sum(1).mean().sqrt()
    assert shell(u, 50).norm(dim=1).mean() == pytest.approx(float(length), rel=0.01)


def test_averages_by_hand(forward, prepared, maker):
    found = evaluate_averages(
        circle=forward, prepared=prepared, generator=maker, sizes=(4, 8), groups=3, seed=2
    )
    assert {way: list(by) for way, by in found["ways"].items()} == dict.fromkeys(
        ("sphere", "plain", "generator", "generator_shell", "sphere_of_generated"), ["1", "4", "8"]
    )
    rows = np.random.default_rng(2).permutation(prepared.rows("valid"))
    rows = np.random.default_rng([2, 1]).permutation(np.sort(rows))
    u = torch.rand(24, 6, generator=torch.Generator().manual_seed(2)) * 2 - 1
    pictures = {"sphere": [], "generator": []}
    for group in range(3):
        mine = slice(8 * group, 8 * group + 8)
        z = forward.embed(prepared.batch(rows[mine])).double()
        pictures["sphere"].append(forward.decode(sphere.mean(z)[None].float()))
        with torch.no_grad():
            pictures["generator"].append(maker(u[mine].mean(0, keepdim=True)))
    for way, made in pictures.items():
        seen = [to_tensor(to_pixels(x.clamp(-1, 1))) for x in made]
        z = [forward.embed(x).double() for x in seen]
        pairs = list(itertools.combinations(range(3), 2))
        one = found["ways"][way]["8"]
        angle = np.mean([float(sphere.angle(z[i], z[j])) for i, j in pairs])
        pixels = np.mean([float((seen[i] - seen[j]).abs().mean()) * 127.5 for i, j in pairs])
        assert one["angle"] == pytest.approx(angle, rel=1e-3)
        assert one["pixels"] == pytest.approx(pixels, rel=1e-3, abs=1e-4)
        assert one["left"]["angle"] == pytest.approx(
            one["angle"] / found["ways"][way]["1"]["angle"]
        )
    ratio = found["ways"]["sphere"]["8"]["angle"] / found["ways"]["generator"]["8"]["angle"]
    assert found["ratio"]["generator"]["angle"] == pytest.approx(ratio) and found["largest"] == 8
    assert "Sphere over generator at n = 8" in averages_markdown(plain(found))


def test_a_group_without_a_mean_is_left_out():
    axes = torch.eye(4, dtype=torch.float64)
    spread, near = torch.stack([axes[0], -axes[0]]), torch.stack([axes[0], axes[1]])
    means = _frechet(torch.stack([spread, near]))
    torch.testing.assert_close(means, torch.tensor([[0.5**0.5, 0.5**0.5, 0, 0]]))
    with pytest.raises(InputError, match="2 faces has a single mean"):
        _frechet(spread[None])


def test_without_a_generator_there_is_no_ratio(forward, prepared):
    class Pixels:
        name = "pixels"

        def describe(self, x):
            return forward.embed(x).numpy()

    found = evaluate_averages(
        circle=forward, prepared=prepared, sizes=(2, 1000), groups=2, second=Pixels()
    )
    assert found["ratio"] is None and set(found["ways"]) == {"sphere", "plain"}
    assert found["largest"] == 2  # a thousand faces are more than there are
    one = found["ways"]["sphere"]["2"]
    assert one["second"] == pytest.approx(2 * np.sin(one["angle"] / 2), rel=0.05)
    assert "dlib apart" in averages_markdown(plain(found))
    with pytest.raises(InputError, match="at least 4"):
        evaluate_averages(circle=forward, prepared=prepared, limit=3)


def test_a_generator_is_found_in_its_folder_a_run_and_a_checkpoint(maker, tmp_path):
    save_part(AutoEncoder(16, 10, (4, 6)), tmp_path)
    with pytest.raises(InputError, match="no generator here"):
        load_generator(tmp_path)
    tensors = {f"module/generator/{k}": v for k, v in maker.state_dict().items()}
    note = {"istrc": json.dumps({"config": {"generator": maker.config}})}
    save_file(tensors, tmp_path / "checkpoint.safetensors", metadata=note)
    u = torch.linspace(-1, 1, 12).view(2, 6)
    with torch.no_grad():
        assert torch.equal(load_generator(tmp_path)(u), maker(u))  # of a run that goes on
    save_part(maker, tmp_path / "generator")
    for folder in (tmp_path, tmp_path / "generator"):
        with torch.no_grad():
            torch.testing.assert_close(load_generator(folder)(u), maker(u), atol=1e-2, rtol=0)
    note = {"istrc": json.dumps({"config": {}})}
    save_file(tensors, tmp_path / "generator" / "checkpoint.safetensors", metadata=note)
    (tmp_path / "generator" / "config.json").unlink()
    with pytest.raises(InputError, match="no generator of this version"):
        load_generator(tmp_path / "generator")
