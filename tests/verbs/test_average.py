import pytest
import torch

from istrc import sphere
from istrc.errors import InputError, IstrcError
from istrc.verbs.average import average

CLOSE = dict(atol=2e-5, rtol=0)


def test_of_two_it_is_the_middle_of_the_arc(blank, crowd):
    """Paper section 4.2: slerp(q1, q2; 0.5)."""
    z = crowd.z[:2]
    for mean in ("frechet", "euclidean"):
        made = average(blank, z, mode="circle", mean=mean)
        torch.testing.assert_close(made.z[0], sphere.slerp(z[0], z[1], 0.5), **CLOSE)
    torch.testing.assert_close(made.face, blank.decode(made.z), **CLOSE)


@pytest.mark.parametrize("count", [4, 5])
def test_anchored_by_hand(blank, crowd, count):
    x, z = crowd.x[:count], crowd.z[:count]
    made = average(blank, z, x)
    h = blank.map(made.z) + sum(
        blank.encode(x[i : i + 1]) - blank.map(z[i : i + 1]) for i in range(count)
    ) / count  # fmt: skip
    torch.testing.assert_close(made.face, blank.decode_code(h), **CLOSE)
    angles = [float(sphere.angle(made.z[0], one)) for one in z]
    assert made.angles.tolist() == pytest.approx(angles, abs=1e-5)
    assert made.spread == pytest.approx(sum(angles) / count, abs=1e-5)


def around(z, angle, count, seed=0):
    """Points (count, D) at this angle from z (D,)."""
    drawn = torch.randn(count, len(z), generator=torch.Generator().manual_seed(seed))
    return sphere.step(z.expand(count, -1), drawn, angle)


def test_of_hundreds_and_in_any_order(blank):
    z = around(sphere.normalize(torch.ones(8)), 0.8, 300)
    made = average(blank, z, mode="circle")
    again = average(blank, z.flip(0), mode="circle")
    assert float(sphere.angle(made.z, again.z)) < 1e-5
    # No point near it has a smaller sum of squared angles
    least = sphere.angle(made.z, z).square().sum()
    for near in around(made.z[0], 0.01, 20, seed=1):
        assert sphere.angle(near, z).square().sum() > least


def test_what_has_no_average(blank, crowd):
    z = crowd.z
    with pytest.raises(InputError, match="one face: give at least two"):
        average(blank, z[:1], crowd.x[:1])
    with pytest.raises(InputError, match="no face"):
        average(blank, z[:0])
    for mean in ("frechet", "euclidean"):
        with pytest.raises(IstrcError):
            average(blank, torch.stack([z[0], -z[0]]), mode="circle", mean=mean)
    with pytest.raises(InputError, match="frechet, euclidean"):
        average(blank, z, mean="median")
    with pytest.raises(InputError, match="needs pictures"):
        average(blank, z)
