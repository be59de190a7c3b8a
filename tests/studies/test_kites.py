"""Drawn kites: their points are where the picture has them, and their labels say what is drawn."""

import csv

import numpy as np
import pytest
from PIL import Image
from studies.kites import ATTRIBUTES, FORMS, PATTERNS, POINTS, SIDE, SKY, _sky, corners, draw, main

from istrc.data.prepare import prepare
from istrc.data.prepared import Prepared


@pytest.fixture(scope="module")
def kites(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kites") / "drawn"
    main([str(folder), "--count", "60", "--seed", "3"])
    return folder


def rows(folder):
    return list(csv.DictReader((folder / "labels.csv").open(encoding="utf-8")))


def points_of(row):
    return np.array([[float(row[f"{axis}{k}"]) for axis in "xy"] for k in range(POINTS)])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("long", [0, 1])
def test_points_bound_what_differs_from_the_sky(form, long):
    has = {"long": long, "broad": 1, "red": 1, "dusk": 0}
    for seed in range(5):
        points = corners(form, has, np.random.default_rng(seed))
        picture = np.asarray(draw(points, "plain", has, np.random.default_rng(seed)))
        sky = np.asarray(_sky(SKY[0], np.random.default_rng(seed)))
        kite = np.abs(picture.astype(int) - sky).max(-1) > 30
        y, x = np.nonzero(kite)
        body = points[:4]
        assert x.min() == pytest.approx(body[:, 0].min(), abs=2)
        assert x.max() + 1 == pytest.approx(body[:, 0].max(), abs=2)
        assert y.min() == pytest.approx(points[1, 1], abs=2)
        assert y.max() + 1 == pytest.approx(points[-1, 1], abs=4)  # and a bow there
        # Above the spars' ends, beside the top, there is sky
        assert not kite[int(points[1, 1]), [int(x.min()), int(x.max())]].any()


def test_labels_say_what_is_drawn(kites):
    found = rows(kites)
    assert len(found) == 60 and len({row["class"] for row in found}) > 10
    classes = {f"{form}_{pattern}" for form in FORMS for pattern in PATTERNS}
    marked = [row for row in found if row["x0"]]
    assert 40 < len(marked) < 60
    for row in found:
        assert row["class"] in classes and all(row[name] in "01" for name in ATTRIBUTES)
        assert Image.open(kites / row["file"]).size == (SIDE, SIDE)
    for row in marked:
        points = points_of(row)
        assert points.min() > 0 and points.max() < SIDE
        tail = np.linalg.norm(np.diff(points[[3, *range(5, 9)]], axis=0), axis=1).sum()
        assert (tail > 16) == (row["long"] == "1")
        middle = np.asarray(Image.open(kites / row["file"]))[:8].reshape(-1, 3).mean(0)
        assert (middle.mean() < 110) == (row["dusk"] == "1")


def test_the_same_seed_draws_the_same(kites, tmp_path):
    main([str(tmp_path / "again"), "--count", "3", "--seed", "3"])
    main([str(tmp_path / "other"), "--count", "3", "--seed", "4"])
    for name in ("00000.png", "00002.png"):
        first = (kites / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == first
        assert (tmp_path / "other" / name).read_bytes() != first
    assert rows(tmp_path / "again") == rows(kites)[:3]


def test_they_are_prepared_with_their_points(kites, tmp_path):
    prepare(kites, tmp_path / "prepared", size=32, workers=1)
    prepared = Prepared(tmp_path / "prepared")
    assert prepared.attribute_names == list(ATTRIBUTES) and len(prepared) == 60
    found = {row["file"]: row for row in rows(kites)}
    for name, points in zip(prepared.names, prepared.landmarks, strict=True):
        if found[name]["x0"]:
            wanted = points_of(found[name]) * 2 / SIDE - 1
            np.testing.assert_allclose(points, wanted, atol=1e-3)
        else:
            assert np.isnan(points).all()
