import math

import pytest
import torch

from istrc.errors import InputError
from istrc.evaluation.editing import Bench, evaluate_editing
from istrc.evaluation.editing_faces import choose_faces
from istrc.evaluation.peers.calibration import (
    FACTORS,
    PEERS,
    choose_peers,
    mean_success,
    prepare_peers,
    unit_for,
)


def test_peers_by_name():
    assert [p.name for p in choose_peers(["dfi", "boundary", "dfi"])] == ["dfi", "boundary"]
    assert choose_peers(["all"]) == tuple(PEERS.values()) and choose_peers([]) == ()
    with pytest.raises(InputError, match="gan: no such peer; give all, or some of paper_walk"):
        choose_peers(["gan"])


def test_the_unit_is_where_the_goal_is_reached():
    tried = {1.0: 0.2, 2.0: 0.6, 4.0: 0.8, 8.0: 0.5}
    assert unit_for(tried, 0.4) == pytest.approx(math.sqrt(2))
    assert unit_for(tried, 0.6) == pytest.approx(2.0)
    assert unit_for(tried, 0.7) == pytest.approx(2 * math.sqrt(2))
    assert unit_for(tried, 0.1) == 1.0  # enough from the first
    assert unit_for(tried, 0.9) == 4.0  # never enough: its best


@pytest.fixture(scope="module")
def peers(untrained, prepared, judge):
    return prepare_peers(
        choose_peers(["all"]),
        circle=untrained,
        prepared=prepared,
        judge=judge,
        transformations=("smile", "male", "wings"),
        faces=3,
        few=2,
        examples=60,
    )


def test_every_peer_is_calibrated_on_tune(peers, untrained, prepared, judge):
    assert list(peers) == list(PEERS) and [p.plan.slow for p in peers.values()] == [False] * 3 + [
        True
    ]
    bench = Bench(prepared, judge, None, split="tune", batch_size=8)
    edits, _ = choose_faces(
        prepared, bench.probability, judge, transformations=("smile", "male"), split="tune", faces=3
    )
    vector = peers["code_vector"]
    assert sorted(vector.tried) == list(FACTORS)
    assert vector.tried[2.0] == pytest.approx(mean_success(bench, vector.edit, edits, 2.0))
    assert vector.unit == unit_for(vector.tried, vector.goal)
    assert set(vector.record) == {"measure", "unit", "slow", "goal", "tried"}


def test_strength_1_is_the_unit(peers, x):
    vector = peers["code_vector"]
    torch.testing.assert_close(
        vector(x, {"smile": -0.5}), vector.edit(x, {"smile": -0.5 * vector.unit})
    )


def test_slow_peers_are_compared_on_their_faces(peers, untrained, prepared, judge):
    found = evaluate_editing(
        circle=untrained,
        prepared=prepared,
        judge=judge,
        modes=("photo",),
        transformations=("smile", "male"),
        strengths=(1.0, 3.0),
        faces=5,
        peers={name: peers[name] for name in ("code_vector", "dfi")},
        slow=["dfi"],
        few=2,
    )
    # ours allows no strength of 3; a slow peer is only on the few
    assert {m: list(s) for m, s in found["methods"].items()} == {
        "photo": ["1"], "code_vector": ["1", "3"], "nothing, photo": ["0"],
    }  # fmt: skip
    few = found["few"]
    assert list(few["methods"]) == ["photo", "code_vector", "dfi", "nothing, photo"]
    for by_strength in few["methods"].values():
        for one in by_strength.values():
            assert one["mean"]["faces"] <= 2 * one["mean"]["edits"]
    assert few["slow"] == ["dfi"]


def test_fewer_faces_are_those_faces(untrained, prepared, judge):
    """What is taken of a full outcome is what measuring those faces alone gives."""
    bench = Bench(prepared, judge, None, split="valid", batch_size=8)
    edit = choose_faces(prepared, bench.probability, judge, transformations=["smile"], faces=7)[0][
        0
    ]
    editor = lambda x, s: untrained.edit(x, s)  # noqa: E731
    places = [0, 3, 6]
    taken, alone = bench.run(editor, edit, 1.0).on(places), bench.run(editor, edit.on(places), 1.0)
    assert taken.edit.rows.tolist() == alone.edit.rows.tolist()
    assert taken.after == pytest.approx(alone.after, abs=1e-5)
    assert taken.figures.keys() == alone.figures.keys() and "same_person" not in taken.figures
    background = alone.figures["background_psnr"]
    assert taken.figures["background_psnr"] == pytest.approx(background, abs=1e-3)
    assert taken.features.shape == alone.features.shape
