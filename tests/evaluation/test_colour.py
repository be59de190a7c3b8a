import numpy as np
import pytest

from istrc.evaluation import colour
from istrc.evaluation.colour import difference, greyed, lab, tone_shifts
from istrc.evaluation.regions import region_mask, skin_mask

pytest.importorskip("skimage", reason="scikit-image is not installed")

# Sharma, Wu and Dalal 2005, table 1: L1 a1 b1, L2 a2 b2, dE00
SHARMA = np.array([
    [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
    [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
    [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
    [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
    [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
    [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
    [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
    [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
    [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
    [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
    [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
    [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
    [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
    [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
    [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
])  # fmt: skip


def test_ciede2000_is_the_published_one():
    assert difference(SHARMA[:, :3], SHARMA[:, 3:6]) == pytest.approx(SHARMA[:, 6], abs=1e-4)


def test_lab_of_known_colours():
    known = {(255, 255, 255): (100, 0, 0), (0, 0, 0): (0, 0, 0), (255, 0, 0): (53.24, 80.09, 67.2)}
    for rgb, expected in known.items():
        assert lab(np.array(rgb, np.uint8)) == pytest.approx(expected, abs=0.05)


def test_tone_shifts_the_slow_way(face_points):
    rng = np.random.default_rng(0)
    before = rng.integers(90, 200, (2, 64, 64, 3), dtype=np.uint8)
    points = np.stack([face_points, face_points])
    after = before.copy()
    mouth = region_mask("smile", face_points, 64)
    after[1][mouth] -= 40
    found = tone_shifts(before, after, points, points, "smile")
    assert found["tone_inside"][0] == 0 and found["tone_outside"].tolist() == [0, 0]
    skin = skin_mask(face_points, 64)
    old, new = [], []
    for y in range(64):
        for x in range(64):
            if skin[y, x] and mouth[y, x]:
                old.append(lab(before[1, y, x]))
                new.append(lab(after[1, y, x]))
    expected = difference(np.mean(old, 0), np.mean(new, 0))
    assert found["tone_inside"][1] == pytest.approx(float(expected)) and expected > 5
    # What may be anywhere has nothing outside
    assert np.isnan(tone_shifts(before, after, points, points, "male")["tone_outside"]).all()


def test_a_mouth_that_moves_is_no_change_of_tone(face_points):
    """A red mouth where the cheek was counts neither before nor after."""
    moved = face_points.copy()
    moved[48:68, 0] += 0.1
    pictures = np.full((2, 96, 96, 3), (200, 150, 120), np.uint8)
    for picture, points in zip(pictures, (face_points, moved), strict=True):
        skin = skin_mask(points, 96)
        picture[~skin] = (150, 20, 30)
    found = tone_shifts(pictures[:1], pictures[1:], face_points[None], moved[None], "smile")
    assert found["tone_inside"][0] == 0 and found["tone_outside"][0] == 0


def test_a_grey_picture_has_no_chroma_and_a_stain_has(face_points):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    grey = greyed(picture)
    assert grey.dtype == np.uint8 and (grey == grey[..., :1]).all()
    r, g, b = (int(v) for v in picture[0, 5, 7])
    assert grey[0, 5, 7, 0] == round(0.299 * r + 0.587 * g + 0.114 * b)
    assert colour.chroma_added(grey, face_points[None])[0] == pytest.approx(0, abs=0.01)
    stained = grey.copy()
    # Blue here and yellow there: their mean is grey, and they are not
    stained[0, ::2, :, 2] = 255 - stained[0, ::2, :, 2] // 2
    skin = skin_mask(face_points, 64)
    slow = np.mean([np.hypot(*lab(p)[1:]) for p in stained[0][skin]])
    assert colour.chroma_added(stained, face_points[None])[0] == pytest.approx(slow)
    assert np.isnan(colour.chroma(grey[0], np.zeros((64, 64), bool)))
