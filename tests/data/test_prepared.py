"""The prepared format's parts of train: nobody is in both, and a few people are enough."""

import json

import numpy as np
import pytest

from istrc.data.prepared import Prepared
from istrc.errors import InputError


@pytest.fixture
def prepared(tmp_path):
    def make(identity, split=None, smile=None):
        count = len(identity)
        arrays = {
            "images": np.zeros((count, 4, 4, 3), np.uint8),
            "attributes": np.array([smile or [0] * count], np.int8).T,
            "identity": np.array(identity, np.int32),
            "split": np.array(split if split is not None else [0] * count, np.int8),
        }
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)
        info = {"format": 1, "count": count, "attributes": ["smile"], "complete": True}
        (tmp_path / "prepared.json").write_text(json.dumps(info))
        return Prepared(tmp_path)

    return make


@pytest.mark.parametrize(
    "identity, tune",
    [
        (list(range(100)), [0, 20, 40, 60, 80]),  # one number in twenty
        ([7, 7, 3, 5, 5], [2]),  # no number in twenty: the first person
        ([-1] * 41, [0, 20, 40]),  # nobody is known: one face in twenty
    ],
)
def test_fit_and_tune_divide_the_people_of_train(identity, tune, prepared):
    faces = prepared(identity)
    assert faces.rows("tune").tolist() == tune
    rest = sorted({*range(len(identity))} - {*tune})
    assert faces.rows("fit").tolist() == rest
    known = np.array(identity)
    assert not set(known[tune]) & set(known[rest]) - {-1}


def test_of_a_few_classes_some_pictures_of_each_are_held_out(prepared):
    faces = prepared([3] * 25 + [8] * 15, [0] * 40)
    assert faces.rows("tune").tolist() == [0, 10, 20, 25, 35]
    assert faces.rows("fit").tolist() == [k for k in range(40) if k not in (0, 10, 20, 25, 35)]


def test_no_one_is_held_out_who_alone_has_an_attribute(prepared):
    """Fewer pictures than of classes, but the class held out would be all that has it."""
    identity, had = [0] * 12 + [1] * 11, [1] * 12 + [0] * 11
    assert prepared(identity, smile=had).rows("tune").tolist() == [0, 10, 12, 22]
    assert prepared(identity, smile=[1, 0] * 11 + [1]).rows("tune").tolist() == list(range(12))
    # One picture of each: no other can be held out, and one person has to be
    assert prepared([0, 1, 2], smile=[1, 0, 0]).rows("tune").tolist() == [0]


def test_other_splits_are_in_neither(prepared):
    faces = prepared([1, 2, 20, 40], [0, 0, 1, 2])
    assert faces.rows("tune").tolist() == [0] and faces.rows("fit").tolist() == [1]
    assert faces.rows("valid").tolist() == [2] and faces.rows("test").tolist() == [3]


@pytest.mark.parametrize("identity, split", [([4, 4, 4], [0, 0, 0]), ([1, 2], [1, 2])])
def test_one_person_cannot_be_divided(identity, split, prepared):
    with pytest.raises(InputError, match="at least two people"):
        prepared(identity, split).rows("fit")


def test_batches_are_the_faces_in_order_and_a_size_is_asked_for(prepared):
    faces = prepared([1, 2, 3, 4, 5])
    faces.images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
    rows = np.array([4, 0, 3])
    parts = list(faces.batches(rows, 2))
    assert [len(part) for part in parts] == [2, 1] and list(faces.batches(rows[:0])) == []
    assert np.array_equal(np.concatenate(parts), faces.batch(rows))
    assert faces.of_size(4) is faces
    with pytest.raises(InputError, match="--size 8"):
        faces.of_size(8)


@pytest.mark.parametrize(
    "name, array, says",
    [
        ("attributes", np.zeros((4, 2), np.int8), "of shape (4, 2) and int8, which"),
        ("identity", np.zeros(4, np.float32), "of shape (4,) and float32, which"),
        ("split", np.zeros(3, np.int8), "arrays of different lengths [3, 4]"),
        ("split", np.array(0, np.int8), "split.npy: not one array"),
    ],
)
def test_arrays_that_prepare_does_not_write_are_one_line(name, array, says, prepared, tmp_path):
    prepared([1, 2, 3, 4])
    np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(InputError) as caught:
        Prepared(tmp_path)
    assert says in str(caught.value) and str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value) and "prepare" in str(caught.value)


def test_a_column_is_one_attribute_and_one_that_is_not_there_is_named(prepared):
    faces = prepared([1, 2])
    assert faces.column("smile").tolist() == [0, 0]
    with pytest.raises(InputError, match="no attribute 'beard' in this data"):
        faces.column("beard")
