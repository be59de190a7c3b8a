"""Ways to hold an edit, measured: every one on the same faces, with the walk that it says."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from istrc.circle import Circle
from istrc.edit import holding
from istrc.errors import InputError
from istrc.evaluation.editing import Bench
from istrc.evaluation.editing_faces import Edit
from istrc.evaluation.holding import (
    FAULTS,
    VARIANTS,
    WatchedEdit,
    changes,
    evaluate_holding,
    faults_of,
    holding_markdown,
    with_classifiers,
    women_without,
)
from istrc.models.attributes import AttributeClassifiers
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.mapping import Mapping

pytest.importorskip("sklearn")
NAMES = ("smile", "male", "beard", "makeup")


@pytest.fixture(scope="module")
def untrained(draw_circle):
    return draw_circle(NAMES)


@pytest.fixture(scope="module")
def found(untrained, prepared, judge):
    seen = []
    result = evaluate_holding(
        circle=untrained, prepared=prepared, judge=judge, transformations=("smile", "beard"),
        faces=3, steps=2, training_faces=60, progress=lambda *at: seen.append(at),
    )  # fmt: skip
    return result, seen


def test_every_way_is_measured_on_the_same_faces(found, untrained):
    result, seen = found
    assert list(result["variants"]) == [variant.name for variant in VARIANTS]
    edits = ["smile+", "smile-", "beard+", "beard-"]
    for one in result["variants"].values():
        assert list(one["edits"]) == edits
        mean = one["mean"]
        for number in ("success", "leakage", "sex_flips", "angle"):
            per_edit = [told[number] for told in one["edits"].values()]
            assert mean[number] == pytest.approx(np.mean(per_edit)), number
        assert one["faults"] == {"beard+, women: male": one["women"]["beard+"]["changes"]["male"]}
        assert list(one["women"]) == ["beard+"]  # beside the means
        assert "same_person" not in mean  # nobody was asked
    assert set(result["classifiers"]) == {"own", "plain", "balanced", "conditional"}
    assert seen == sorted(seen) and seen[-1] == (50, 50)
    assert untrained.attributes.names == NAMES  # it is as it was


def test_ways_that_hold_the_same_are_the_same(found, untrained, prepared, judge):
    """And what differs: what is held, or who is followed."""
    edited = {}
    x = prepared.batch(prepared.rows("valid")[:4])
    for variant in VARIANTS[:3]:
        edit = WatchedEdit(untrained, variant.keep)
        edited[variant.name] = edit(x, {"beard": 1.0})
        assert torch.equal(edited[variant.name], untrained.edit(x, {"beard": 1}, keep=variant.keep))
        z = untrained.embed(x)
        angle = untrained.reach(x, z, {"beard": 1}, keep=variant.keep).walk.angle
        assert torch.equal(torch.cat(edit.angles), angle)
    smile = WatchedEdit(untrained, None)(x, {"smile": 1.0})  # one that moves what is there
    assert torch.equal(smile, untrained.edit(x, {"smile": 1}))
    assert not torch.equal(edited["nothing held"], edited["the sex held"])
    assert holding.held(["beard"], VARIANTS[1].keep) == ["male"]
    assert holding.held(["beard"], VARIANTS[0].keep) == []
    torch.manual_seed(1)
    others = AttributeClassifiers(NAMES, 8, 4, 4)
    other = with_classifiers(untrained, others)
    assert other.attributes is others and other.autoencoder is untrained.autoencoder
    assert not torch.equal(WatchedEdit(other, [])(x, {"beard": 1.0}), edited["nothing held"])
    assert untrained.attributes is not others


def test_the_papers_faults_by_hand():
    judge = SimpleNamespace(attribute_names=["male", "beard"])
    before, after = np.array([[0.9, 0.1], [0.5, 0.2]]), np.array([[0.6, 0.9], [0.7, 0.9]])
    moved = changes(SimpleNamespace(before=before, after=after), judge)
    assert moved == pytest.approx({"male": (0.3 + 0.2) / 2, "beard": 0.75})
    told = {"changes": moved}
    assert faults_of({"beard+": told, "beard-": told}, {}) == {}  # of men: nothing to see
    assert faults_of({}, {"beard+": told}) == {"beard+, women: male": moved["male"]}
    assert faults_of({"makeup+": told}, {}) == {"makeup+: male": moved["male"]}
    assert faults_of({"young-": told}, {}) == {}  # this judge knows no glasses
    assert {name for name, _ in FAULTS} == {"beard+", "mustache+", "makeup+", "young-", "young+"}


def test_beards_are_asked_of_women(prepared, judge):
    bench = Bench(prepared, judge, None, split="valid", batch_size=8)
    beard = Edit("beard", +1, np.zeros(1, int))
    (women,) = women_without([beard], prepared, bench, 5, 0)
    assert women.name == "beard+" and 0 < len(women.rows) <= 5
    assert (prepared.column("male")[women.rows] == 0).all()
    assert (prepared.column("beard")[women.rows] == 0).all()
    places = np.searchsorted(bench.rows, women.rows)
    assert (bench.probability[places, judge.column("male")] < 0.5).all()
    assert (bench.probability[places, judge.column("beard")] < 0.5).all()
    assert not women_without([Edit("smile", +1, np.zeros(1, int))], prepared, bench, 5, 0)


def test_the_table_has_a_row_a_way(found):
    table = holding_markdown(found[0])
    assert all(f"| {variant.name} |" in table for variant in VARIANTS)
    assert "| beard+, women: male |" in table and "2 batches" in table and "balanced 0." in table


def test_what_cannot_be_measured_is_said(untrained, prepared, judge, toys):
    settings = dict(circle=untrained, judge=judge, faces=2, steps=1)
    with pytest.raises(InputError, match="no valid face to edit"):
        evaluate_holding(**settings, prepared=prepared, transformations=["big_nose"])
    torch.manual_seed(0)
    parts = (FaceNet(16, 8, (4, 4), (1, 1)), AutoEncoder(16, 6, (4, 4)), Mapping(8, 6, 8, 2))
    for names, said in ((("smile", "hats"), "no labels of 'hats'"), (("smile",), "no attribute")):
        settings["circle"] = Circle(*parts, AttributeClassifiers(names, 8, 4, 4))
        with pytest.raises(InputError, match=said):
            evaluate_holding(**settings, prepared=prepared, transformations=["smile"])
