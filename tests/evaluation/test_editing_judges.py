"""Geometry, colour and groups, as `evaluate_editing` asks and writes them."""

import json
from functools import partial

import numpy as np
import pytest
from tools.pages import editing_markdown

from istrc.data.prepared import Prepared, to_tensor
from istrc.evaluation import geometry, pixels
from istrc.evaluation.editing import Bench, evaluate_editing
from istrc.evaluation.editing_faces import Edit, spread
from istrc.evaluation.editing_judges import PictureJudges
from istrc.evaluation.editing_measures import measure
from istrc.evaluation.pixels import mouth_visible, skin_mask
from istrc.evaluation.results import plain

pytest.importorskip("skimage", reason="scikit-image is not installed")
TWO = ("smile", "beard")


@pytest.fixture(scope="module")
def toys(pointed_folder):
    return Prepared(pointed_folder)


@pytest.fixture
def predictor(monkeypatch, face_points):
    """In dlib's stead: the schematic face, whose mouth's corners rise with the red of the mouth."""

    class Reddish:
        def landmarks(self, pixels):
            points = face_points.copy()
            mouth = pixels[80:110, 40:88].astype(float).mean((0, 1))
            points[[48, 54, 60, 64], 1] -= (mouth[0] - mouth[1:].mean()) / 500
            return points.astype(np.float32)

    monkeypatch.setattr(geometry, "Measurer", Reddish)


def test_what_cannot_look_is_left_out_and_says_why(circle, prepared, judge):
    seen = PictureJudges(prepared)
    assert set(seen.skipped) == {"geometry", "colour", "groups"}
    found = evaluate_editing(
        circle=circle,
        prepared=prepared,
        judge=judge,
        modes=("photo",),
        transformations=("smile",),
        faces=4,
    )
    for name in seen.skipped:
        assert "prepare it again with --measured" in found[name]["skipped"]
    assert not {"moved", "tone_inside"} & set(found["methods"]["photo"]["1"]["edits"]["smile+"])
    text = editing_markdown(plain(found))
    assert "Not measured: geometry (" in text and "Geometry and colour" not in text


def test_without_scikit_image_there_is_geometry(toys, predictor, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skimage.color", None)
    seen = PictureJudges(toys)
    assert set(seen.skipped) == {"colour", "groups"} and seen.geometry is not None
    assert "scikit-image" in seen.skipped["colour"]


def test_the_figures_of_one_edit_the_slow_way(circle_of, toys, judge, predictor):
    seen = PictureJudges(toys, grey=3)
    bench = Bench(toys, judge, None, split="valid", batch_size=16, others=seen)
    rows = toys.rows("valid")[:12]
    edit = Edit("smile", -1, rows)
    editor = partial(circle_of(toys).edit, mode="photo")
    outcome = bench.run(editor, edit, 1.0)
    numbers = measure(outcome, toys)

    points = seen.geometry.find(outcome.pixels)
    figures = seen.geometry.measure(edit, points)
    assert numbers["moved"] == figures["moved"].mean()
    assert numbers["moved_by"] == np.median(figures["moved_by"])
    open_before = np.isfinite(figures["shut"])
    assert numbers["open_before"] == open_before.sum() > 0
    assert numbers["shut"] == figures["shut"][open_before].mean()
    old = toys.landmarks[rows]
    seen_still = mouth_visible(toys.images[rows], outcome.pixels, old, open_before)
    assert numbers["inside_seen"] == np.nanmean(seen_still)
    closed = [
        bool(is_shut) and not still
        for is_shut, still in zip(figures["shut"], seen_still, strict=True)
        if np.isfinite(is_shut) and np.isfinite(still)
    ]
    assert numbers["closed"] == np.mean(closed)
    tones = pixels.tone_shifts(
        toys.images[rows], outcome.pixels, toys.landmarks[rows], points, "smile"
    )
    assert numbers["tone_inside"] == pytest.approx(np.nanmean(tones["tone_inside"]))
    assert numbers["tone_outside"] == pytest.approx(np.nanmean(tones["tone_outside"]))
    # Three of the faces, edited as grey photographs
    added = []
    for row in rows[spread(12, 3)]:
        grey = to_tensor(pixels.greyed(toys.images[row])[None])
        edited = ((editor(grey, {"smile": -1.0}) + 1) * 127.5).round().byte().numpy()[0]
        skin = skin_mask(toys.landmarks[row], toys.size)
        added.append(pixels.chroma(edited.transpose(1, 2, 0), skin))
    assert numbers["chroma_added"] == pytest.approx(np.mean(added), rel=1e-4)

    few = outcome.on(np.array([0, 7]))
    assert few.figures["moved_by"].tolist() == figures["moved_by"][[0, 7]].tolist()
    assert few.groups["male"].tolist() == outcome.groups["male"][[0, 7]].tolist()

    members, before = seen.groups.of(rows), judge.probabilities(toys.batch(rows))
    assert set(numbers["groups"]) == {word for word, inside in members.items() if inside.any()}
    for word, found in numbers["groups"].items():
        inside = members[word]
        assert found["faces"] == inside.sum()
        assert found["moved"] == figures["moved"][inside].mean()
        change = np.abs(outcome.after - before)[inside, 1:]  # smile is the first
        assert found["leakage"] == pytest.approx(change.mean(), rel=1e-5)


def test_all_of_it_is_written_once_and_the_file_stays_small(circle_of, toys, judge, predictor):
    found = evaluate_editing(
        circle=circle_of(toys),
        prepared=toys,
        judge=judge,
        modes=("photo", "anchored"),
        transformations=TWO,
        faces=8,
        grey=2,
    )
    photo, anchored = (found["methods"][mode]["1"] for mode in ("photo", "anchored"))
    nothing = found["methods"]["nothing, photo"]["0"]
    assert nothing["mean"]["tone_inside"] == 0
    assert nothing["mean"]["chroma_added"] == pytest.approx(0, abs=0.01)
    edits, mean = photo["edits"], photo["mean"]
    assert mean["moved"] == pytest.approx(
        np.mean([e["moved"] for e in edits.values() if "moved" in e])
    )
    assert mean["tone_outside"] == pytest.approx(
        np.mean([e["tone_outside"] for e in edits.values()])
    )
    assert "moved" not in edits["beard+"] and "moved" in edits["smile+"]
    for mean in (photo["mean"], anchored["mean"]):
        assert {"moved", "tone_inside", "leakage"} < set(mean["groups"]["turned"])
        assert {"dark skin", "frontal", "not male"} < set(mean["groups"])
    assert set(edits["smile+"]["groups"]["male"]) == {"faces", "success", "sex_flips"}
    assert list(anchored) == ["mean"]
    assert found["geometry"]["measures"]["smile"]["gap"] > 0
    assert found["groups"]["turned_over"] > 0 and found["colour"]["difference"] == "CIEDE2000"
    json.dumps(plain(found))

    text = editing_markdown(plain(found))
    assert "## Geometry and colour, means over the edits" in text
    assert "| smile- | lip_curve |" in text and "| beard+ | - | - |" in text
    heads = [line for line in text.splitlines() if line.startswith("| group |")]
    assert heads and "tone outside" in heads[0] and "same person" not in heads[0]
