import pytest
import torch

from istrc import sphere
from istrc.errors import IstrcError
from istrc.verbs.arithmetic import arithmetic

CLOSE = dict(atol=2e-5, rtol=0)


def test_the_sum_is_put_back_on_the_sphere(blank, crowd):
    z = crowd.z[:3]
    made = arithmetic(blank, [1, -1, 1], z)
    total = z[0] - z[1] + z[2]
    torch.testing.assert_close(made.z[0], total / total.norm(), **CLOSE)
    assert made.length == pytest.approx(float(total.norm()), rel=1e-5)
    torch.testing.assert_close(made.face, blank.decode(made.z), **CLOSE)
    torch.testing.assert_close(made.angles, sphere.angle(made.z, z), **CLOSE)


def test_half_of_two_is_slerp_s_middle(blank, crowd):
    made = arithmetic(blank, [0.5, 0.5], crowd.z[:2])
    torch.testing.assert_close(made.z[0], sphere.slerp(crowd.z[0], crowd.z[1], 0.5), **CLOSE)


def test_onto_a_face_by_hand(blank, crowd):
    z, x = crowd.z[4:], crowd.x[4:]
    made = arithmetic(blank, [1, -1, 1], crowd.z[:3], onto=(z, x))
    h = blank.encode(x) + blank.map(made.z) - blank.map(z)
    torch.testing.assert_close(made.face, blank.decode_code(h), **CLOSE)


def test_nothing_left_is_an_error(blank, crowd):
    with pytest.raises(IstrcError, match="cancel"):
        arithmetic(blank, [0, 0], crowd.z[:2])
    with pytest.raises(IstrcError, match="cancel"):
        arithmetic(blank, [1, 1], torch.stack([crowd.z[0], -crowd.z[0]]))
