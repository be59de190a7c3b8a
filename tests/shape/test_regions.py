"""Parts of a face: masks by hand, and the points that move with them."""

import numpy as np
import pytest

from istrc.attributes import REGIONS, TRANSFORMATIONS, regions_of, shades
from istrc.shape.frame import MIRRORED
from istrc.shape.regions import (
    _hull,
    movement,
    outline,
    polygon,
    region_mask,
    skin,
)

NAMES = (
    "nose", "mouth", "eyes", "upper lip", "chin", "eyes and mouth", "hair", "lower face", "jaw",
    "below the brows",
)  # fmt: skip

SIZE = 64


def at(mask, points, point):
    """What a mask says of a point of the face."""
    x, y = ((points[point] + 1) * len(mask) / 2).astype(int)
    return float(mask[y, x])


def test_a_polygon_counts_the_quarters_of_its_pixels():
    corners = np.array([[-0.5, -0.25], [0.25, -0.5], [0.75, 0.5], [-0.25, 0.75]])
    found = polygon(corners, 16)
    assert found.shape == (16, 16) and found.dtype == np.float32
    axis = (np.arange(160) + 0.5) / 80 - 1
    places = np.stack(np.meshgrid(axis, axis), -1)
    inside = np.ones((160, 160), bool)
    for a, b in zip(corners, np.roll(corners, -1, 0), strict=True):
        along, off = b - a, places - a
        inside &= along[0] * off[..., 1] - along[1] * off[..., 0] > 0
    share = inside.reshape(16, 10, 16, 10).mean((1, 3))
    # Pillow draws the pixels that an edge touches, too, of four times the side
    assert np.abs(found - share).max() < 0.45 and np.abs(found - share).mean() < 0.03
    assert (found[share == 1] == 1).all()


def test_a_hull_has_all_points_and_only_theirs():
    rng = np.random.default_rng(0)
    for count in (3, 4, 9, 40):
        points = rng.normal(size=(count, 2))
        hull = _hull(points)
        assert {tuple(corner) for corner in hull} <= {tuple(point) for point in points}
        for a, b in zip(hull, np.roll(hull, -1, 0), strict=True):
            along, off = b - a, points - a
            side = along[0] * off[:, 1] - along[1] * off[:, 0]
            assert (side > -1e-12).all() or (side < 1e-12).all()
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5], [0.5, 0]])
    assert {tuple(corner) for corner in _hull(square)} == {(0, 0), (1, 0), (1, 1), (0, 1)}


def test_hair_is_beyond_the_face(face_points):
    assert not region_mask(face_points, ["hair"], SIZE).any()
    np.testing.assert_array_equal(
        *(region_mask(face_points, names, SIZE) for names in (["hair", "nose"], ["nose"]))
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hair"])
def test_regions_are_where_their_points_are(face_points, name):
    mask = region_mask(face_points, [name], SIZE)
    assert mask.shape == (SIZE, SIZE) and mask.dtype == np.float32
    assert mask.min() == 0 and 0.95 < mask.max() <= 1
    np.testing.assert_allclose(mask, mask[:, ::-1], atol=0.1)  # a schematic face is symmetric
    inside = {"nose": [30, 33], "mouth": [51, 57, 62], "eyes": [37, 44, 19]}
    if set(name.split(" and ")) <= set(inside):
        for region, points in inside.items():
            for point in points:
                assert (at(mask, face_points, point) > 0.6) == (region in name)
    elif name == "upper lip":  # where a mustache grows
        between = (face_points[33] + face_points[51]) / 2
        assert at(mask, np.array([between]), 0) > 0.8 and at(mask, face_points, 8) < 0.1
    elif name == "chin":
        assert at(mask, face_points, 8) > 0.6 and at(mask, face_points, 51) < 0.1
    else:
        assert at(mask, face_points, 8) == pytest.approx(1)  # the chin
        assert at(mask, face_points, 57) == pytest.approx(1)
        assert mask[0].max() == 0  # and nothing of the hair
        assert (np.diff(mask, axis=0) >= 0).all()
    if name == "lower face":
        assert at(mask, face_points, 19) == 0


def test_regions_are_joined_by_the_larger(face_points):
    apart = [region_mask(face_points, [name], SIZE) for name in ("nose", "mouth")]
    both = region_mask(face_points, ["nose", "mouth"], SIZE)
    np.testing.assert_array_equal(both, np.maximum(*apart))
    assert not region_mask(face_points, [], SIZE).any()


@pytest.mark.parametrize("name", NAMES)
def test_both_sides_of_a_face_move_alike(name):
    kept = movement([name])
    assert kept.shape == (68, 68)
    np.testing.assert_allclose(kept[MIRRORED][:, MIRRORED], kept, atol=1e-6)


def test_points_move_with_their_regions():
    nose = movement(["nose"])
    assert np.flatnonzero(nose.any(1)).tolist() == list(range(27, 36))
    np.testing.assert_array_equal(movement(["nose", "mouth"]), nose + movement(["mouth"]))
    assert not movement([]).any()


def test_an_expression_leaves_the_head_where_it_is():
    """Mouth and jaw move, nose and brows do not, and the ears less than the chin."""
    shift = np.random.default_rng(0).normal(size=(68, 2))
    lower, smile = (movement([name]) @ shift for name in ("lower face", "below the brows"))
    for moved in (lower, smile):
        np.testing.assert_allclose(moved[48:], shift[48:], rtol=1e-6)
        np.testing.assert_allclose(moved[8], 0.8 * shift[57], rtol=1e-6)  # it carries the lip
        assert not moved[[0, 16, *range(17, 36)]].any()
        assert (np.abs(moved[1]) < 0.3 * np.abs(moved[8])).all()
    assert not lower[36:48].any()
    for eye in (slice(36, 42), slice(42, 48)):  # lids, and not where the eye is
        np.testing.assert_allclose(smile[eye], shift[eye] - shift[eye].mean(0), atol=1e-6)
    jaw = movement(["jaw"]) @ shift
    np.testing.assert_allclose(jaw[8], shift[8], rtol=1e-6)
    assert not jaw[17:].any()
    with_nose = movement(["nose", "below the brows"]) @ shift
    np.testing.assert_allclose(with_nose[27:36], shift[27:36], rtol=1e-6)
    np.testing.assert_allclose(with_nose[48:], shift[48:], rtol=1e-6)


def test_the_outline_is_of_the_face(face_points):
    mask = outline(face_points, SIZE)
    assert mask.dtype == np.float32 and mask.min() == 0 and mask.max() == pytest.approx(1)
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert edge.max() < 0.3 * mask.max()
    assert at(mask, face_points, 30) == pytest.approx(1, abs=1e-4)
    assert all(at(mask, face_points, point) < 0.9 for point in (0, 8, 16))  # it fades inside


def test_what_grows_on_the_jaw_fades_beyond_it(face_points):
    mask, jaw = (outline(face_points, SIZE, jaw=jaw) for jaw in (False, True))
    assert (jaw >= mask - 1e-6).all() and jaw.max() == pytest.approx(1)
    for point in (4, 6, 10, 12):
        assert at(jaw, face_points, point) > max(0.8, at(mask, face_points, point))
    assert jaw[0].max() == 0 and jaw[:, :2].max() < 0.3


def test_what_shades_a_face_is_hair_on_it():
    assert shades(["beard"]) and shades(["smile", "mustache"])
    assert not shades(["male", "young"]) and not shades(None) and not shades([])


def test_skin_is_neither_eyes_nor_mouth(face_points):
    where = skin(face_points, SIZE)
    assert where.min() >= 0 and where.max() <= 1
    for point, wanted in ((30, 1), (62, 0), (37, 0), (19, 0)):
        assert at(where, face_points, point) == pytest.approx(wanted, abs=0.2)
    assert where[0].max() == 0 and 0.1 < where.mean() < 0.6


def test_attributes_name_regions_that_there_are():
    assert set(REGIONS.values()) <= set(NAMES)
    assert set(TRANSFORMATIONS) & set(REGIONS)
    assert regions_of(None) is None and regions_of([]) is None
    assert regions_of(["male"]) is None and regions_of(["smile", "young"]) is None
    assert regions_of(["big_nose", "big_lips", "wide_mouth"]) == ["nose", "mouth"]
