import json

import numpy as np
import pytest
from studies.kept import Kept
from studies.realism import (
    choose_untouched,
    evaluate_realism,
    faces_of,
    gather,
    main,
    people_of,
)

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation.groups import by_label
from istrc.evaluation.viewers import keep


@pytest.fixture(scope="module")
def toys(pointed_folder):
    return Prepared(pointed_folder)


def edits_of(toys, change, names=("smile+", "smile-", "male+")):
    """Edits of some valid people's faces: each picture changed by a function."""
    found = {}
    for name in names:
        attribute, wanted = name[:-1], name[-1] == "+"
        rows = toys.rows("valid")
        rows = rows[(toys.identity[rows] < 45) & (toys.column(attribute)[rows] != wanted)]
        found[name] = Kept(change(toys.images[rows]), rows)
    return found


def test_an_unknown_person_is_nobody_else():
    from types import SimpleNamespace

    prepared = SimpleNamespace(identity=np.array([7, -1, 7, -1]))
    assert people_of(prepared, np.arange(4)).tolist() == [7, -2, 7, -4]


def test_untouched_faces_are_as_large_as_edited_ones(toys, pointed_folder):
    rows = toys.rows("valid")[:5]
    assert np.array_equal(faces_of(toys, rows, batch=2), toys.images[rows])
    half = faces_of(Prepared(pointed_folder, 16), rows)
    assert half.shape == (5, 16, 16, 3) and half.dtype == np.uint8


def test_gathered_pictures_keep_their_rows(toys):
    edits = edits_of(toys, lambda x: 255 - x)
    one, rows = gather(edits, toys, each=5)
    assert len(rows) == 15 and one.names.tolist() == ["smile+"] * 5 + ["smile-"] * 5 + ["male+"] * 5
    assert np.array_equal(one.pictures, 255 - toys.images[rows])
    assert np.array_equal(one.people, toys.identity[rows])


def test_untouched_faces_have_what_the_edits_were_to_give(toys):
    one, rows = gather(edits_of(toys, lambda x: x), toys)
    chosen = choose_untouched(toys, one.names, rows, one.people, seed=3)
    assert len(np.unique(chosen)) == len(chosen) == len(rows)
    assert not np.isin(toys.identity[chosen], one.people).any()
    # As many that smile, and of either sex, as the edits were to make
    smile, male = toys.column("smile"), toys.column("male")
    others = rows[one.names != "male+"]
    target = np.where(one.names == "smile+", 1, 0)[one.names != "male+"]
    found = np.zeros((2, 2), int)
    for row in chosen:
        found[smile[row], male[row]] += 1
    for value in (0, 1):
        for sex in (0, 1):
            wanted = int(((target == value) & (male[others] == sex)).sum())
            assert found[value, sex] >= wanted
    assert (male[chosen] == 1).sum() >= (one.names == "male+").sum()
    assert np.array_equal(chosen, choose_untouched(toys, one.names, rows, one.people, seed=3))


def test_two_methods_by_the_same_networks(toys):
    def ghost(x):
        x = x.astype(int)
        x[:, ::2, ::2] += 40
        return x.clip(0, 255).astype(np.uint8)

    found = evaluate_realism(
        {"ghosts": edits_of(toys, ghost), "nothing": edits_of(toys, lambda x: x, ("smile+",))},
        toys,
        groups=lambda rows: by_label(toys, rows),
        steps=40,
    )
    ghosts, nothing = found["methods"]["ghosts"], found["methods"]["nothing"]
    assert found["over"] == ["smile+"] and set(ghosts["edits"]) == {"smile+", "smile-", "male+"}
    assert ghosts["auc"] == ghosts["edits"]["smile+"] > nothing["auc"] + 0.15
    assert set(ghosts["groups"]) == {"male", "not male"}
    faces = {word: group["faces"] for word, group in nothing["groups"].items()}
    assert sum(faces.values()) == nothing["faces"]
    weighted = sum(g["auc"] * g["faces"] for g in nothing["groups"].values()) / nothing["faces"]
    assert weighted == pytest.approx(nothing["auc"])
    assert len(ghosts["surest"]) == 12 and " of row " in ghosts["surest"][0]
    with pytest.raises(InputError, match="no edit in common"):
        evaluate_realism(
            {n: edits_of(toys, ghost, (e,)) for n, e in (("a", "smile+"), ("b", "male+"))}, toys
        )


def test_the_command(toys, pointed_folder, tmp_path, capsys):
    for name, change in (("one", lambda x: 255 - x), ("two", lambda x: x)):
        (tmp_path / name).mkdir()
        for edit, kept in edits_of(toys, change, ("smile+", "smile-")).items():
            keep(tmp_path / name, edit, kept.pictures, kept.rows)
    file = tmp_path / "r.json"
    folders = [str(tmp_path / name) for name in ("one", "two")]
    main([str(pointed_folder), *folders, "--steps", "2", "--json", str(file)])
    found = json.loads(file.read_text())["realism"]
    assert set(found["methods"]) == {"one", "two"} and found["steps"] == 2
    assert set(found["methods"]["one"]["edits"]) == set(found["over"]) == {"smile+", "smile-"}
    assert "| smile+ |" in capsys.readouterr().out
    with pytest.raises(InputError, match="no pictures here"):
        main([str(pointed_folder), str(tmp_path)])
