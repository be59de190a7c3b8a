"""A command's work on pictures, and how it is done: one by one, or a few of them together."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from istrc.cli.files import Job
from istrc.cli.report import EXPECTED, describe
from istrc.errors import OutOfSpace

Numbered = tuple[int, Job]  # a job and its place among the inputs
Part = Sequence[Numbered]  # of at most `Task.at_once`, which are done together
PIXELS_AT_ONCE = 6_000_000  # of the pictures that are done together; one may be larger


@dataclass
class Outcome:
    """What became of one input."""

    # For the account; `input` and `output` are among them
    facts: dict[str, Any] = field(default_factory=dict)
    line: str = ""  # the same to a human's eye
    # What a user should know beside it, a line each
    remarks: list[str] = field(default_factory=list)
    # What the command was asked for, lines for standard output
    listed: list[str] = field(default_factory=list)
    error: str | None = None  # why it failed, or None
    full: bool = False  # it failed because the disk is
    seconds: float = 0.0  # that it took


Done = Generator[tuple[int, Outcome]]  # of each job that is done, by its place among the inputs


@dataclass(frozen=True)
class Task:
    """A command's work on one picture, as it can be sent to another process."""

    # (opened, job, settings) -> Outcome, or what `together` takes of one picture: a function of a
    # module, which may raise what is expected. If it has `pixels`, so many are held until the
    # picture is done
    load: Callable[[Any, Job, dict[str, Any]], Any]
    # All that the output depends on, beside the picture and what is opened
    settings: dict[str, Any]
    # () -> what the work needs and no pipe can carry, such as the circle; a function of a module,
    # or a partial of one
    open: Callable[[], Any]
    runtime: str = "torch"  # what it is opened for (istrc.runtime)
    # The rest of the work, where that is quicker on several pictures than on one: (opened, [(job,
    # what `load` returned)], settings) -> their outcomes, errors among them
    together: Callable[[Any, Sequence[tuple[Job, Any]], dict[str, Any]], list[Outcome]] | None = (
        None
    )
    at_once: int = 1  # the most of them; less where their pixels are more than `PIXELS_AT_ONCE`
    side_by_side: bool = False  # `load` holds no pixels and looks at several pictures at a time


@dataclass
class Stop:  # and no threading.Event, whose lock a signal's handler may find taken
    """Whether the work was asked to stop."""

    asked: bool = False


@dataclass(frozen=True)
class Loaded:
    """A job of which `Task.load` is done: what it returned, an Outcome where no more is to do."""

    number: int
    job: Job
    value: Any
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


def in_this_process(parts: Sequence[Part], task: Task, opened: Any, stop: Stop) -> Done:
    """The jobs in this process. While some are done, a thread loads the next."""
    batches = loaded_batches(opened, parts, task, stop)
    if task.together is None or len(parts) == 1:
        for loaded in batches:
            yield from finished(opened, loaded, task)
        return
    with ThreadPoolExecutor(1) as ahead:
        loading: Future[list[Loaded]] = ahead.submit(next, batches, [])
        while loaded := loading.result():
            loading = ahead.submit(next, batches, [])
            yield from finished(opened, loaded, task)
            if stop.asked:
                return


def loaded_batches(
    opened: Any, parts: Iterable[Part], task: Task, stop: Stop
) -> Generator[list[Loaded]]:
    """Of each part the jobs that are done together: all, or as many as may be held.

    When it is stopped they are not begun: a few of them would be drawn otherwise than all.
    """

    def load(one: Numbered) -> Loaded:
        started = time.monotonic()
        value = attempted(task.load, opened, one[1], task.settings)
        return Loaded(*one, value, time.monotonic() - started)

    for part in parts:
        if stop.asked:
            return
        if task.side_by_side:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                yield list(pool.map(load, part))
            continue
        part, known = _pruned(part, load)
        loaded: list[Loaded] = []
        pixels = 0
        for one in part:
            if stop.asked:
                return
            loaded.append(known.pop(one[0]) if one[0] in known else load(one))
            pixels += getattr(loaded[-1].value, "pixels", 0)
            if pixels >= PIXELS_AT_ONCE:
                yield loaded
                loaded, pixels = [], 0
        if loaded:
            yield loaded


def _pruned(part: Part, load: Callable[[Numbered], Loaded]) -> tuple[Part, dict[int, Loaded]]:
    """A part, without its company where nothing in it can be done, and what was loaded for that.

    So a picture that fails in every run costs its neighbours nothing.
    """
    known: dict[int, Loaded] = {}
    todo = [one for one in part if not one[1].done]
    if len(todo) < len(part):
        for one in todo:
            known[one[0]] = load(one)
            if not isinstance(known[one[0]].value, Outcome):
                return part, known
    return todo, known


def _together(opened: Any, good: Sequence[Loaded], task: Task) -> list[Outcome]:
    """The outcomes of what was loaded, done together; each alone where that fails, so that one that
    cannot be done, or all that are too much, cost no other.
    """
    assert task.together is not None
    given = [(one.job, one.value) for one in good]
    outcomes = attempted(task.together, opened, given, task.settings)
    if not isinstance(outcomes, Outcome):
        return outcomes
    if outcomes.full or len(good) == 1:
        return [outcomes] * len(good)
    return [_together(opened, [one], task)[0] for one in good]


def finished(opened: Any, loaded: Sequence[Loaded], task: Task) -> Done:
    """The outcomes of jobs that were loaded, by their numbers, in their order.

    Not of those that were there: they are only drawn along.
    """
    good = [one for one in loaded if not isinstance(one.value, Outcome)]
    if all(one.job.done for one in good):
        good = []
    started = time.monotonic()
    done = iter(_together(opened, good, task) if good else ())
    share = (time.monotonic() - started) / max(len(good), 1)
    for one in loaded:
        failed = isinstance(one.value, Outcome)
        outcome = one.value if failed or not good else next(done)
        if one.job.done:
            continue
        outcome.seconds = round(one.seconds + (0 if failed else share), 3)
        yield one.number, outcome
