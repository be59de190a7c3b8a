"""Faces rebuilt for several embeddings at once; the modes by hand are in test_circle."""

import pytest
import torch

from istrc.errors import InputError
from istrc.rebuilding import MODES, Rebuilding


@pytest.fixture(scope="module")
def x(toys):
    return toys.batch(toys.rows("valid")[:3])


@pytest.fixture
def ends(toy_circle, x):
    """Two other embeddings of each face: (2, 3, D)."""
    z = toy_circle.embed(x)
    return torch.stack([toy_circle.walk(z, {"smile": value}).end for value in (1.0, -1.0)])


@pytest.mark.parametrize("mode", MODES)
def test_several_ends_of_the_same_faces_are_those_of_one_after_the_other(toy_circle, x, ends, mode):
    rebuilding = Rebuilding(toy_circle, x, toy_circle.embed(x))
    together = rebuilding.drawn(ends.flatten(0, 1), mode)
    apart = torch.cat([toy_circle.rebuild(x, toy_circle.embed(x), z2, mode) for z2 in ends])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=0)


def test_what_the_faces_decide_is_computed_once(toy_circle, x, ends, monkeypatch):
    seen = []
    encode = toy_circle.encode
    monkeypatch.setattr(toy_circle, "encode", lambda x: seen.append(len(x)) or encode(x))
    rebuilding = Rebuilding(toy_circle, x, toy_circle.embed(x))
    rebuilding.drawn(ends[0], "circle")
    assert seen == []  # decode(F(z)) asks nothing of the faces
    for z2 in ends:
        rebuilding.drawn(z2, "photo"), rebuilding.drawn(z2, "anchored"), rebuilding.change(z2)
    assert seen == [3]


def test_an_overlay_is_the_change_and_what_it_covers(toy_circle, x, ends):
    rebuilding = Rebuilding(toy_circle, x, toy_circle.embed(x))
    made = rebuilding.overlay(ends[0])
    assert made.shape == (3, 4, 16, 16)
    picture = toy_circle.put_change(x, made)
    torch.testing.assert_close(picture, rebuilding.drawn(ends[0], "photo"))


def test_another_mode_is_named(toy_circle, x, ends):
    with pytest.raises(InputError, match="mode 'sharp': use one of photo, anchored, circle"):
        Rebuilding(toy_circle, x, toy_circle.embed(x)).drawn(ends[0], "sharp")
