"""What is written once for tensors and arrays gives the same numbers of both."""

import numpy as np
import pytest
import torch

from istrc import arrays, sphere
from istrc.edit import stopping
from istrc.edit.shaping import wanted_measures

rng = np.random.default_rng(0)
A, B, V = (rng.normal(size=(5, 8)).astype(np.float32) for _ in range(3))
A, B = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (A, B))
T = rng.uniform(size=5).astype(np.float32)
SEEN = rng.normal(size=(6, 4, 3)).astype(np.float32).cumsum(0)
TYPICAL = np.float32([[1, -1], [2, 0.5], [0.3, -3]])
RANGES = np.sort(rng.normal(size=(3, 2, 3)), 2)[..., [1, 0, 2]].astype(np.float32)
STRENGTHS = np.float32([1, -0.5, 2])


@pytest.mark.parametrize(
    "function, given",
    [
        (sphere.normalize, [V]),
        (sphere.angle, [A, B]),
        (sphere.tangent, [A, V]),
        (sphere.slerp, [A, B, T]),
        (sphere.lerp, [A, B, T]),
        (sphere.log, [A, B]),
        (sphere.exp, [A, V]),
        (sphere.transport, [A, B, V]),
        (sphere.step, [A, V, T]),
        (sphere.mean, [A]),
        (stopping.departure, [SEEN]),
        (stopping.wanted_logits, [V[:, :3], TYPICAL, STRENGTHS]),
        (wanted_measures, [V[:, :3], RANGES, STRENGTHS]),
        (arrays.sigmoid, [50 * V]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_arrays_and_tensors_agree(function, given):
    by_numpy = function(*given)
    by_torch = function(*map(torch.from_numpy, given))
    assert isinstance(by_numpy, np.ndarray) and by_numpy.dtype == np.float32
    np.testing.assert_allclose(by_numpy, by_torch.numpy(), atol=2e-6)


def test_arrival_agrees():
    wanted = SEEN[0] + 1
    share, arrived = stopping.arrival(SEEN, wanted)
    by_torch = stopping.arrival(torch.from_numpy(SEEN), torch.from_numpy(wanted))
    np.testing.assert_allclose(share, by_torch[0].numpy(), atol=1e-6)
    assert arrived.tolist() == by_torch[1].tolist()
