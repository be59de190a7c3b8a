"""One walk, carried to every frame."""

from dataclasses import replace

import pytest
import torch

from istrc import sphere
from istrc.film.direction import Direction, find_direction, middle


def faces(count, spread=0.2, dim=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    one = sphere.normalize(torch.randn(dim, generator=generator))
    drawn = torch.randn(count, dim, generator=generator)
    return sphere.step(one.expand(count, dim), drawn, spread)


@pytest.fixture
def circle(blank_model):
    from istrc.circle import Circle

    return Circle.from_pretrained(blank_model)


def test_every_frame_goes_as_far_and_the_walked_one_goes_where_it_went(circle):
    z = faces(6)
    path = circle.walk(z[:1], {"smile": 1.0})
    direction = Direction(z[:1], sphere.log(z[:1], path.end), path)
    z2 = direction.of(z)
    assert direction.angle > 0.01
    torch.testing.assert_close(z2[:1], path.end, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        sphere.angle(z, z2), torch.full((6,), direction.angle), atol=1e-4, rtol=0
    )
    assert sphere.angle(z2, z2[:1]).max() < 3 * sphere.angle(z, z[:1]).max()


def test_no_walk_moves_no_bit(circle):
    z = faces(6)
    direction = find_direction(circle, torch.zeros(6, 3, 32, 32), z, middle(z), {"smile": 0.0})
    assert direction.of(z) is z and direction.angle == 0


def test_the_edit_of_the_walked_face_is_that_of_a_photograph(circle):
    """Its code changes as `stopped_walk` has it, though that goes further than the walk's end."""
    x, z = torch.rand(1, 3, 32, 32) * 2 - 1, faces(1)
    direction = find_direction(circle, x, z, z[0], {"beard": 1.0})
    c = circle.encode(x)
    wanted = circle.stopped_walk(x, z, {"beard": 1.0}).change
    found = direction.further * circle.map_change(c, z, direction.of(z)) + direction.rest
    assert direction.further >= 0 and wanted.abs().max() > 0
    away = (found - wanted).norm() / wanted.norm()
    assert away < 0.2
    assert find_direction(circle, x, z, z[0], {"beard": 1.0}, mode="circle").further == 1


def test_the_face_nearest_to_the_mean_is_walked(circle):
    z = faces(9, seed=3)
    z[4] = middle(z)
    direction = find_direction(circle, torch.zeros(9, 3, 32, 32), z, middle(z), {"smile": 1.0})
    assert torch.equal(direction.base[0], z[4])
    assert torch.equal(replace(direction).move, sphere.log(z[4:5], direction.walk.end))


def test_the_middle_leaves_out_who_is_another():
    z = torch.cat([faces(29), -faces(1)])
    assert sphere.angle(middle(z), middle(faces(29))) < 0.05
