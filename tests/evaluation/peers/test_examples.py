import numpy as np
import pytest
import torch

from istrc.errors import InputError


def test_examples_are_of_fit_and_what_the_circle_sees(untrained, prepared, examples):
    fit, valid = set(prepared.rows("fit")), prepared.rows("valid")
    assert len(examples.rows) == 120 and set(examples.rows) <= fit
    assert not set(prepared.rows("tune")) & set(examples.rows) and not set(valid) & fit
    x = prepared.batch(examples.rows[70:73])
    torch.testing.assert_close(examples.z[70:73], untrained.embed(x))
    torch.testing.assert_close(examples.h[70:73], untrained.encode(x))


def test_sides_leave_the_unknown_out(prepared, examples):
    having, lacking = examples.sides("wide_mouth")
    labels = prepared.column("wide_mouth")[examples.rows]
    assert having.tolist() == [i for i, label in enumerate(labels) if label == 1]
    assert lacking.tolist() == [i for i, label in enumerate(labels) if label == 0]
    assert len(having) + len(lacking) < len(labels)


def test_a_side_without_faces_is_told(examples, monkeypatch):
    monkeypatch.setattr(examples, "rows", examples.rows[:0])
    with pytest.raises(InputError, match="0 faces with smile"):
        examples.sides("smile")
    assert np.size(examples.rows) == 0
