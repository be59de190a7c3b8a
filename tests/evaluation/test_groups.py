import numpy as np
import pytest

from istrc.data.measured import measure
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation import groups
from istrc.evaluation.groups import Groups, by_label, skin_angle, typology_angle
from istrc.evaluation.pixels import lab, skin_mask

pytest.importorskip("skimage", reason="scikit-image is not installed")


def test_the_typology_angle_of_known_colours():
    # L* 70, b* 20: light; L* 60, b* 20: medium; L* 40, b* 15: dark
    found = typology_angle(np.array([[70.0, 8, 20], [60, 10, 20], [40, 12, 15]]))
    assert found == pytest.approx([45.0, 26.565, -33.690], abs=1e-3)


def test_the_angle_is_of_the_skins_median(face_points):
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    colours = np.array([lab(pixel) for pixel in picture[skin_mask(face_points, 64)]])
    lightness, yellow = np.median(colours[:, 0]), np.median(colours[:, 2])
    expected = np.degrees(np.arctan2(lightness - 50, yellow))
    assert skin_angle(picture, face_points) == pytest.approx(expected)


def test_groups_of_the_toys(pointed_folder):
    prepared = Prepared(pointed_folder)
    seen = Groups(prepared)
    rows = prepared.rows("valid")
    found = seen.of(rows)
    assert list(found) == [
        "male", "not male", "light skin", "medium skin", "dark skin", "frontal", "turned",
    ]  # fmt: skip
    tones = np.array([found[name] for name in groups.TONES])
    assert (tones.sum(0) == 1).all() and tones.any(1).all()
    for i, row in enumerate(rows):
        angle = skin_angle(prepared.images[row], prepared.landmarks[row])
        which = 0 if angle > 41 else 2 if angle < 10 else 1
        assert tones[which, i]
    yaw = measure(prepared.landmarks.astype(float))[:, 4]
    turned = np.abs(yaw - np.median(yaw[rows]))[rows] > 0.2
    assert (found["turned"] == turned).all() and (found["frontal"] == ~turned).all()
    assert 0 < turned.mean() < 1
    assert (found["male"] == (prepared.column("male")[rows] == 1)).all()


def test_data_without_landmarks_has_the_groups_of_its_labels_alone(prepared):
    with pytest.raises(InputError, match="no landmarks"):
        Groups(prepared)
    rows = prepared.rows("valid")
    male = prepared.column("male")[rows]
    found = by_label(prepared, rows)
    assert list(found) == ["male", "not male"]
    assert (found["male"] == (male == 1)).all() and (found["not male"] == (male == 0)).all()
