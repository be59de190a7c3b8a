"""Learned attributes: one file each, and beside the classifiers as if they were some of them."""

import json

import pytest
import torch
from safetensors.torch import save_file

from istrc.errors import InputError
from istrc.models.attributes import AttributeClassifiers
from istrc.models.learned import LearnedAttribute, WithLearned
from istrc.sphere import normalize

RECORD = {"kind": "own", "sha256": "a" * 64}


def attribute(name="hats", seed=0, dim=8):
    weight = torch.randn(dim, generator=torch.Generator().manual_seed(seed))
    return LearnedAttribute(name, weight, 0.25 + seed, RECORD, {"auc": 0.9})


def test_a_file_gives_back_what_was_saved(tmp_path):
    path = tmp_path / "new" / "hats.safetensors"
    attribute().save(path)
    again = LearnedAttribute.load(path)
    assert torch.equal(again.weight, attribute().weight) and again.bias == 0.25
    assert (again.name, again.recogniser, again.notes) == ("hats", RECORD, {"auc": 0.9})
    assert [one.name for one in path.parent.iterdir()] == ["hats.safetensors"]


CONFIG = {"format": 1, "name": "hats", "recogniser": RECORD, "notes": {}}


@pytest.mark.parametrize(
    ("metadata", "weight"),
    [
        (None, torch.zeros(8)),
        ({"istrc": "{"}, torch.zeros(8)),
        ({"istrc": "[]"}, torch.zeros(8)),
        ({"istrc": json.dumps({**CONFIG, "format": 2})}, torch.zeros(8)),
        ({"istrc": json.dumps({**CONFIG, "recogniser": None})}, torch.zeros(8)),
        ({"istrc": json.dumps(CONFIG)}, torch.full((8,), torch.nan)),
        ({"istrc": json.dumps(CONFIG)}, torch.zeros(8, 2)),
        ({"istrc": json.dumps(CONFIG)}, None),
    ],
)
def test_what_is_no_learned_attribute_is_said_in_one_line(tmp_path, metadata, weight):
    path = tmp_path / "hats.safetensors"
    tensors = {"bias": torch.zeros(1), **({} if weight is None else {"weight": weight})}
    save_file(tensors, path, metadata)
    with pytest.raises(InputError, match="learn it again") as error:
        LearnedAttribute.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_missing_or_nothing_of_the_kind(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        LearnedAttribute.load(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("freckles")
    with pytest.raises(InputError, match="learn it again"):
        LearnedAttribute.load(tmp_path / "text.safetensors")


@pytest.mark.parametrize("columns", [None, [1], [3], [3, 0], [4, 1, 3, 0], []])
def test_columns_are_in_the_order_that_is_asked_for(columns):
    torch.manual_seed(0)
    own = AttributeClassifiers(("smile", "male", "beard"), 8, 4, 4)
    both = WithLearned(own, [attribute("hats"), attribute("freckles", 1)])
    assert both.names == ("smile", "male", "beard", "hats", "freckles")
    z = normalize(torch.randn(6, 8))
    asked = range(5) if columns is None else columns
    wanted = None if columns is None else torch.tensor(columns, dtype=torch.long)
    logits, gradients = both.at(wanted)(z)
    assert torch.allclose(logits, both(z, wanted), atol=1e-6) and logits.shape == (6, len(asked))
    for place, column in enumerate(asked):
        x = z.clone().requires_grad_()
        if column < 3:
            by_hand = own(x)[:, column]
        else:
            one = attribute(seed=column - 3)
            by_hand = x @ one.weight + one.bias
        (slope,) = torch.autograd.grad(by_hand.sum(), x)
        torch.testing.assert_close(logits[:, place], by_hand.detach())
        torch.testing.assert_close(gradients[:, place], slope)
    assert both.covariance is own.covariance
