"""An edit in the frames of a film is the one that a photograph gets."""

import numpy as np
import pytest
import torch

from istrc import sphere
from istrc.circle import Circle
from istrc.edit.composite import put
from istrc.edit.render import Rendering
from istrc.film.direction import find_direction
from istrc.film.render import make_layers, paste
from istrc.photo.align import aligned_frame
from istrc.photo.paste import paste_crop


@pytest.fixture(params=["blank_model", "constant_model"])
def circle(request):
    return Circle.from_pretrained(request.getfixturevalue(request.param))


@pytest.fixture
def x():
    coarse = np.random.default_rng(1).uniform(-1, 1, (3, 3, 8, 8)).astype(np.float32)
    return torch.from_numpy(coarse.repeat(4, 2).repeat(4, 3))


def test_frames_are_edited_as_photographs_are(circle, x):
    z = circle.embed(x)
    points = None if circle.landmarks is None else circle.find(x)
    direction = find_direction(circle, x, z, sphere.mean(z), {"beard": 1.0})
    picture = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    frame = aligned_frame(178, 218)
    made = make_layers(circle, x, z, points, direction)
    c, z2 = circle.encode(x), direction.of(z)
    change = direction.further * circle.map_change(c, z, z2) + direction.rest
    covered = None if points is None else points[..., 2]
    wanted = Rendering(circle, x, c, covered).layers(change, ["beard"])
    exact = picture.astype(np.float32)  # an untrained circle changes less than a level
    for one, other in zip(made, wanted, strict=True):
        for still in (picture, exact):
            edited = paste(circle, still, one, frame)
            assert np.array_equal(edited, put(still, other, frame, circle.mesh))
        assert circle.mesh is None or (edited != exact).any()
    for mode, drawn in (
        ("anchored", circle.decode_code(c + change)),
        ("circle", circle.decode(z2)),
    ):
        layers = make_layers(circle, x, z, points, direction, mode)
        for layer, face in zip(layers, drawn.permute(0, 2, 3, 1).numpy(), strict=True):
            np.testing.assert_allclose(layer, face, atol=1e-5)
            assert np.array_equal(
                paste(circle, picture, layer, frame), paste_crop(picture, layer, frame)
            )


def test_nothing_asked_changes_no_byte(circle, x):
    z = circle.embed(x)
    points = None if circle.landmarks is None else circle.find(x)
    direction = find_direction(circle, x, z, sphere.mean(z), {"beard": 0.0})
    picture = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    for layer in make_layers(circle, x, z, points, direction):
        assert np.array_equal(paste(circle, picture, layer, aligned_frame(178, 218)), picture)
