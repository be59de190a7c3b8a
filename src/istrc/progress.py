"""How far a long work is: a bar on a terminal, a line every half minute elsewhere.

Works lie within works, a command round all of them: of the bars under way the innermost is seen.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

BAR_AFTER = 2.0  # seconds of work before a progress bar is worth looking at
FIRST_LINE = 10.0  # seconds before the first line, where it is not a terminal that is told
LINE_EVERY = 30.0  # seconds from there to the next lines

_under_way: list[Bar] = []  # the innermost last
_lock = threading.RLock()  # of all bars


class Bar:
    """Tells on standard error how far a work is if it takes long, whether it moves or not.

    Args:
        total: of how many; 0 where nobody knows.
        first: of the total, what had been done before.
        lasting: the bar stays when all is done, or the last line is told in any case.
    """

    def __init__(self, label: str, total: int = 0, first: int = 0, *, lasting: bool = False):
        self.label, self.total, self.count, self.first = label, total, first, first
        self.lasting, self.text = lasting, ""
        self.progress: Any = None  # rich's, imported where it is shown
        self.terminal = sys.stderr.isatty()
        self.ended = threading.Event()
        self.started = time.monotonic()

    def __enter__(self) -> Bar:
        with _lock:
            if _under_way:
                _under_way[-1]._hide()
            _under_way.append(self)
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def _watch(self) -> None:
        wait = BAR_AFTER if self.terminal else FIRST_LINE
        while not self.ended.wait(wait):
            wait = BAR_AFTER if self.terminal else LINE_EVERY
            with _lock:
                if self.ended.is_set() or _under_way[-1] is not self:
                    continue
                if not self.terminal:
                    self._tell()
                elif self.progress is None:
                    self._show()

    def advance(self) -> None:
        with _lock:
            self.count += 1
            if self.progress is not None:
                self.progress.update(self.task, completed=self.count, total=self.total or None)
            if self.lasting and not self.terminal and self.first < self.count == self.total:
                self._tell()

    def at(self, count: int, total: int, text: str = "") -> None:
        """Move to `count` of `total`, for work that counts by itself; `text` stands behind it.
        Where the count falls another part of the work begins, with a rate of its own.
        """
        if count < self.count:
            self.started, self.first = time.monotonic(), 0
        self.total, self.count, self.text = total, count - 1, text
        self.advance()

    def said(self) -> str:
        """How far it is: `12 of 100, 4.2/s, 21 s left`."""
        spent, done = time.monotonic() - self.started, self.count - self.first
        count = f"{self.count} of {self.total}" if self.total else str(self.count)
        if done <= 0:
            said = f"{count}, {span(spent)} so far" if self.total else f"{span(spent)} so far"
        else:
            speed = done / max(spent, 1e-9)
            said = f"{count}, {rate(speed)}"
            said += f", {span((self.total - self.count) / speed)} left" if self.total else ""
        return f"{said}: {self.text}" if self.text else said

    def _tell(self) -> None:
        print(f"{self.label}: {self.said()}", file=sys.stderr, flush=True)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, ProgressColumn, Task
        from rich.text import Text

        class Said(ProgressColumn):
            def render(_, task: Task) -> Text:
                return Text(self.said())

        self.progress = Progress(
            "{task.description}",
            BarColumn(),
            Said(),
            console=Console(stderr=True),
            transient=not self.lasting,
            # What goes into a file belongs there, and not above the bar
            redirect_stdout=sys.stdout.isatty(),
        )
        self.task = self.progress.add_task(
            self.label, total=self.total or None, completed=self.count
        )
        self.progress.start()

    def _hide(self) -> None:
        if self.progress is not None:
            self.progress.stop()
            self.progress = None

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with _lock:
            self._hide()
            _under_way.remove(self)


def in_parts(label: str, total: int, size: int) -> Iterator[slice]:
    """So many at a time of a total, under a bar."""
    with Bar(label, total) as bar:
        for start in range(0, total, size):
            yield slice(start, min(start + size, total))
            bar.at(min(start + size, total), total)


def rate(speed: float | None) -> str:
    """How fast it goes, items a second, as one would say it: `4.2/s`, `3.1 s each`."""
    if not speed:
        return ""
    return f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each"


def span(seconds: float) -> str:
    """How long, as one would say it: `40 s`, `12 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
