import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from istrc import sphere
from istrc.evaluation.peers.linear import boundary, code_vector, conditioned, normal


def test_the_normal_parts_faces_that_can_be_parted(examples, monkeypatch):
    rng = torch.Generator().manual_seed(0)
    truth = sphere.normalize(torch.randn(8, generator=rng))
    labels = examples.prepared.column("smile")[examples.rows]
    side = torch.from_numpy(np.where(labels == 1, 1.0, -1.0)).float()
    noise = torch.randn(len(side), 8, generator=rng)
    z = noise - (noise @ truth)[:, None] * truth + 2 * side[:, None] * truth
    monkeypatch.setitem(vars(examples), "z", sphere.normalize(z))
    assert normal(examples, "smile") @ truth > 0.95
    assert normal(examples, "smile").norm().item() == pytest.approx(1)


@given(st.integers(0, 2**31), st.integers(0, 4))
@settings(max_examples=25, deadline=None)
def test_what_is_conditioned_is_at_right_angles_to_every_other(seed, count):
    rng = torch.Generator().manual_seed(seed)
    n, *others = sphere.normalize(torch.randn(count + 1, 8, generator=rng))
    found = conditioned(n, others)
    assert found.norm().item() == pytest.approx(1, abs=1e-5)
    for other in others:
        assert abs(found @ other) < 1e-4
    # Gram-Schmidt, one after the other
    slow, basis = n.clone(), []
    for other in others:
        for b in basis:
            other = other - (other @ b) * b
        basis.append(other / other.norm())
        slow = slow - (slow @ basis[-1]) * basis[-1]
    torch.testing.assert_close(found, slow / slow.norm(), atol=1e-4, rtol=1e-3)


def test_the_move_is_along_the_normal_rebuilt_by_the_papers_mapping(untrained, examples, x, mask):
    edit = boundary(untrained, examples, ["smile", "male"], conditions=("male", "wings"))
    n = conditioned(normal(examples, "smile"), [normal(examples, "male")])
    z = untrained.embed(x)
    z2 = (z - 0.4 * n) / (z - 0.4 * n).norm(dim=1, keepdim=True)
    h, decode = untrained.encode(x), untrained.decode_code
    with torch.inference_mode():
        change = decode(h + untrained.mapping(z2) - untrained.mapping(z)) - decode(h)
    slow = (x + mask * change).clamp(-1, 1)
    torch.testing.assert_close(edit(x, {"smile": -0.4}), slow, atol=1e-5, rtol=1e-4)
    # the target itself is not conditioned on
    z2 = sphere.normalize(z + 0.4 * normal(examples, "male"))
    h2 = h + untrained.map(z2) - untrained.map(z)
    with torch.inference_mode():
        slow = (x + mask * (decode(h2) - decode(h))).clamp(-1, 1)
    torch.testing.assert_close(edit(x, {"male": 0.4}), slow, atol=1e-5, rtol=1e-4)


def test_the_vector_the_slow_way(untrained, prepared, examples, x, mask):
    labels = prepared.column("smile")[examples.rows]
    sums, counts = torch.zeros(2, 24), [0, 0]
    for row, label in zip(examples.rows, labels, strict=True):
        sums[label] += untrained.encode(prepared.batch([row]))[0]
        counts[label] += 1
    v = sums[1] / counts[1] - sums[0] / counts[0]
    edit = code_vector(untrained, examples, ["smile", "male"])
    h, decode = untrained.encode(x), untrained.decode_code
    with torch.inference_mode():
        slow = x + mask * (decode(h - 0.7 * v) - decode(h))
    torch.testing.assert_close(edit(x, {"smile": -0.7}), slow.clamp(-1, 1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(edit(x, {"smile": 0.0}), x)
