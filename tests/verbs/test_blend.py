import pytest
import torch

from istrc import sphere
from istrc.errors import InputError, IstrcError
from istrc.verbs.blend import blend

CLOSE = dict(atol=2e-5, rtol=0)


def test_circle_is_the_decoded_path(blank, crowd):
    made = blend(blank, crowd.z[:2], frames=5, mode="circle")
    for i, t in enumerate((0, 0.25, 0.5, 0.75, 1)):
        z = sphere.slerp(crowd.z[0], crowd.z[1], t)
        torch.testing.assert_close(made.z[i], z, **CLOSE)
        torch.testing.assert_close(made.faces[i], blank.decode(z[None])[0], **CLOSE)


def test_anchored_by_hand(blank, crowd):
    """h_t = F(z_t) + (1 - t) r_a + t r_b, r = E(x) - F(z)."""
    x, z = crowd.x[:2], crowd.z[:2]
    made = blend(blank, z, x, frames=4)
    residual = blank.encode(x) - blank.map(z)
    for i in range(4):
        t = i / 3
        h = blank.map(sphere.slerp(z[0], z[1], t)[None])[0]
        h = h + (1 - t) * residual[0] + t * residual[1]
        torch.testing.assert_close(made.faces[i], blank.decode_code(h[None])[0], **CLOSE)


def test_anchored_ends_are_the_auto_encoder_s(blank, crowd):
    x = crowd.x[:2]
    made = blend(blank, crowd.z[:2], x, frames=3)
    ends = blank.decode_code(blank.encode(x))
    torch.testing.assert_close(made.faces[[0, -1]], ends, **CLOSE)


def test_slerp_has_constant_speed_and_lerp_has_not(blank, crowd):
    slow = blend(blank, crowd.z[:2], frames=9, mode="circle").angles
    torch.testing.assert_close(slow.diff(), slow[-1].expand(8) / 8, **CLOSE)
    other = blend(blank, crowd.z[:2], frames=9, mode="circle", path="lerp").angles
    assert (other.diff() - slow.diff()).abs().max() > 1e-4
    torch.testing.assert_close(other[[0, 4, 8]], slow[[0, 4, 8]], **CLOSE)


def test_what_cannot_be_blended(blank, crowd):
    z, x = crowd.z[:2], crowd.x[:2]
    with pytest.raises(IstrcError, match="antipodal"):
        blend(blank, torch.stack([z[0], -z[0]]), x)
    with pytest.raises(InputError, match="at least the two"):
        blend(blank, z, x, frames=1)
    with pytest.raises(InputError, match="slerp, lerp"):
        blend(blank, z, x, path="straight")
    with pytest.raises(InputError, match="anchored, circle"):
        blend(blank, z, x, mode="photo")
    with pytest.raises(InputError, match="needs pictures"):
        blend(blank, z)
