import numpy as np
import pytest

from istrc.evaluation.regions import inside_mask, region_mask, skin_mask


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
