import math
from functools import partial

import numpy as np
import pytest
from tools.pages import editing_markdown

from istrc.evaluation import metrics
from istrc.evaluation.editing import Bench, evaluate_editing
from istrc.evaluation.editing_faces import Edit, choose_faces, recognised
from istrc.evaluation.editing_measures import Outcome, measure, verdicts
from istrc.evaluation.results import write_results
from istrc.evaluation.viewers import Sheets, ranked

THREE = ("smile", "male", "beard")


class Descriptors:
    """A second recogniser of real arithmetic: colours of a 4 x 4 thumbnail, and landmarks that
    shift with the face's brightness."""

    name = "thumbnail"

    def describe(self, x):
        return x.unfold(2, 4, 4).unfold(3, 4, 4).mean((4, 5)).flatten(1).numpy()

    def describe_with_landmarks(self, x):
        grid = np.stack(np.meshgrid(np.arange(8.0), np.arange(9.0)), 2).reshape(-1, 2)[:68]
        return self.describe(x), grid + x.mean((1, 2, 3)).numpy()[:, None, None]

    def threshold(self, prepared, *, far, seed):
        return {"threshold": 0.8, "far": far, "people": 9, "pairs": 1, "seed": seed}


@pytest.fixture(scope="module")
def bench(prepared, judge):
    return Bench(prepared, judge, Descriptors(), split="valid", batch_size=16)


@pytest.fixture(scope="module")
def found(circle, prepared, judge):
    return evaluate_editing(
        circle=circle,
        prepared=prepared,
        judge=judge,
        second=Descriptors(),
        transformations=THREE,
        strengths=(0.5, 1.0),
        faces=12,
        batch_size=8,
    )


def test_what_real_faces_of_a_class_get(prepared, judge, bench, found):
    edits, _ = choose_faces(prepared, bench.probability, judge, transformations=THREE, faces=15)
    shares = recognised(prepared, bench.probability, judge, edits, "valid")
    assert found["recognised"] == {edit.name: shares[edit.name] for edit in edits}
    rows, male = prepared.rows("valid"), judge.column("male")
    p = judge.probabilities(prepared.batch(rows))
    for edit in edits:
        taken, wanted = [], edit.sign > 0
        for row, said in zip(rows, p, strict=True):
            man = prepared.column("male")[row] == 1 and said[male] >= 0.5
            if prepared.column(edit.attribute)[row] == wanted and (
                edit.attribute != "beard" or man
            ):
                taken.append((said[judge.column(edit.attribute)] >= 0.5) == wanted)
        assert shares[edit.name] == pytest.approx(sum(taken) / len(taken))
    assert "of real faces" in editing_markdown(found)


def test_faces_lack_the_target_by_label_and_by_judge(prepared, judge, bench):
    edits, left_out = choose_faces(
        prepared, bench.probability, judge, transformations=(*THREE, "wings"), faces=15, seed=2
    )
    assert left_out == {"wings": "no labels in this data"}
    assert [e.name for e in edits] == ["smile+", "smile-", "male+", "male-", "beard+", "beard-"]
    male = judge.column("male")
    for edit in edits:
        assert 0 < len(edit.rows) <= 15 and (np.diff(edit.rows) > 0).all()
        assert set(edit.rows) <= set(prepared.rows("valid"))
        p = judge.probabilities(prepared.batch(edit.rows))
        wanted = 0 if edit.sign > 0 else 1
        assert (prepared.column(edit.attribute)[edit.rows] == wanted).all()
        assert ((p[:, judge.column(edit.attribute)] >= 0.5) == wanted).all()
        if edit.attribute == "beard":
            assert (prepared.column("male")[edit.rows] == 1).all() and (p[:, male] >= 0.5).all()


def test_the_numbers_of_one_edit_the_slow_way(circle, prepared, judge, bench):
    edit = choose_faces(prepared, bench.probability, judge, transformations=("smile",), faces=10)[
        0
    ][0]
    editor = partial(circle.edit, mode="photo")
    outcome = bench.run(editor, edit, 1.0)
    numbers = measure(outcome, prepared)

    x = prepared.batch(edit.rows)
    y = circle.edit(x, {"smile": 1.0}, mode="photo")
    y = ((y + 1) * 127.5).round() / 127.5 - 1
    p, q = judge.probabilities(x), judge.probabilities(y)
    smile, male = judge.column("smile"), judge.column("male")
    others = [a for a in range(p.shape[1]) if a != smile]
    assert numbers["success"] == np.mean(q[:, smile] >= 0.5)
    assert numbers["sex_flips"] == np.mean((p[:, male] >= 0.5) != (q[:, male] >= 0.5))
    leak = np.mean([abs(q[i, a] - p[i, a]) for i in range(len(p)) for a in others])
    assert numbers["leakage"] == pytest.approx(leak, abs=1e-5)
    second = Descriptors()
    apart = np.linalg.norm(second.describe(x) - second.describe(y), axis=1)
    assert numbers["same_person"] == np.mean(apart < 0.8)
    # both coordinates of all landmarks move by as much
    eyes = second.describe_with_landmarks(x)[1][0, [36, 39, 42, 45]]
    apart = np.linalg.norm(eyes[:2].mean(0) - eyes[2:].mean(0))
    moved = np.abs((x - y).mean((1, 2, 3)).numpy()) * 2**0.5 / apart
    assert numbers["pose_shift"] == pytest.approx(moved.mean(), rel=1e-4)
    outside = ~metrics.face_ellipse(prepared.size)
    dB = metrics.psnr(x, y, outside).clamp(max=60).mean().item()
    assert numbers["background_psnr"] == pytest.approx(dB, rel=1e-4)
    won = (q[:, smile] >= 0.5).astype(float)
    error = np.sqrt(((won - won.mean()) ** 2).sum() / (len(won) - 1) / len(won))
    assert numbers["standard_error"]["success"] == pytest.approx(error)
    men = prepared.column("male")[edit.rows] == 1
    assert numbers["groups"]["male"]["faces"] == men.sum()
    assert numbers["groups"]["male"]["success"] == np.mean(q[men, smile] >= 0.5)


def test_the_standard_error_of_a_mean_over_edits_is_made_of_theirs(found):
    edits = found["methods"]["photo"]["1"]["edits"].values()
    errors = [one["standard_error"]["success"] for one in edits]
    mean = found["methods"]["photo"]["1"]["mean"]
    assert mean["standard_error"]["success"] == pytest.approx(
        math.sqrt(sum(e * e for e in errors)) / len(errors)
    )
    assert "standard_error" not in next(iter(mean["groups"].values()))


def test_every_method_strength_and_edit_is_there(found, judge):
    assert list(found["methods"]) == [
        "photo", "anchored", "circle", "nothing, photo", "nothing, anchored", "nothing, circle",
    ]  # fmt: skip
    assert list(found["methods"]["photo"]) == ["0.5", "1"]
    for method, by_strength in found["methods"].items():
        for strength, result in by_strength.items():
            assert np.isfinite(
                [result["mean"][k] for k in ("frechet", "kernel", "pose_shift")]
            ).all()
            assert result["mean"]["groups"]["male"]["faces"] > 0
            if method != "photo":  # of all others the mean alone: the file stays small
                assert list(result) == ["mean"]
                continue
            assert len(result["edits"]) == 6 == result["mean"]["edits"]
            assert "sex_flips" not in result["edits"]["male+"]
            values = [e["success"] for e in result["edits"].values()]
            assert result["mean"]["success"] == pytest.approx(np.mean(values))
            flips = [e["sex_flips"] for e in result["edits"].values() if "sex_flips" in e]
            assert result["mean"]["sex_flips"] == pytest.approx(np.mean(flips))
            assert set(result) == {"edits", "mean"}
            if strength != "1":  # what is larger than all means stands once
                assert not any("groups" in e for e in result["edits"].values())
                continue
            groups = [
                e["groups"]["male"] for e in result["edits"].values() if "male" in e["groups"]
            ]
            male = result["mean"]["groups"]["male"]
            assert male["faces"] == sum(group["faces"] for group in groups)
            assert male["success"] == pytest.approx(np.mean([g["success"] for g in groups]))
    assert found["judge"]["checksum"] == judge.checksum


def test_doing_nothing_does_nothing_in_photo_mode(found):
    nothing = found["methods"]["nothing, photo"]["0"]["mean"]
    assert nothing["success"] == 0 and nothing["same_person"] == 1 and nothing["sex_flips"] == 0
    assert nothing["leakage"] == pytest.approx(0, abs=1e-6)
    assert nothing["background_psnr"] == pytest.approx(60)
    edited = found["methods"]["photo"]["1"]["mean"]
    assert edited["success"] > 0 and edited["leakage"] > 0


def test_leakage_and_flips_are_of_all_attributes_but_the_target(prepared, judge):
    rng = np.random.default_rng(0)
    before, after = rng.random((2, 5, len(judge.attribute_names)))
    edit = Edit("smile", +1, prepared.rows("valid")[:5])
    figures = verdicts(edit, before, after, judge)
    found = measure(Outcome(edit, after, figures, 1.0, np.zeros((5, 2))), prepared)
    others = [a for a, name in enumerate(judge.attribute_names) if name != "smile"]
    change = [abs(after[n, a] - before[n, a]) for n in range(5) for a in others]
    flips = [(after[n, a] >= 0.5) != (before[n, a] >= 0.5) for n in range(5) for a in others]
    assert found["leakage"] == pytest.approx(np.mean(change))
    assert found["flips"] == pytest.approx(np.mean(flips))


def test_a_peer_is_measured_on_the_same_faces(circle, prepared, judge):
    found = evaluate_editing(
        circle=circle,
        prepared=prepared,
        judge=judge,
        modes=("photo",),
        transformations=("smile",),
        peers={"the same again": lambda x, s: circle.edit(x, s, mode="photo")},
        nothing=False,
        faces=8,
    )
    ours, peer = (found["methods"][m]["1"] for m in ("photo", "the same again"))
    assert ours["mean"]["success"] == peer["mean"]["success"]
    assert ours["mean"]["leakage"] == peer["mean"]["leakage"]
    assert "same_person" not in ours["mean"] and found["second_recogniser"] is None


def test_faces_are_edited_in_batches(circle, prepared, judge):
    circle.calls.clear()
    evaluate_editing(
        circle=circle,
        prepared=prepared,
        judge=judge,
        modes=("anchored",),
        transformations=("smile",),
        strengths=(1.5,),
        faces=10,
        batch_size=4,
        nothing=False,
    )
    assert [c[0] for c in circle.calls] == [4, 4, 2] * 2
    assert circle.calls[0][1:] == ({"smile": 1.5}, "anchored")
    assert circle.calls[3][1:] == ({"smile": -1.5}, "anchored")


def test_what_the_circle_does_not_know_is_said(circle, prepared, judge, monkeypatch):
    monkeypatch.setattr(circle, "attribute_names", ["smile"])
    found = evaluate_editing(
        circle=circle,
        prepared=prepared,
        judge=judge,
        modes=("photo",),
        transformations=("smile", "male"),
        faces=4,
        nothing=False,
    )
    assert found["left_out"] == {"male": "the circle does not know it"}
    assert list(found["recognised"]) == ["smile+", "smile-"]


def test_the_table_and_the_file(found, tmp_path):
    text = editing_markdown(found)
    assert "| nothing, circle | 0 |" in text and "| smile+ |" in text
    assert "beard and mustache on men" in text and "thumbnail" in text
    assert "| not male |" in text
    assert "## Success where so many are the same person\n" in text and "kernel" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("| photo | 0.5 |")}
    widths |= {line.count("|") for line in text.splitlines() if line.startswith("| method | str")}
    assert len(widths) == 1
    record = write_results(tmp_path / "editing.json", found, seed=0, command="c")
    assert record["methods"]["photo"]["1"]["edits"]["smile+"]["faces"] <= 12


def test_sheets_are_drawn_once_a_transformation(circle, prepared, judge, tmp_path):
    sheets = Sheets(tmp_path, prepared, judge, "photo, strength 1", each=2)
    evaluate_editing(
        circle=circle,
        prepared=prepared,
        judge=judge,
        transformations=("smile", "male"),
        faces=9,
        show={("photo", 1.0): [sheets]},
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["male.png", "smile.png"]
    assert len(sheets.rows["smile"]) == 4  # before and after, in both directions
    assert len(sheets.rows["smile"][0].faces) == 6


def test_ranking_shows_no_face_twice():
    verdict = np.array([0.3, 0.9, 0.1, 0.5, 0.7, 0.2, 0.8])
    groups = ranked(verdict, each=2)
    assert groups["worst"].tolist() == [2, 5] and groups["best"].tolist() == [6, 1]
    assert groups["median"].tolist() == [0, 3]
    for count in range(1, 15):
        shown = np.concatenate(list(ranked(np.linspace(0, 1, count), each=4).values()))
        assert len(set(shown.tolist())) == len(shown) >= 1
