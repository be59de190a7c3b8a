"""A command's work on pictures, and how it is done: one by one, or a few of them together."""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from istrc.cli.files import Job
from istrc.cli.report import EXPECTED, describe
from istrc.errors import OutOfSpace

Numbered = tuple[int, Job]  # a job and its place among the inputs
PIXELS_HELD = 6_000_000  # of the pictures that are done together; one may be larger


@dataclass
class Outcome:
    """What became of one input.

    Attributes:
        facts: for the account; `input` and `output` are among them.
        line: the same to a human's eye.
        remarks: what a user should know beside it, a line each.
        listed: what the command was asked for, lines for standard output.
        error: why it failed, or None. full: because the disk is.
        seconds: that it took.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    line: str = ""
    remarks: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    error: str | None = None
    full: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class Task:
    """A command's work on one picture, as it can be sent to another process.

    Attributes:
        work: (opened, job, settings) -> Outcome, a function of a module; None with `together`.
        settings: all that the output depends on, beside the picture and what is opened.
        open: () -> what the work needs and no pipe can carry, such as the circle; a function of a
            module, or a partial of one.
        runtime: what it is opened for (istrc.runtime).
        look: (opened, job, settings) -> what `together` takes of one picture; may raise what is
            expected. If it has `pixels`, so many are held until the picture is done.
        together: the rest of the work, where that is quicker on several pictures than on one:
            (opened, [(job, what look returned)], settings) -> their outcomes, errors among them.
        at_once: the most of them; less where their pixels are more than `PIXELS_HELD`.
        side_by_side: `look` holds no pixels and looks at several pictures at a time.
    """

    work: Callable[[Any, Job, dict[str, Any]], Outcome] | None
    settings: dict[str, Any]
    open: Callable[[], Any]
    runtime: str = "torch"
    look: Callable[[Any, Job, dict[str, Any]], Any] | None = None
    together: Callable[[Any, Sequence[tuple[Job, Any]], dict[str, Any]], list[Outcome]] | None = (
        None
    )
    at_once: int = 1
    side_by_side: bool = False


@dataclass
class Stop:  # and no threading.Event, whose lock a signal's handler may find taken
    """Whether the work was asked to stop."""

    asked: bool = False


@dataclass(frozen=True)
class Looked:
    """A job of which `Task.look` is done: what it returned, an Outcome where it failed."""

    number: int
    job: Job
    seen: Any
    seconds: float


def attempted(work: Callable[..., Any], *given: Any) -> Any:
    """What a work on one picture returns; an Outcome that tells why where it failed."""
    try:
        return work(*given)
    except OutOfSpace as error:
        return Outcome(error=str(error), full=True)
    except EXPECTED as error:
        return Outcome(error=describe(error), full=is_full(error))


def is_full(error: BaseException) -> bool:
    """Whether something failed because the disk is full."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)


def here(
    todo: Sequence[Numbered], task: Task, opened: Any, stop: Stop
) -> Generator[tuple[int, Outcome]]:
    """The jobs in this process. While some are done, a thread looks at the next."""
    waiting = deque(todo)
    if task.look is None or len(todo) <= task.at_once:
        while waiting and not stop.asked:
            yield from finished(opened, looked_at(opened, waiting, task, stop), task)
        return
    with ThreadPoolExecutor(1) as ahead:
        looking = ahead.submit(looked_at, opened, waiting, task, stop)
        while looked := looking.result():
            looking = ahead.submit(looked_at, opened, waiting, task, stop)
            yield from finished(opened, looked, task)
            if stop.asked:
                return


def looked_at(opened: Any, waiting: deque[Numbered], task: Task, stop: Stop) -> list[Looked]:
    """The next jobs that are done together, taken from those that wait; none when stopped."""

    def look(one: Numbered) -> Looked:
        started = time.monotonic()
        seen = None
        if task.look is not None:
            seen = attempted(task.look, opened, one[1], task.settings)
        return Looked(*one, seen, time.monotonic() - started)

    looked: list[Looked] = []
    if task.side_by_side and not stop.asked:
        some = [waiting.popleft() for _ in range(min(task.at_once, len(waiting)))]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(look, some))
    held = 0
    while waiting and len(looked) < task.at_once and held < PIXELS_HELD and not stop.asked:
        looked.append(look(waiting.popleft()))
        held += getattr(looked[-1].seen, "pixels", 0)
    return looked


def finished(opened: Any, looked: Sequence[Looked], task: Task) -> Generator[tuple[int, Outcome]]:
    """The outcomes of jobs that were looked at, by their numbers, in their order."""
    good = [one for one in looked if not isinstance(one.seen, Outcome)]
    started = time.monotonic()
    made: list[Outcome] = []
    if task.together is not None and good:
        made = task.together(opened, [(one.job, one.seen) for one in good], task.settings)
    elif task.work is not None:
        made = [attempted(task.work, opened, one.job, task.settings) for one in good]
    share = (time.monotonic() - started) / max(len(good), 1)
    done = iter(made)
    for one in looked:
        failed = isinstance(one.seen, Outcome)
        outcome = one.seen if failed else next(done)
        outcome.seconds = round(one.seconds + (0 if failed else share), 3)
        yield one.number, outcome
