"""Lips that open and shut, and what lies between them."""

import numpy as np
import torch

from istrc.circle import Circle
from istrc.edit.mouth import _KIND, between, meets, met, opened, shut, speaking, widened
from istrc.models.probes import Probes
from istrc.shape.measures import area, measures
from istrc.shape.mesh import LOWER, UPPER


def test_lips_that_nearly_shut_meet(mesh):
    """Between where the new points are; mouths that stay open, and shut ones, are as they are."""
    open_ = mesh.reference.copy()
    gap = open_[LOWER] - open_[UPPER]
    for left, same in ((0.1, False), (0.28, False), (0.7, True)):
        new = open_.copy()
        new[LOWER] -= (1 - left) * gap
        found = met(open_, new)
        if same:
            np.testing.assert_array_equal(found, new)
            continue
        np.testing.assert_allclose(found[UPPER], found[LOWER], atol=1e-6)
        np.testing.assert_allclose(found[UPPER], (new[UPPER] + new[LOWER]) / 2, atol=1e-6)
        others = [point for point in range(68) if point not in (*UPPER, *LOWER)]
        np.testing.assert_array_equal(found[others], new[others])
    shut = open_.copy()
    shut[LOWER] = shut[UPPER]
    np.testing.assert_array_equal(met(shut, open_), open_)  # it opens
    np.testing.assert_array_equal(met(open_, open_), open_)


def test_an_open_mouth_reaches_into_its_lips_where_it_shuts(mesh):
    """By a share of what it shuts, upwards and downwards; elsewhere it is where it was."""
    open_ = mesh.reference.copy()
    shut = open_.copy()
    shut[LOWER] = shut[UPPER]
    found = widened(open_, shut)
    gap = (open_[LOWER] - open_[UPPER])[:, 1]
    np.testing.assert_allclose((open_ - found)[UPPER, 1], 0.2 * gap, rtol=0.05)
    np.testing.assert_allclose((found - open_)[LOWER, 1], 0.25 * gap, rtol=0.05)
    np.testing.assert_array_equal(widened(open_, open_), open_)


def test_a_mouth_opens_by_its_area(mesh, open_mouth):
    """From 1.3 times on, and all of it from 2.2 times; what shuts, or is as it was, does not."""
    small = open_mouth(mesh.reference, 0.1)
    gaps = small[LOWER] - small[UPPER]
    areas = []
    for more in (0.0, 0.2, 0.6, 2.0):
        wide = small.copy()
        wide[LOWER] += more * gaps
        times = abs(area(wide[60:68])) / abs(area(small[60:68]))
        areas.append(times)
        assert np.isclose(opened(small, wide), np.clip((times - 1.3) / 0.9, 0, 1))
        assert opened(wide, small) == 0
    assert 1.3 < areas[2] < 2.2 < areas[3]  # all three cases


def test_a_mouth_shuts_by_its_gap(mesh, open_mouth):
    closed = mesh.reference
    wide, half = open_mouth(closed, 0.2), open_mouth(closed, 0.1)
    gaps = [max(float(measures(shape)["lip_gap"]), 0) for shape in (closed, half, wide)]
    found = shut(np.stack([wide, wide, wide, closed]), np.stack([closed, half, wide, wide]))
    wanted = [1 - gaps[0] / gaps[2], 1 - gaps[1] / gaps[2], 0, 0]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_who_does_not_smile_speaks(untrained_parts):
    """Whose mouth opens is drawn as one that speaks, the more so the less it smiles."""
    circle = Circle(**untrained_parts())
    generator = torch.manual_seed(0)
    c = torch.randn(3, circle.code, generator=generator)
    plain = circle.draw_texture(c).numpy()
    np.testing.assert_array_equal(speaking(circle, c, torch.zeros(3), plain), plain)  # none known
    names = tuple(circle.probes.names) if circle.probes else ("smile",)
    circle.probes = Probes(names, circle.code, speaking=circle.texture)
    circle.probes.speaking.copy_(torch.randn(circle.texture, generator=generator))
    smiles = torch.tensor([0.0, 0.4, 1.0])
    other = c.clone()
    for row, smile in enumerate(smiles):
        other[row, : circle.texture] += _KIND * (1 - smile) * circle.probes.speaking
    np.testing.assert_allclose(
        speaking(circle, c, smiles, plain), circle.draw_texture(other), atol=1e-5, rtol=1e-4
    )
    np.testing.assert_allclose(speaking(circle, c, smiles, plain)[2], plain[2], atol=1e-5)


def test_lips_meet_where_most_of_a_mouth_shuts(face_points, open_mouth):
    wide = np.stack(5 * [open_mouth(face_points, 0.2)])
    gaps = (0.2, 0.13, 0.08, 0.03, 0.0)
    new = np.stack([open_mouth(face_points, gap) for gap in gaps])
    found = meets(wide, new)
    share = shut(wide, new)
    np.testing.assert_allclose(found, np.clip((share - 0.4) / 0.4, 0, 1), atol=1e-6)
    assert found[0] == found[1] == 0 < found[2] < found[3] < found[4] == 1


def test_lips_go_on_where_teeth_were_seen():
    """Of white teeth in red lips nothing is left, and around them nothing shows."""
    size = 64
    lips, teeth = np.zeros((2, size, size), np.float32)
    lips[20:44, 10:54] = 1
    teeth[30:34, 20:44] = 1
    red = np.float32([0.4, -0.4, -0.4])[:, None, None]
    real = np.where(lips > 0, red, np.float32(0.2)) + np.zeros((3, 1, 1), np.float32)
    real = np.where(teeth > 0, np.float32(0.9), real)
    closed, gone = between(real, teeth, lips)
    assert closed.shape == real.shape and gone.shape == teeth.shape
    assert (gone[teeth > 0] == 1).all() and (gone[:28] == 0).all() and (gone[36:] == 0).all()
    shown = real + gone * (closed - real)
    np.testing.assert_allclose(shown[:, teeth > 0], red[:, 0] + np.zeros((1, 96)), atol=0.15)
    line = np.zeros_like(lips)  # in which they meet, dark and red, also where no teeth were
    line[31:33, 12:50] = 1
    met_, seen = between(real, teeth, lips, line)
    np.testing.assert_array_equal(seen, np.maximum(gone, line))
    dimmer = (met_ + 1)[:, 31, 12:50] / (closed + 1)[:, 31, 12:50]
    wanted = 1 - 0.25 * np.array([[0.8], [1.08], [1.1]])
    np.testing.assert_allclose(dimmer, wanted + 0 * dimmer, rtol=1e-5)
    np.testing.assert_array_equal(met_[:, 20], closed[:, 20])
