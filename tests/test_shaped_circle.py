"""The circle whose codes have shapes: what it is composed of, by hand."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from istrc.circle import Circle
from istrc.edit.render import MODES
from istrc.errors import IstrcError
from istrc.pretrained import FURTHER, PARTS
from istrc.shape.frame import mirrored
from istrc.shape.mesh import points

UP = {"smile": +1.0}


@pytest.fixture(scope="module")
def x(toys):
    return toys.batch(toys.rows("valid"))[:6]


@torch.no_grad()
def test_a_code_is_texture_and_shape(shaped_circle, x):
    circle = shaped_circle
    found = circle.find(x)
    net = circle.landmarks
    byhand = (net(x) + mirrored(net(x.flip(3)))) / 2
    for step in range(circle.search.steps):
        off = circle.search(circle.encode(x, byhand))[step].view(6, 68, 2)
        byhand = torch.cat([byhand[..., :2] + off, byhand[..., 2:]], 2)
    torch.testing.assert_close(found, byhand, atol=1e-5, rtol=0)
    c = circle.encode(x)
    assert c.shape == (6, circle.code) == (6, circle.texture + 2 * 68)
    torch.testing.assert_close(circle.shapes(c), found[..., :2])
    texture = circle.straighten(x, found[..., :2])
    torch.testing.assert_close(
        c[:, : circle.texture], circle.autoencoder.encode(texture), atol=1e-4, rtol=0
    )
    assert torch.equal(circle.encode(x, found), c)
    torch.testing.assert_close(
        circle.draw_texture(c), circle.autoencoder.decode(c[:, : circle.texture]), atol=1e-4, rtol=0
    )


@torch.no_grad()
def test_the_texture_is_what_grid_sample_sees(shaped_circle, x):
    from istrc.training.shape_free import straightened

    shapes = shaped_circle.find(x)[..., :2]
    ours = shaped_circle.straighten(x, shapes)
    theirs = straightened(x, shapes.numpy(), shaped_circle.mesh).clamp(-1, 1)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_face_in_the_reference_shape_is_drawn_as_its_texture(shaped_circle, x):
    c = shaped_circle.encode(x).clone()
    c[:, shaped_circle.texture :] = shaped_circle.landmarks.reference.flatten()
    drawn = shaped_circle.draw_texture(c).clamp(-1, 1)
    torch.testing.assert_close(shaped_circle.decode_code(c), drawn, atol=1e-4, rtol=0)
    same = shaped_circle.landmarks.reference.expand(6, -1, -1)
    torch.testing.assert_close(shaped_circle.straighten(x, same), x, atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_drawn_face_lies_where_its_shape_says(shaped_circle):
    """One code in two shapes: what is at a point of the one is at that point of the other."""
    circle = shaped_circle
    c = circle.map(F.normalize(torch.randn(1, circle.dim, generator=torch.manual_seed(1)), dim=1))
    c = c.expand(2, -1).clone()
    mean = circle.landmarks.mean
    c[0, circle.texture :] = mean.flatten()
    c[1, circle.texture :] = (mean + torch.tensor([0.25, 0.0])).flatten()  # by two of 16 pixels
    first, second = circle.decode_code(c)
    inside = slice(6, 11)
    torch.testing.assert_close(second[:, 7:12, 8:13], first[:, 7:12, inside], atol=1e-3, rtol=0)


@torch.no_grad()
def test_modes_by_hand(shaped_circle, x):
    circle = shaped_circle
    z = circle.embed(x)
    z2 = circle.walk(z, UP).end
    c = circle.encode(x)
    change = circle.changes(c, z, z2)
    torch.testing.assert_close(circle.map_change(c, z, z2), change, atol=1e-5, rtol=0)
    anchored = circle.decode_code(c + change)
    torch.testing.assert_close(circle.rebuild(x, z, z2, "anchored"), anchored, atol=1e-4, rtol=0)
    assert torch.equal(circle.rebuild(x, z, z2, "circle"), circle.decode(z2))
    torch.testing.assert_close(
        circle.decode(z2), circle.decode_code(circle.mapping(z2)), atol=1e-4, rtol=0
    )
    for mode in MODES:
        stopped = circle.stopped_walk(x, z, UP, mode=mode)
        edited = circle.edit(x, UP, mode=mode)
        assert edited.shape == x.shape and bool(edited.isfinite().all())
        if mode == "anchored":
            torch.testing.assert_close(
                edited, circle.decode_code(c + stopped.change), atol=1e-4, rtol=0
            )


def test_nothing_asked_changes_nothing(shaped_circle, x):
    pixels = ((x + 1) * 127.5).round() / 127.5 - 1
    for strengths in ({}, {"smile": 0.0}):
        torch.testing.assert_close(shaped_circle.edit(pixels, strengths), pixels, atol=1e-6, rtol=0)


def test_what_is_read_in_a_code_is_the_probes(shaped_circle, x):
    c = shaped_circle.encode(x)
    with torch.no_grad():
        wanted = shaped_circle.probes(c)
    torch.testing.assert_close(shaped_circle.read_code(c), wanted, atol=1e-5, rtol=0)


def test_saved_and_loaded(shaped_circle, x, tmp_path):
    shaped_circle.save_pretrained(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {*PARTS, *FURTHER, "circle.json"}
    again = Circle.from_pretrained(tmp_path)
    assert again.aligner is again.landmarks and again.code == shaped_circle.code
    assert torch.equal(again.landmarks.triangles, shaped_circle.landmarks.triangles)
    meshes = (points(circle.mesh.reference) for circle in (again, shaped_circle))
    np.testing.assert_allclose(*meshes, atol=1e-3)
    difference = (again.edit(x, UP) - shaped_circle.edit(x, UP)).abs()
    assert float(difference.mean()) < 0.02  # half precision on disk


def test_parts_of_other_codes_are_refused(shaped_circle, toy_circle):
    ours = {name: getattr(shaped_circle, name) for name in (*PARTS, *FURTHER)}
    for name in ("landmarks", "mapping"):
        parts = {**ours, name: getattr(toy_circle, name)}
        with pytest.raises(IstrcError, match="codes"):
            Circle(**parts)
    with pytest.raises(IstrcError, match="finds no landmarks"):
        toy_circle.find(torch.zeros(1, 3, 16, 16))
