"""What edits mean, by the table of attributes."""

import pytest

from istrc.attributes import painting


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (None, (True, 0)),
        (["makeup"], (True, 0)),  # of unknown strength
        ({"makeup": 1.0}, (True, 0)),
        ({"makeup": -1.0}, (False, 1)),
        ({"wearing_lipstick": -0.5}, (False, 0.5)),
        ({"makeup": -2.0}, (False, 1)),  # no more than there is
        ({"makeup": -1.0, "beard": 1.0}, (True, 0)),
        ({"bushy_eyebrows": -1.0}, (False, 0)),  # not of the lips
        ({"beard": -1.0}, (False, 0)),  # hair, and no paint
        ({"smile": 1.0, "young": -1.0}, (False, 0)),
        ({"male": 1.0}, (False, 0)),
    ],
)
def test_paint_comes_or_goes(edits, expected):
    assert painting(edits) == expected
