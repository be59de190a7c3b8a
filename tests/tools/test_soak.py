"""Memory under load: what is kept is seen to grow, what is not is flat; failures are counted."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
PIECE = 1_000_000  # bytes
# A process of its own: in this one, what other tests gave back is taken again before it grows
KEEPS = f"""
import sys
kept = []
for line in sys.stdin:
    piece = b"x" * {PIECE}
    if line.strip() == "keep":
        kept.append(piece)
    print(flush=True)
"""


def test_what_is_kept_grows_and_what_fails_is_counted():
    from tools.soak import measured

    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", KEEPS], **pipes) as process:

        def ask(word):
            process.stdin.write(f"{word}\n")
            process.stdin.flush()
            process.stdout.readline()

        def keep(k):
            ask("keep")
            if k == 3:
                raise ValueError("three")

        found = measured(keep, 40, 60.0, process.pid)
        flat = measured(lambda k: ask("drop"), 40, 60.0, process.pid)
        process.stdin.close()
    assert found["times"] == 40 and found["failed"] == ["ValueError: three"]
    assert found["mb_per_thousand"] == pytest.approx(1000, rel=0.2)
    assert found["mb"][1] - found["mb"][0] == pytest.approx(29, abs=6)
    assert flat["failed"] == [] and abs(flat["mb_per_thousand"]) < 200


def test_several_at_once_do_each_once():
    from tools.soak import measured

    done = []
    assert measured(done.append, 40, 60.0, os.getpid(), workers=2)["times"] == 40
    assert sorted(done) == list(range(40))
