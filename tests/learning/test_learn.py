"""From embeddings to an attribute of a circle: what is refused, what is kept, who knows it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from istrc import Circle
from istrc.errors import InputError
from istrc.learning import user_attributes
from istrc.learning.learn import checked_name, differing, learn_attribute, trust_of
from istrc.models.learned import LearnedAttribute
from istrc.sphere import normalize

RECORD = {"kind": "own", "sha256": "b" * 64, "dim": 8, "path": "/somewhere"}


def side(count, towards, seed=0, dim=8):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(count, dim, generator=generator) * 0.5
    z[:, 0] += towards
    return normalize(z)


@pytest.fixture
def circle(blank_model, tmp_path, monkeypatch):
    monkeypatch.setenv(user_attributes.VARIABLE, str(tmp_path / "learned"))
    return Circle.from_pretrained(blank_model)


def one_line(call, *said):
    with pytest.raises(InputError) as error:
        call()
    for word in said:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_learned_knows_its_faces_and_its_recogniser():
    learned = learn_attribute("hats", side(20, 1), side(15, -1, 1), recogniser=RECORD)
    assert learned.recogniser == {"kind": "own", "sha256": "b" * 64}  # and no path of a machine
    logits = torch.cat([side(50, 1, 2), side(50, -1, 3)]) @ learned.weight + learned.bias
    assert (logits[:50] > 0).float().mean() > 0.9 and (logits[50:] < 0).float().mean() > 0.9
    assert (learned.notes["with"], learned.notes["without"]) == (20, 15)
    assert trust_of(learned).auc > 0.9 and trust_of(learned).word == "good"


def test_chance_is_told_as_chance():
    learned = learn_attribute("hats", side(20, 0), side(20, 0, 1), recogniser=RECORD)
    assert trust_of(learned).word == "do not trust it"


def test_too_few_different_faces():
    few = torch.cat([side(4, 1), side(4, 1)])  # each of them twice
    for sides in ((few, side(9, -1, 1)), (side(9, -1, 1), few), (few[:0], few)):
        call = sides
        one_line(lambda c=call: learn_attribute("hats", *c, recogniser=RECORD), "5 is the least")


def test_a_picture_on_both_sides_is_named():
    z, other = side(9, 1), side(9, -1, 1)
    other[3] = z[7]
    faces = [SimpleNamespace(z=row[None], path=f"a/{n}.png") for n, row in enumerate(z)]
    others = [SimpleNamespace(z=row[None], path=f"b/{n}.png") for n, row in enumerate(other)]
    call = (faces, others)
    one_line(
        lambda: learn_attribute("hats", *call, recogniser=RECORD), "a/7.png: ", "b/3.png", "remove"
    )


@pytest.mark.parametrize("name", ["", "Hat", "no hat", "../x", "1st", "keep", "none", "a" * 41])
def test_names_that_cannot_be(name):
    one_line(lambda: checked_name(name), "no name for an attribute")
    assert checked_name("red_hat2") == "red_hat2"


def test_what_else_differs_is_found():
    rng = np.random.default_rng(0)
    having, lacking = rng.uniform(size=(30, 3)), rng.uniform(size=(30, 3))
    having[:, 1] += 0.8
    having[:, 2] -= 2
    found = differing(having, lacking, ["same", "more", "less"])
    assert list(found) == ["less", "more"] and found["less"] == 0.0 and 0.9 < found["more"]
    # Of six faces nothing is sure enough to be told
    assert not differing(having[:3, :2], lacking[:3, :2], ["same", "more"])


def test_a_circle_learns_walks_scores_and_keeps(circle):
    before = circle.attribute_names
    learned = circle.learn("hats", with_=side(12, 1), without=side(12, -1, 1))
    assert circle.attribute_names == (*before, "hats")
    assert not user_attributes.kept()  # nothing is stored unasked
    z = side(4, -0.3, 5)
    walk = circle.walk(z, {"hats": 0.5, "smile": 0.1}, keep=[], bound=3.0)
    assert ((walk.after - walk.before)[:, 0] > 0).all()
    scores = circle.scores(z)[:, -1]
    torch.testing.assert_close(scores, torch.sigmoid(z @ learned.weight + learned.bias))
    held = circle.walk(z, {"smile": 0.5}, keep=["hats"], bound=0.2).end
    torch.testing.assert_close(held @ learned.weight, z @ learned.weight, atol=0.4, rtol=0.0)
    one_line(lambda: circle.learn("hats", with_=z, without=z), "hats", "--forget")
    one_line(lambda: circle.learn("smile", with_=z, without=z), "smile", "choose another")


def test_what_is_stored_is_known_from_then_on(circle, blank_model, tmp_path):
    learned = circle.learn("hats", with_=side(12, 1), without=side(12, -1, 1))
    learned.save(circle.place_of("hats"))
    again = Circle.from_pretrained(blank_model)
    assert again.attribute_names[-1] == "hats"
    assert torch.equal(again.learned["hats"].weight, learned.weight)
    # Beside the circle, not inside it
    again.save_pretrained(tmp_path / "saved")
    assert not [path for path in (tmp_path / "saved").rglob("*") if "hats" in path.name]
    assert "hats" not in (tmp_path / "saved" / "attributes" / "config.json").read_text()


def test_a_file_is_added_and_another_recognisers_is_refused(circle, tmp_path):
    path = tmp_path / "hats.safetensors"
    learned = circle.learn("hats", with_=side(12, 1), without=side(12, -1, 1))
    learned.save(path)
    one_line(lambda: circle.add(path), "hats", "--forget")
    circle.learned.clear()
    assert circle.add(path).name == "hats" and "hats" in circle.attribute_names
    circle.learned.clear()
    other = {**learned.recogniser, "sha256": "c" * 64}
    LearnedAttribute("hats", learned.weight, 0.0, other).save(path)
    one_line(lambda: circle.add(path), str(path), "another recogniser", "weights", "again")
    LearnedAttribute("hats", learned.weight[:4], 0.0, learned.recogniser).save(path)
    one_line(lambda: circle.add(path), "dimension")


def test_a_damaged_or_foreign_file_stops_nothing_but_its_own_use(circle, blank_model):
    place = circle.place_of("hats")
    place.parent.mkdir(parents=True)
    place.write_text("no weights")
    foreign = user_attributes.place("freckles", "0" * 16)
    foreign.parent.mkdir()
    foreign.write_text("nor here")
    again = Circle.from_pretrained(blank_model)
    z = side(2, 0)
    one_line(lambda: again.walk(z, {"hats": 1}), "hats", "damaged", "--forget")
    one_line(lambda: again.walk(z, {"freckles": 1}), "freckles", "another recogniser")


def test_where_things_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("ISTRC_LEARNED", "given")
    assert str(user_attributes.folder()) == "given"
    monkeypatch.delenv("ISTRC_LEARNED")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert user_attributes.folder() == tmp_path / "istrc" / "learned"
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    assert user_attributes.folder() == tmp_path / ".local" / "share" / "istrc" / "learned"
    assert user_attributes.kept() == []
