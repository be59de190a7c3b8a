import math

import pytest
import torch

from istrc import sphere
from istrc.errors import InputError
from istrc.verbs.vary import vary

CLOSE = dict(atol=2e-5, rtol=0)


@pytest.mark.parametrize("metric", ["data", "euclidean"])
def test_all_are_at_the_angle_and_a_seed_means_the_same(blank, crowd, metric):
    settings = dict(angle=0.4, count=70, metric=metric)
    made = vary(blank, crowd.z[:1], crowd.x[:1], seed=3, **settings)
    assert made.faces.shape == (70, 3, 32, 32)
    torch.testing.assert_close(sphere.angle(crowd.z[:1], made.z), torch.full((70,), 0.4), **CLOSE)
    again = vary(blank, crowd.z[:1], crowd.x[:1], seed=3, **settings)
    assert again.z.equal(made.z)
    assert not vary(blank, crowd.z[:1], crowd.x[:1], seed=4, **settings).z.equal(made.z)


def test_both_modes_by_hand(blank, crowd):
    x, z = crowd.x[:1], crowd.z[:1]
    made = vary(blank, z, x, count=3)
    h = blank.encode(x) + blank.map(made.z) - blank.map(z)
    torch.testing.assert_close(made.faces, blank.decode_code(h), **CLOSE)
    made = vary(blank, z, count=3, mode="circle")
    torch.testing.assert_close(made.faces, blank.decode(made.z), **CLOSE)


def test_data_directions_have_the_covariance_of_the_faces(blank):
    """Far more neighbours in the direction in which faces vary than in the others."""
    z = torch.eye(8)[:1]
    covariance = torch.diag(torch.tensor([1, 16.0, 1, 1, 1, 1, 1, 1]))
    kept = blank.attributes.covariance.clone()
    try:
        blank.attributes.covariance.copy_(covariance)
        made = vary(blank, z, count=500, mode="circle")
    finally:
        blank.attributes.covariance.copy_(kept)
    assert made.z[:, 1].square().mean() > 4 * made.z[:, 2].square().mean()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"angle": 0}, "between 0 and pi"),
        ({"angle": math.nan}, "between 0 and pi"),
        ({"angle": 4}, "between 0 and pi"),
        ({"count": 0}, "at least one"),
        ({"metric": "round"}, "data, euclidean"),
    ],
)
def test_what_is_refused(blank, crowd, wrong, said):
    with pytest.raises(InputError, match=said):
        vary(blank, crowd.z[:1], crowd.x[:1], **wrong)
