"""How far a long work is, told."""

import re

import pytest

from istrc import progress as module
from istrc.progress import Bar, rate, span


@pytest.mark.parametrize(
    ("speed", "said"), [(None, ""), (0, ""), (4.25, "4.2/s"), (1, "1.0/s"), (0.25, "4.0 s each")]
)
def test_how_fast_it_goes_is_said_as_anybody_would(speed, said):
    assert rate(speed) == said


def test_where_no_terminal_is_told_it_is_a_line_every_so_often(capsys, monkeypatch):
    """A hundred items of a second each."""
    clock = iter(range(10_000))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(module, "LINE_EVERY", 30.0)
    with Bar("edit", 1) as bar:
        for _ in range(60):
            bar.at(0, 100)  # before the first is done there is nothing to tell
        for _ in range(100):
            bar.advance()
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 4
    for line in lines:
        count, each, left = re.fullmatch(r"edit: (\d+) of 100, (.*), (.*) left", line).groups()
        assert each.endswith(("/s", "each")) and left.endswith(("s", "min")) and int(count) < 100


def test_a_short_work_says_nothing(capsys):
    with Bar("edit", 3) as bar:
        for _ in range(3):
            bar.advance()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (89, "89 s"), (600, "10 min"), (7500, "2 h 5 min")]
)
def test_how_long(seconds, said):
    assert span(seconds) == said


def test_what_was_done_before_is_not_what_it_has_taken(capsys, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    with Bar("train", 100, 90, lasting=True) as bar:
        bar.at(90, 100, "loss 2")
        bar.at(100, 100, "loss 1")
    [line] = capsys.readouterr().err.splitlines()  # the last in any case
    assert line == "train: 100 of 100, 10.0/s, 0 s left: loss 1"
