"""How far a long work is: a bar on a terminal, a line every half minute elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

BAR_AFTER = 2.0  # seconds of work before a progress bar is worth looking at
LINE_EVERY = 30.0  # seconds, where it is not a terminal that is told


class Bar:
    """A progress bar on standard error that shows itself only if the work takes long.

    Where that is no terminal, a line every `LINE_EVERY` seconds.

    Args:
        first: of the total, what had been done before.
        lasting: the bar stays when all is done, or the last line is told in any case.
    """

    def __init__(self, label: str, total: int, first: int = 0, *, lasting: bool = False):
        self.label, self.total, self.count, self.first = label, total, first, first
        self.lasting, self.text = lasting, ""
        self.progress: Any = None  # rich's, imported where it is shown
        self.lock = threading.Lock()
        self.started = self.printed = time.monotonic()

    def __enter__(self) -> Bar:
        self.timer = None
        if self.total and sys.stderr.isatty():
            self.timer = threading.Timer(BAR_AFTER, self._show)
            self.timer.daemon = True
            self.timer.start()
        return self

    def advance(self) -> None:
        with self.lock:
            self.count += 1
            if self.progress is not None:
                now = dict(completed=self.count, total=self.total, text=self.text)
                self.progress.update(self.task, **now)
            elif self.timer is None and self.count > self.first:
                last = self.lasting and self.count == self.total
                if last or time.monotonic() - self.printed >= LINE_EVERY:
                    self._tell()

    def _tell(self) -> None:
        self.printed = time.monotonic()
        speed = (self.count - self.first) / max(self.printed - self.started, 1e-9)
        left = (self.total - self.count) / max(speed, 1e-9)
        line = f"{self.label}: {self.count} of {self.total}, {rate(speed)}, {span(left)} left"
        line += f": {self.text}" if self.text else ""
        print(line, file=sys.stderr, flush=True)

    def at(self, count: int, total: int, text: str = "") -> None:
        """Move to `count` of `total`, for work that counts by itself; `text` stands behind it."""
        self.total, self.count, self.text = total, count - 1, text
        self.advance()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            Task,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Rate(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(rate(task.speed))

        with self.lock:
            self.progress = Progress(
                "{task.description}",
                BarColumn(),
                MofNCompleteColumn(),
                Rate(),
                TimeRemainingColumn(),
                "{task.fields[text]}",
                console=Console(stderr=True),
                transient=not self.lasting,
            )
            self.task = self.progress.add_task(
                self.label, total=self.total, completed=self.count, text=self.text
            )
            self.progress.start()

    def __exit__(self, *_: object) -> None:
        if self.timer is not None:
            self.timer.cancel()
        with self.lock:
            if self.progress is not None:
                self.progress.stop()


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
