"""Memory under load: what is kept is seen to grow, what is not is flat; failures are counted."""

import os
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
PIECE = 1_000_000  # bytes


def test_what_is_kept_grows_and_what_fails_is_counted():
    from tools.soak import measured

    kept = []

    def keep(k):
        kept.append(b"x" * PIECE)
        if k == 3:
            raise ValueError("three")

    found = measured(keep, 40, 60.0, os.getpid())
    assert found["times"] == 40 and found["failed"] == ["ValueError: three"]
    assert found["mb_per_thousand"] == pytest.approx(1000, rel=0.2)
    assert found["mb"][1] - found["mb"][0] == pytest.approx(29, abs=6)
    flat = measured(lambda k: b"x" * PIECE, 40, 60.0, os.getpid(), workers=2)
    assert flat["failed"] == [] and abs(flat["mb_per_thousand"]) < 200
