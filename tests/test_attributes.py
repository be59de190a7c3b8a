"""What edits mean, by the table of attributes."""

import pytest

from istrc.attributes import painting


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (None, (True, False)),
        (["makeup"], (True, False)),  # of unknown strength
        ({"makeup": 1.0}, (True, False)),
        ({"makeup": -1.0}, (False, True)),
        ({"makeup": -1.0, "beard": 1.0}, (True, False)),
        ({"bushy_eyebrows": -1.0}, (False, False)),  # not of the lips
        ({"beard": -1.0}, (False, False)),  # hair, and no paint
        ({"smile": 1.0, "young": -1.0}, (False, False)),
    ],
)
def test_paint_comes_or_goes(edits, expected):
    assert painting(edits) == expected
