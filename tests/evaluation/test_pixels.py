import numpy as np
import pytest

from istrc.evaluation.pixels import (
    chroma,
    chroma_added,
    correlation,
    difference,
    greyed,
    inside_mask,
    lab,
    mouth_visible,
    region_mask,
    skin_mask,
    tone_shifts,
)

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
    assert chroma_added(grey, face_points[None])[0] == pytest.approx(0, abs=0.01)
    stained = grey.copy()
    # Blue here and yellow there: their mean is grey, and they are not
    stained[0, ::2, :, 2] = 255 - stained[0, ::2, :, 2] // 2
    skin = skin_mask(face_points, 64)
    slow = np.mean([np.hypot(*lab(p)[1:]) for p in stained[0][skin]])
    assert chroma_added(stained, face_points[None])[0] == pytest.approx(slow)
    assert np.isnan(chroma(grey[0], np.zeros((64, 64), bool)))


def at(points, size, i):
    """Where a point lies, as the pixel (row, column) of a picture."""
    x, y = (points[i] + 1) / 2 * size
    return int(y), int(x)


@pytest.mark.parametrize("size", (64, 128))
def test_skin_is_cheeks_nose_forehead_and_chin(face_points, size):
    skin = skin_mask(face_points, size)
    unit = np.linalg.norm(face_points[42:48].mean(0) - face_points[36:42].mean(0))
    assert skin[at(face_points, size, 29)]  # the bridge of the nose
    cheek = np.array([face_points[48], face_points[2]]).mean(0)
    forehead = face_points[[21, 22]].mean(0) - [0, 0.2 * unit]
    chin = np.array([face_points[57], face_points[8]]).mean(0)
    for place in (cheek, forehead, chin):
        assert skin[at([place], size, 0)]
    for i in (19, 24, 37, 44, 51, 57, 62, 66, 33):  # brows, eyes, lips, between them, nostrils
        assert not skin[at(face_points, size, i)]
    between = face_points[[62, 66]].mean(0)
    above = face_points[[21, 22]].mean(0) - [0, 0.6 * unit]
    for place in (between, above, np.array([-0.95, -0.95])):
        assert not skin[at([place], size, 0)]


def test_regions_are_where_edits_are(face_points):
    mouth, nose = region_mask("smile", face_points, 128), region_mask("big_nose", face_points, 128)
    eyes, lower = (region_mask(name, face_points, 128) for name in ("big_eyes", "beard"))
    for region, inside, outside in (
        (mouth, (48, 54, 51, 57), (28, 36, 8)),
        (nose, (29, 30, 33), (57, 39, 8)),
        (eyes, (36, 39, 42, 45), (30, 48)),
        (lower, (57, 51), (28, 36)),
    ):
        assert all(region[at(face_points, 128, i)] for i in inside)
        assert not any(region[at(face_points, 128, i)] for i in outside)
    assert region_mask("makeup", face_points, 128).all()
    # A turned picture has its regions turned with it
    turned = face_points[:, ::-1] * [1, -1]
    canvas = region_mask("smile", turned, 128)
    assert (np.rot90(mouth, 1) != canvas).mean() < 0.01


def test_the_inside_of_the_mouth_is_between_the_lips(face_points):
    points = face_points.copy()
    points[[55, 56, 57, 58, 59, 65, 66, 67], 1] += 0.1  # opened
    inside = inside_mask(points, 128)
    assert inside[at(points, 128, 62)] and inside[at([points[[62, 66]].mean(0)], 128, 0)]
    assert not any(inside[at(points, 128, i)] for i in (57, 51, 33))
    assert inside.sum() > 1.5 * inside_mask(face_points, 128).sum()


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
    found = mouth_visible(np.stack([before] * 4), pictures, np.stack([points] * 4), opened)
    assert found[:3].tolist() == [1, 1, 0] and np.isnan(found[3])
