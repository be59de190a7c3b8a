"""How far a long work is, told."""

import os
import re
import subprocess
import sys
import textwrap
import threading

import pytest

from istrc import progress as module
from istrc.progress import Bar, in_parts, rate, span


@pytest.mark.parametrize(
    ("speed", "said"), [(None, ""), (0, ""), (4.25, "4.2/s"), (1, "1.0/s"), (0.25, "4.0 s each")]
)
def test_how_fast_it_goes_is_said_as_anybody_would(speed, said):
    assert rate(speed) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (89, "89 s"), (600, "10 min"), (7500, "2 h 5 min")]
)
def test_how_long(seconds, said):
    assert span(seconds) == said


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests set."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def lines(monkeypatch):
    """Lines come at once; the function waits for one that says this."""
    monkeypatch.setattr(module, "FIRST_LINE", 0.005)
    monkeypatch.setattr(module, "LINE_EVERY", 0.005)
    told, came = [], threading.Condition()

    def tell(bar):
        with came:
            told.append(f"{bar.label}: {bar.said()}")
            came.notify_all()

    def wait_for(text):
        with came:
            assert came.wait_for(lambda: any(text in line for line in told), 30), told
            return told

    monkeypatch.setattr(Bar, "_tell", tell)
    return wait_for


def test_rate_and_time_left_are_said(clock):
    with Bar("edit", 100) as bar:
        clock[0] = 12.0
        assert bar.said() == "0 of 100, 12 s so far"
        bar.at(40, 100)
        clock[0] = 20.0
        assert bar.said() == "40 of 100, 2.0/s, 30 s left"
        bar.at(40, 100, "loss 1.5")
        assert bar.said() == "40 of 100, 2.0/s, 30 s left: loss 1.5"


def test_another_part_of_a_work_has_a_rate_of_its_own(clock):
    with Bar("verification", 0, 5) as bar:
        clock[0] = 10.0
        bar.at(1000, 1000)
        bar.at(10, 500)  # the next part has begun
        clock[0] = 15.0
        bar.at(50, 500)
        assert bar.said() == "50 of 500, 10.0/s, 45 s left"


def test_a_total_is_worked_through_in_parts(clock):
    parts, told = in_parts("faces", 10, 4), []
    for part in parts:
        told.append((part, module._under_way[-1].said()))
        clock[0] += 2.0
    assert [part for part, _ in told] == [slice(0, 4), slice(4, 8), slice(8, 10)]
    assert told[-1][1] == "8 of 10, 2.0/s, 1 s left" and not module._under_way


def test_what_nobody_knows_is_not_said(clock):
    with Bar("follow") as bar:
        clock[0] = 100.0
        assert bar.said() == "2 min so far"
        bar.at(50, 0)
        assert bar.said() == "50, 2.0 s each"


def test_where_no_terminal_is_told_it_is_a_line_every_so_often_whether_it_moves_or_not(lines):
    with Bar("edit", 3) as bar:
        lines("edit: 0 of 3, 0 s so far")
        bar.advance()
        lines("edit: 1 of 3, ")
        told = lines("edit: 1 of 3, ")
    assert all(re.fullmatch(r"edit: \d of 3, .* (left|so far)", line) for line in told)


def test_the_innermost_work_is_told(lines):
    with Bar("evaluate"):
        lines("evaluate: 0 s so far")
        with Bar("editing", 5):
            told = lines("")
            told.clear()
            assert all(line.startswith("editing: 0 of 5") for line in lines("editing: "))
        told.clear()
        lines("evaluate: ")


def test_a_short_work_says_nothing(capsys):
    with Bar("edit", 3) as bar:
        for _ in range(3):
            bar.advance()
    assert capsys.readouterr().err == ""


def test_what_was_done_before_is_not_what_it_has_taken(capsys, clock):
    with Bar("train", 100, 90, lasting=True) as bar:
        clock[0] = 2.0
        bar.at(90, 100, "loss 2")
        bar.at(100, 100, "loss 1")
    [line] = capsys.readouterr().err.splitlines()  # the last in any case
    assert line == "train: 100 of 100, 5.0/s, 0 s left: loss 1"


WORK = """
    import sys, time
    from istrc import progress
    progress.BAR_AFTER = 0.01
    with progress.Bar("outer"):
        with progress.Bar("inner", 2) as bar:
            while bar.progress is None:
                time.sleep(0.01)
            bar.advance()
            print("result", flush=True)
            print("remark", file=sys.stderr, flush=True)
            bar.advance()
            time.sleep(0.3)
"""


def test_on_a_terminal_it_is_a_bar_and_what_goes_into_a_file_gets_there(tmp_path):
    pty = pytest.importorskip("pty", reason="terminals are tried where there are Unix's")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with open(tmp_path / "out.txt", "wb") as out:
        code = textwrap.dedent(WORK)
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=out, stderr=theirs, env=environment
        )
    os.close(theirs)
    seen = b""
    try:
        while some := os.read(ours, 65536):
            seen += some
    except OSError:  # Linux's way to say that nobody writes any more
        pass
    assert process.wait() == 0
    os.close(ours)
    assert (tmp_path / "out.txt").read_text() == "result\n"
    shown = seen.decode()
    assert "remark" in shown and "result" not in shown
    assert "inner" in shown and re.search(r"[12] of 2, .* left", shown) and "outer" not in shown
