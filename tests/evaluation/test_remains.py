import numpy as np
import pytest

from istrc.evaluation.regions import inside_mask
from istrc.evaluation.remains import correlation, inside_seen


@pytest.fixture
def teeth(face_points):
    """A face with an open mouth, uint8 (64, 64, 3), its points, and where the inside is."""
    points = face_points.copy()
    points[65:68, 1] += 0.15
    rng = np.random.default_rng(0)
    picture = rng.integers(120, 140, (64, 64, 3), dtype=np.uint8)
    inside = inside_mask(points, 64)
    stripes = np.where(np.arange(64) % 4 < 2, 230, 60)[None, :, None]
    picture[inside] = np.broadcast_to(stripes, picture.shape)[inside]
    return picture, points, inside


def test_correlation_is_pearsons(teeth):
    before, _, inside = teeth
    after = np.random.default_rng(1).integers(0, 256, before.shape, dtype=np.uint8)
    x, y = ([0.299 * r + 0.587 * g + 0.114 * b for r, g, b in p[inside]] for p in (before, after))
    assert correlation(before, after, inside) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert np.isnan(correlation(before, after, np.zeros_like(inside)))
    flat = np.full_like(before, 99)
    assert np.isnan(correlation(flat, after, inside)) and correlation(before, flat, inside) == 0


def test_a_veil_shows_the_teeth_and_lips_hide_them(teeth):
    before, points, inside = teeth
    veil, lips = before.copy(), before.copy()
    veil[inside] = (0.35 * veil[inside] + 0.65 * np.array([200, 110, 110])).astype(np.uint8)
    seam = np.linspace(90, 160, 64)[:, None, None]
    lips[inside] = np.broadcast_to(seam, lips.shape)[inside].astype(np.uint8)
    pictures = np.stack([before, veil, lips, veil])
    opened = np.array([True, True, True, False])
    found = inside_seen(np.stack([before] * 4), pictures, np.stack([points] * 4), opened)
    assert found[:3].tolist() == [1, 1, 0] and np.isnan(found[3])
