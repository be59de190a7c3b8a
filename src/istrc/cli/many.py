"""One command on many pictures: what is there already is left alone, the rest is done.

Pictures are done one by one or by several processes, told in the order of the inputs, and recorded
as soon as they are done. Ctrl-C lets the pictures at hand be finished and begins no other; a
second one stops at once. No picture outlives its turn: 10,000 take the memory of one.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Annotated, Any

import typer

from istrc.cli.files import Job, find_all, plan_outputs
from istrc.cli.made import Made
from istrc.cli.report import EXPECTED, Report, describe
from istrc.cli.table import ReportOption, table_file
from istrc.errors import IstrcError, OutOfSpace
from istrc.progress import Bar


@dataclass
class BatchOptions:
    """How a command works through its inputs."""

    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            min=1,
            max=64,
            metavar="N",
            help="Pictures done at once, each in a process of its own with its own copy of the "
            "model.",
        ),
    ] = 1
    table: ReportOption = None

    def plan(
        self, report: Report, inputs: list[str], out: str | None = None, suffix: str | None = None
    ) -> tuple[list[Job], bool]:
        """What is to be done (see `plan_outputs`), and whether OUT is a folder for it. What cannot
        be begun is reported.
        """
        found = find_all(inputs)
        report.table = table_file(self.table, found.paths)
        jobs = [Job(path, None) for path in found.paths]
        clashes: list = []
        if out is not None:
            jobs, clashes = plan_outputs(found.paths, out, several=found.several, suffix=suffix)
        report.all_failed(found.missing + clashes)
        return jobs, found.several


@dataclass
class ResumeOptions(BatchOptions):
    """The same of a command that goes on where it was stopped."""

    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Do all inputs. Otherwise an output in a folder that this very command made "
            "before, from an input that has not changed since, is left as it is.",
        ),
    ] = False


TOGETHER = 64  # pictures at once, where a command can


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
        together: the work on up to `TOGETHER` pictures, where that is quicker than one by one:
            (opened, jobs, settings) -> their outcomes, errors among them (see `attempted`).
    """

    work: Callable[[Any, Job, dict[str, Any]], Outcome] | None
    settings: dict[str, Any]
    open: Callable[[], Any]
    runtime: str = "torch"
    together: Callable[[Any, Sequence[Job], dict[str, Any]], list[Outcome]] | None = None


@dataclass
class _Stop:  # and no threading.Event, whose lock a signal's handler may find taken
    asked: bool = False


def do_all(
    report: Report,
    jobs: Sequence[Job],
    task: Task,
    opened: Any,
    *,
    processes: int = 1,
    made: Made | None = None,
    tell: Callable[[Report, Job, Outcome], None] | None = None,
) -> None:
    """Do the task on every job, and tell the report of each in their order.

    `opened`: what the task opens, for this process. `tell`: how a job that was done is told.

    Raises KeyboardInterrupt if it was stopped and OutOfSpace if the disk is full, both after what
    had been done is told and the rest is listed as not done.
    """
    ready: dict[int, Outcome] = {}
    for number, job in enumerate(jobs):
        if made is not None and (facts := made.find(job)) is not None:
            ready[number] = Outcome({**facts, "already": True})
    already = len(ready)
    todo = [(number, job) for number, job in enumerate(jobs) if number not in ready]
    told, full = 0, None
    with _gently(len(todo) > 1) as stop, Bar(report.command, len(jobs), already) as bar:
        if min(processes, len(todo)) > 1:
            outcomes = _apart(todo, task, min(processes, len(todo)), stop)
        else:
            outcomes = _here(todo, task, opened, stop)
        with contextlib.closing(outcomes):
            for number, outcome in outcomes:
                if outcome.error is None and made is not None:
                    outcome = _record(made, jobs[number], outcome)
                if outcome.full:
                    stop.asked, full = True, full or outcome.error
                else:
                    ready[number] = outcome
                while told in ready:
                    _tell(report, jobs[told], ready.pop(told), tell)
                    told += 1
                bar.advance()
    for number in range(told, len(jobs)):  # after a gap, when it was stopped
        if number in ready:
            _tell(report, jobs[number], ready[number], tell)
        else:
            why = "not done: the disk is full" if full else "not done: stopped"
            report.rows.append({"input": str(jobs[number].source), "error": why})
    if already:
        report.say(f"{already} of {len(jobs)} were done already and are left; --again redoes them")
    if full:
        raise OutOfSpace(full)
    if stop.asked:
        raise KeyboardInterrupt


def _record(made: Made, job: Job, outcome: Outcome) -> Outcome:
    try:
        made.add(job, {**outcome.facts, "seconds": outcome.seconds})
    except OSError as error:
        if _is_full(error):
            outcome.error, outcome.full = f"{describe(error)}; make room, then run it again", True
        else:
            outcome.remarks.append(f"not recorded, so it will be done again: {describe(error)}")
    return outcome


def _tell(
    report: Report, job: Job, outcome: Outcome, tell: Callable[[Report, Job, Outcome], None] | None
) -> None:
    if outcome.error is not None:
        report.failed(job.source, outcome.error)
        report.rows[-1]["seconds"] = outcome.seconds
        return
    if tell is not None:
        tell(report, job, outcome)
    else:
        report.done(outcome.line, **{"seconds": outcome.seconds, **outcome.facts})
    if not report.as_json:
        for line in outcome.listed:
            print(line, flush=True)
    for remark in outcome.remarks:
        report.say(remark)


def _attempt(opened: Any, jobs: Sequence[Job], task: Task) -> list[Outcome]:
    started = time.monotonic()
    if task.together is not None:
        outcomes = task.together(opened, jobs, task.settings)
    else:
        assert task.work is not None
        outcomes = [attempted(task.work, opened, job, task.settings) for job in jobs]
    for outcome in outcomes:
        outcome.seconds = round((time.monotonic() - started) / len(jobs), 3)
    return outcomes


def attempted(work: Callable[..., Any], *given: Any) -> Any:
    """What a work on one picture returns; an Outcome that tells why where it failed."""
    try:
        return work(*given)
    except OutOfSpace as error:
        return Outcome(error=str(error), full=True)
    except EXPECTED as error:
        return Outcome(error=describe(error), full=_is_full(error))


def _parts(
    todo: Sequence[tuple[int, Job]], task: Task, processes: int
) -> list[Sequence[tuple[int, Job]]]:
    """What is done at once: at least one part for each of the processes."""
    size = 1 if task.together is None else min(TOGETHER, max(1, len(todo) // processes))
    return [todo[start : start + size] for start in range(0, len(todo), size)]


def _is_full(error: BaseException) -> bool:
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)


def _here(
    todo: Sequence[tuple[int, Job]], task: Task, opened: Any, stop: _Stop
) -> Generator[tuple[int, Outcome]]:
    """The jobs in this process."""
    for part in _parts(todo, task, 1):
        if stop.asked:
            return
        numbers, jobs = zip(*part, strict=True)
        yield from zip(numbers, _attempt(opened, jobs, task), strict=True)


def _apart(
    todo: Sequence[tuple[int, Job]], task: Task, count: int, stop: _Stop
) -> Generator[tuple[int, Outcome]]:
    """The jobs in `count` other processes, as they are done; each has one part at a time."""
    from istrc.runtime import threads_of

    # Threads of several processes that fight for the same cores are slower than one of them
    threads = max(1, threads_of(task.runtime) // count)
    context = multiprocessing.get_context("spawn")  # torch does not survive a fork
    waiting = deque(_parts(todo, task, count))
    busy: dict[Any, Any] = {}
    crew: dict[Any, Any] = {}
    try:
        for _ in range(count):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, task, threads), daemon=True)
            with _deaf():
                process.start()
            there.close()
            crew[here] = process
        for pipe in crew:
            busy[pipe] = _give(pipe, waiting)
        while busy:
            ready: list[Any] = connection.wait(list(busy))
            for pipe in ready:
                numbers = busy.pop(pipe)
                try:
                    outcomes = pipe.recv()
                except (EOFError, ConnectionError):
                    for number in numbers:
                        ended = Outcome(error="its process was ended from outside; " + _REMEDY)
                        yield number, ended
                    continue
                if isinstance(outcomes, str):  # a defect of ours, told by its traceback
                    raise RuntimeError(f"in another process:\n{outcomes}")
                if waiting and not stop.asked:
                    busy[pipe] = _give(pipe, waiting)
                yield from zip(numbers, outcomes, strict=True)
        if waiting and not stop.asked:
            raise IstrcError(f"all {count} processes were ended from outside; {_REMEDY}")
    finally:
        for pipe, process in crew.items():
            if pipe in busy:  # it would finish its picture first
                process.terminate()
            pipe.close()
        for process in crew.values():
            process.join()


def _give(
    pipe: connection.Connection, waiting: deque[Sequence[tuple[int, Job]]]
) -> tuple[int, ...]:
    """Send the next jobs; their numbers. Of a process that is gone the answer will tell."""
    numbers, jobs = zip(*waiting.popleft(), strict=True)
    with contextlib.suppress(OSError):
        pipe.send(jobs)
    return numbers


_REMEDY = "if memory ran out, use fewer --jobs or smaller pictures"


def _serve(pipe: connection.Connection, task: Task, threads: int) -> None:
    """Another process: does jobs until the pipe is closed, even by the death of the command."""
    # A terminal sends Ctrl-C to all its processes; the command decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Leaves by way of `finally`, so that no half a picture stays
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        from istrc.runtime import limit_threads

        limit_threads(task.runtime, threads)
        opened = task.open()
        while True:
            try:
                jobs = pipe.recv()
            except (EOFError, OSError):
                return
            pipe.send(_attempt(opened, jobs, task))
    except BrokenPipeError:
        return
    except Exception:
        with contextlib.suppress(OSError):
            pipe.send(traceback.format_exc())


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """What is started here does not hear Ctrl-C, from its first instruction on."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _gently(many: bool) -> Iterator[_Stop]:
    """Ctrl-C asks to stop; a second one, or any where there is but one picture, does."""
    stop = _Stop()
    if not many or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: Any) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
