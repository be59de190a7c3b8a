import numpy as np
import pytest
import torch

from istrc.circle import Circle
from istrc.errors import InputError
from istrc.evaluation.peers.examples import composite, composite_code


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


def test_a_change_shows_inside_the_mask(x, mask):
    change = torch.randn(x.shape, generator=torch.manual_seed(0))
    found = composite(x, change)
    for face in range(len(x)):
        for channel in range(3):
            wanted = (x[face, channel] + mask * change[face, channel]).clamp(-1, 1)
            torch.testing.assert_close(found[face, channel], wanted)
    assert torch.equal(composite(x, 0 * change), x)


def test_no_change_of_the_code_is_the_face_itself(untrained, x):
    c = untrained.encode(x)
    torch.testing.assert_close(composite_code(untrained, x, c, torch.zeros_like(c)), x)


def test_codes_with_shapes_are_drawn_in_them(untrained_parts, mask):
    circle = Circle(**untrained_parts())
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    c = circle.encode(x)
    change = 0.05 * torch.randn(c.shape, generator=torch.manual_seed(0))
    wanted = composite(x, circle.decode_code(c + change) - circle.decode_code(c))
    found = composite_code(circle, x, c, change)
    torch.testing.assert_close(found, wanted)
    assert not torch.equal(found, x)
