import statistics

import numpy as np
import pytest
from PIL import Image

from istrc.data import measured
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation import geometry
from istrc.evaluation.editing_faces import Edit
from istrc.evaluation.geometry import Geometry, Typical
from istrc.shape.measures import measures

needs_dlib = pytest.mark.skipif(
    not measured.available(), reason="dlib's landmark predictor is not installed"
)


@pytest.fixture
def predictor(monkeypatch):
    """dlib's predictor stood in for: every picture has the points that its first pixel numbers."""
    points = []

    class Numbered:
        def landmarks(self, pixels):
            assert pixels.shape == (128, 128, 3)
            return points[pixels[0, 0, 0]]

    monkeypatch.setattr(geometry, "Measurer", Numbered)
    return points


def test_typical_of_a_measure_the_slow_way():
    rng = np.random.default_rng(0)
    values, labels = rng.normal(size=500), rng.integers(-1, 2, 500)
    typical = Typical.of("lip_gap", values, labels)
    having = [v for v, label in zip(values, labels, strict=True) if label == 1]
    without = [v for v, label in zip(values, labels, strict=True) if label == 0]
    assert typical.gap == pytest.approx(sum(having) / len(having) - sum(without) / len(without))
    assert typical.faces == (len(without), len(having))
    assert np.mean(values > typical.high) == pytest.approx(0.01)
    assert np.mean(values < typical.low) == pytest.approx(0.01)
    assert typical.middles == (statistics.median(without), statistics.median(having))
    assert Typical.of("lip_gap", values, np.zeros(500)) is None


@pytest.mark.parametrize("gap", (0.2, -0.2))
@pytest.mark.parametrize("sign", (1, -1))
def test_a_way_is_counted_towards_what_was_wanted(gap, sign):
    typical = Typical("nose_width", gap, -1.0, 1.0, (5, 5), (0.0, gap))
    towards = sign * gap  # by one gap the right way
    before = np.array([0.0, 0.1, -0.3])
    found = geometry.change(before, before + np.array([1, 0.4, -2]) * towards, typical, sign)
    assert found == pytest.approx([1, 0.4, -2])
    end = np.array([1.5, -1.5, 0.5])
    assert geometry.in_tail(end, typical, sign).tolist() == [
        (e > 1.0 if towards > 0 else e < -1.0) for e in end
    ]


def test_only_open_mouths_can_be_shut():
    before, after = np.array([0.05, 0.2, 0.2, 0.2]), np.array([0.0, 0.1, 0.11, 0.0])
    assert np.isnan(geometry.shut(before, after)[0])
    assert geometry.shut(before, after)[1:].tolist() == [1, 0, 1]


def test_figures_of_an_edit_the_slow_way(pointed_folder, predictor):
    prepared = Prepared(pointed_folder)
    seen = Geometry(prepared, "valid")
    real = measures(prepared.landmarks[prepared.rows("valid")].astype(float))
    smile = prepared.column("smile")[prepared.rows("valid")]
    curve = real["lip_curve"]
    gap = curve[smile == 1].mean() - curve[smile == 0].mean()
    assert seen.typical["smile"].gap == pytest.approx(gap)
    assert set(seen.typical) == {"smile", "wide_mouth"}  # the data has no other that is measured
    assert seen.record["measures"]["smile"]["measure"] == "lip_curve"

    rows = prepared.rows("valid")[:9]
    edit = Edit("smile", -1, rows)
    rng = np.random.default_rng(3)
    moved = prepared.landmarks[rows] + rng.normal(0, 0.02, (9, 68, 2)).astype(np.float32)
    predictor[:] = list(moved)
    numbers = np.arange(9, dtype=np.uint8)[:, None, None, None]
    pictures = np.broadcast_to(numbers, (9, 40, 40, 3))
    points = seen.find(pictures)
    assert points.dtype == np.float32 and np.array_equal(points, moved)

    figures = seen.measure(edit, points)
    for i, row in enumerate(rows):
        before = measures(prepared.landmarks[row].astype(float))
        after = measures(moved[i].astype(float))
        way = (before["lip_curve"] - after["lip_curve"]) / gap
        assert figures["moved_by"][i] == pytest.approx(way)
        assert figures["moved"][i] == (way > 0.5)
        would = (before["lip_curve"] - np.median(curve[smile == 0])) / gap
        assert figures["middle"][i] == (would > 0.5)
        assert figures["beyond"][i] == (after["lip_curve"] < np.percentile(curve, 1))
        open_before = before["lip_gap"] > 0.10
        assert np.isnan(figures["shut"][i]) == (not open_before)
        if open_before:
            assert figures["shut"][i] == (after["lip_gap"] <= before["lip_gap"] / 2)
    assert 0 < figures["middle"].sum() < 9
    assert 0 < np.isfinite(figures["shut"]).sum() < 9  # the toys have mouths of both kinds
    assert set(seen.measure(Edit("male", 1, rows), points)) == set()
    assert set(seen.measure(Edit("mouth_open", -1, rows), points)) == {"shut"}


def test_nothing_moves_where_nothing_was_edited(pointed_folder, predictor):
    prepared = Prepared(pointed_folder)
    seen = Geometry(prepared)
    rows = prepared.rows("valid")[:5]
    figures = seen.measure(Edit("wide_mouth", 1, rows), prepared.landmarks[rows])
    assert np.all(figures["moved"] == 0) and np.all(figures["moved_by"] == 0)


def test_data_without_landmarks_is_named(prepared, pointed_folder, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no landmarks in this data"):
        Geometry(prepared)
    monkeypatch.setattr(measured, "predictor_path", lambda: None)
    with pytest.raises(InputError, match="need dlib"):
        Geometry(Prepared(pointed_folder))


@needs_dlib
def test_a_picture_of_any_size_has_the_same_points(photograph, pointed_folder):
    seen = Geometry(Prepared(pointed_folder))
    # The astronaut's face where CelebA's alignment would put it, roughly
    face = Image.open(photograph).convert("RGB").crop((160, 45, 288, 173))
    found = [
        seen.find(np.asarray(face.resize((size, size), Image.Resampling.LANCZOS))[None])
        for size in (96, 128, 256)
    ]
    assert found[0].shape == (1, 68, 2) and np.abs(found[1]).max() < 1.2
    assert np.abs(found[0] - found[1]).max() < 0.06 and np.abs(found[2] - found[1]).max() < 0.06
